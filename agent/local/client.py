"""The other end of the agent's socket: a connection for the programs of this folder's words. Decides nothing."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Self

from agent.local import lines
from agent.local.lines import LineError, Reply, Request, Seen

ANSWER_S: Final = 15.0
"""So long may the agent take for one line; its longest look reads a ledger of a month."""

MAX_MOVES: Final = 10_000
"""Moves that wait to be looked at; then the oldest are given up."""


class NotRunningError(Exception):
    """No agent answers at this state folder."""


class SaysNoError(Exception):
    """The agent does not do it; `word` says why, `said` is all that it said."""

    def __init__(self, word: str, said: Reply | None = None) -> None:
        super().__init__(word)
        self.word = word
        self.said = said or Reply(refused=word)


class LocalClient:
    """One connection. Open it with `connect`, `close` it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answers: asyncio.Queue[Reply | None] = asyncio.Queue()
        self._moves: asyncio.Queue[Seen | None] = asyncio.Queue(MAX_MOVES)
        self._turn = asyncio.Lock()
        self._reading = asyncio.create_task(self._read(), name="local-client")

    @classmethod
    async def connect(cls, state: Path) -> Self:
        """Connect to the agent that runs with folder `state`.

        Raises:
            NotRunningError: none does, or it lets nobody else in.
        """
        try:
            folder = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise NotRunningError(error.strerror) from None
        try:
            path = f"/proc/self/fd/{folder}/{lines.SOCKET}"
            reader, writer = await asyncio.open_unix_connection(path, limit=lines.MAX_ANSWER_BYTES)
        except OSError as error:
            raise NotRunningError(error.strerror) from None
        finally:
            os.close(folder)
        return cls(reader, writer)

    async def ask(self, request: Request, patience_s: float = ANSWER_S) -> list[Reply]:
        """Every line of the answer, the last one with `done`; `patience_s` for each of them.

        Raises:
            SaysNoError: it refuses.
            NotRunningError: it went away, or does not answer.
        """
        async with self._turn:  # answers come in the order of the questions
            return [said async for said in self._asked(request, patience_s)]

    async def moves(self) -> AsyncIterator[Seen]:
        """What moves, after `watch` was asked, until the agent goes away."""
        while (seen := await self._moves.get()) is not None:
            yield seen

    async def close(self) -> None:
        """End the connection."""
        self._reading.cancel()
        self._writer.close()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _asked(self, request: Request, patience_s: float) -> AsyncIterator[Reply]:
        try:
            self._writer.write(lines.encode_line(request))
            await self._writer.drain()
            while True:
                async with asyncio.timeout(patience_s):
                    said = await self._answers.get()
                if said is None:
                    self._answers.put_nowait(None)
                    raise NotRunningError
                if said.refused:
                    raise SaysNoError(said.refused, said)
                yield said
                if said.done:
                    return
        except (OSError, TimeoutError):
            raise NotRunningError from None

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                said = lines.decode_reply(line)
                for seen in said.moves:
                    if self._moves.full():
                        self._moves.get_nowait()
                    self._moves.put_nowait(seen)
                if not said.moves:
                    self._answers.put_nowait(said)
        except (OSError, ValueError, LineError):
            pass
        finally:
            self._answers.put_nowait(None)
            if self._moves.full():
                self._moves.get_nowait()
            self._moves.put_nowait(None)
