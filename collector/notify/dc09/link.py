"""One frame to a receiver over TCP and what comes back, within a time and a size. It decides nothing about answers.

Each sending has a connection of its own: one that stands idle between two alarms may have died on the way long since,
and a hold-up would be the first to find out.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from collector.notify.dc09.session import Result
from protocol.dc09.stream import Splitter

MAX_ANSWER_BYTES: Final = 16 * 1024
"""What a receiver may say to one frame; an answer takes some 200 bytes."""

READ_BYTES: Final = 4 * 1024


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long a connection may take, and how long a frame waits for its answer in all."""

    connect_s: float = 5.0
    wait_s: float = 20.0


async def exchange(host: str, port: int, frame: bytes, hear: Callable[[bytes], Result | None], times: Times) -> Result:
    """Say it and hear. `hear` is given each frame that comes back until it says what became of it."""
    end_s = asyncio.get_running_loop().time() + times.wait_s
    try:
        async with asyncio.timeout(min(times.connect_s, times.wait_s)):
            reader, writer = await asyncio.open_connection(host, port, limit=READ_BYTES)
    except (OSError, TimeoutError, UnicodeError):  # UnicodeError: a name that cannot be one
        return Result.UNREACHABLE
    try:
        async with asyncio.timeout_at(end_s):
            writer.write(frame)
            await writer.drain()
            return await _answer(reader, hear)
    except (OSError, TimeoutError):
        return Result.SILENT
    finally:
        writer.close()
        writer.transport.abort()  # what is not answered yet is not waited for
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader, hear: Callable[[bytes], Result | None]) -> Result:
    splitter = Splitter()
    heard = 0
    while heard < MAX_ANSWER_BYTES and (data := await reader.read(READ_BYTES)):
        heard += len(data)
        for frame in splitter.feed(data):
            if result := hear(frame):
                return result
    return Result.SILENT
