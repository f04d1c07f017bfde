"""An alarm panel that dials: SIA DC-09 over TCP or UDP, in clear or enciphered, one message at a time as panels do.

It says what it is told to say, waits for the answer 20 s, says it again under the same number up to three times, and
sets its clock by a NAK (SIA DC-09, sections 5.3 and 5.6). Flow: whoever plays a branch -> here -> the box's receiver.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final

from protocol.dc09.body import Body, encode_body, parse_body
from protocol.dc09.cipher import PADDING, encrypt
from protocol.dc09.contact_id import contact_id
from protocol.dc09.frames import Frame, FrameDamagedError, HeaderError, decode_frame, encode_frame
from protocol.dc09.replies import Reply
from protocol.dc09.sia_dcs import sia_dcs
from protocol.dc09.stream import Splitter

WAIT_S: Final = 20.0
TRIES: Final = 3
HIGHEST: Final = 9_999


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What became of one message: the last answer (None: nobody answered), how often it was sent, how long it took."""

    answer: Reply | None
    sent: int
    took_s: float


def wall_clock() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class Dialler:
    """One panel. Use it as `async with`; not by two tasks at once. `off`: how far its clock is wrong.

    `sequence`: the number of its last message; any if not said: two lives of one panel do not repeat each other.
    """

    def __init__(
        self,
        host: str,
        port: int,
        account: str,
        *,
        key: bytes | None = None,
        receiver: str | None = None,
        udp: bool = False,
        off: timedelta = timedelta(0),
        wait_s: float = WAIT_S,
        tries: int = TRIES,
        sequence: int | None = None,
        clock: Callable[[], datetime] = wall_clock,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.account = account
        self.off = off
        self.sequence = int.from_bytes(random(2)) % HIGHEST if sequence is None else sequence
        self.heeds_nak = True
        self._host, self._port = host, port
        self._key = key
        self._receiver = receiver
        self._udp = udp
        self._wait_s = wait_s
        self._tries = tries
        self._clock = clock
        self._random = random
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._datagrams: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "Dialler":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    async def alarm(self, zone: int, code: str = "BA", *, area: int = 1) -> Heard:
        """A zone acts; `code` says as what: BA burglary, HA hold-up, FA fire, TA tamper..."""
        return await self.say(sia_dcs(code, zone=str(zone), area=str(area), account=self.account))

    async def restore(self, zone: int, code: str = "BR", *, area: int = 1) -> Heard:
        """What acted is over."""
        return await self.alarm(zone, code, area=area)

    async def hold_up(self, zone: int, *, area: int = 1) -> Heard:
        """A button is pressed."""
        return await self.alarm(zone, "HA", area=area)

    async def opening(self, area: int = 1, user: int = 1) -> Heard:
        """Somebody disarmed an area at the panel."""
        return await self.say(sia_dcs("OP", area=str(area), user=str(user), account=self.account))

    async def closing(self, area: int = 1, user: int = 1) -> Heard:
        """Somebody armed an area at the panel."""
        return await self.say(sia_dcs("CL", area=str(area), user=str(user), account=self.account))

    async def contact_id(self, code: str, *, area: int = 1, point: int = 0) -> Heard:
        """The same in Contact ID: `E130`, `R401`..."""
        return await self.say(contact_id(code, area=area, point=point, account=self.account), "ADM-CID")

    async def link_test(self) -> Heard:
        """Say that the panel is there."""
        return await self._until_answered(lambda: self.frame("NULL", 0, b""))

    async def say(self, data: bytes, id_: str = "SIA-DCS") -> Heard:
        """Say anything, under the next number."""
        self.sequence = self.sequence % HIGHEST + 1
        number = self.sequence
        return await self._until_answered(lambda: self.frame(id_, number, data))

    async def send(self, frame: bytes) -> Heard:
        """Send exactly these bytes, and again until somebody answers."""
        return await self._until_answered(lambda: frame)

    def frame(self, id_: str, number: int, data: bytes) -> bytes:
        """The frame that says this now, under this number."""
        body = encode_body(Body(data=data, sent=self._clock() + self.off))
        if self._key is not None:
            body = encrypt(body, self._key, self._random(PADDING))
        return encode_frame(
            Frame(
                id=id_,
                encrypted=self._key is not None,
                sequence=number,
                receiver=self._receiver,
                account=self.account,
                body=body,
            )
        )

    async def hang_up(self) -> None:
        """End the connection."""
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
        if self._datagrams:
            self._datagrams.close()
        self._reading = self._writer = self._datagrams = None

    async def _until_answered(self, frame: Callable[[], bytes]) -> Heard:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        answer: Reply | None = None
        sent = 0
        while sent < self._tries and answer in {None, Reply.NAK}:
            sent += 1
            until_s = loop.time() + self._wait_s
            try:
                async with asyncio.timeout_at(until_s):
                    await self._dial(frame())
                    answer = await self._answer()
            except (OSError, TimeoutError):
                await self.hang_up()
                await asyncio.sleep(max(0.0, until_s - loop.time()))
        return Heard(answer=answer, sent=sent, took_s=loop.time() - begun_s)

    async def _answer(self) -> Reply:
        while True:
            try:
                frame = decode_frame(await self._answers.get())
                reply = Reply(frame.id)
            except (FrameDamagedError, HeaderError, ValueError):
                continue
            if reply is Reply.NAK and self.heeds_nak:
                ours = parse_body(frame.body).sent
                self.off = ours - self._clock() if ours else self.off
            return reply

    async def _dial(self, frame: bytes) -> None:
        while not self._answers.empty():
            self._answers.get_nowait()  # to a message that was given up
        if self._udp:
            if self._datagrams is None:
                loop = asyncio.get_running_loop()
                self._datagrams, _ = await loop.create_datagram_endpoint(
                    lambda: _Answers(self._answers), remote_addr=(self._host, self._port)
                )
            self._datagrams.sendto(frame)
            return
        if self._writer is None or self._reading is None or self._reading.done():
            await self.hang_up()
            reader, self._writer = await asyncio.open_connection(self._host, self._port)
            self._reading = asyncio.create_task(self._read(reader), name=f"panel-{self.account}")
        self._writer.write(frame)
        await self._writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        splitter = Splitter()
        with suppress(OSError):
            while data := await reader.read(4096):
                for frame in splitter.feed(data):
                    self._answers.put_nowait(frame)


class _Answers(asyncio.DatagramProtocol):
    def __init__(self, answers: asyncio.Queue[bytes]) -> None:
        self._answers = answers

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for frame in Splitter().feed(data):
            self._answers.put_nowait(frame)


@asynccontextmanager
async def supervised(dialler: Dialler, every: timedelta) -> AsyncIterator[Dialler]:
    """The panel tests its line every so often while the block runs; it says nothing else meanwhile."""

    async def test() -> None:
        while True:
            await dialler.link_test()
            await asyncio.sleep(every.total_seconds())

    task = asyncio.create_task(test(), name=f"panel-{dialler.account}-supervision")
    try:
        yield dialler
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
