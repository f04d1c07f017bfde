"""Somebody who sits at the demo's desk with the live page open, and sleeps: the desk is manned, nothing is taken.

Logs in with a token and reads the live feed as a browser does, until cancelled. Flow: demo.py -> here -> the centre.
"""

import asyncio
import re
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

AGAIN_S: Final = 2.0
_COOKIE: Final = re.compile(rb"^set-cookie: *([^;\r\n]+)", re.IGNORECASE | re.MULTILINE)
_HEAD_BYTES: Final = 64 * 1024
_FIRST_TICK: Final = b"event: tick"


async def sit(address: str, token: str, seated: asyncio.Event) -> None:
    """Sit there, and say so once; where the centre does not answer, sit down again. Returns never."""
    place = urlsplit(address)
    host, port = place.hostname or "localhost", place.port or 80
    while True:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            cookie = await _log_in(host, port, token)
            await _watch(host, port, cookie, seated)
        await asyncio.sleep(AGAIN_S)


async def _log_in(host: str, port: int, token: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, limit=_HEAD_BYTES)
    try:
        writer.write(
            f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
    found = _COOKIE.search(head)
    if found is None:
        raise ValueError("no login")
    return found[1]


async def _watch(host: str, port: int, cookie: bytes, seated: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=_HEAD_BYTES)
    try:
        writer.write(
            f"GET /api/v1/live HTTP/1.1\r\nHost: {host}:{port}\r\n".encode() + b"Cookie: " + cookie + b"\r\n\r\n"
        )
        await reader.readuntil(_FIRST_TICK)  # by then the centre has noted who is there
        seated.set()
        while await reader.read(_HEAD_BYTES):
            pass
    finally:
        writer.close()
