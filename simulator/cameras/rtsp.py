"""An RTSP/1.0 server (RFC 2326) as cameras have it: interleaved in its TCP connection, with digest login.

Bounded: connections, lengths of what is read, what waits for a slow reader. It knows no picture: feeds give access
units. Faults of login, session limit and silence are played here. Flow: feed.py -> here -> any RTSP client.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from simulator.cameras import rtp
from simulator.cameras.digest import challenge, is_right
from simulator.cameras.encoding import AccessUnit
from simulator.cameras.faults import Fault
from simulator.cameras.feed import Feed
from simulator.cameras.listener import Listener, TooMuchError
from simulator.cameras.state import CameraState

MAX_LINE: Final = 8 * 1024
MAX_LINES: Final = 64
MAX_BODY: Final = 64 * 1024
MAX_WAITING: Final = 1024 * 1024
"""Bytes that wait for a slow reader; beyond, pictures are left out until the next key frame."""
SESSION_S: Final = 60
REPORT_S: Final = 5.0
METHODS: Final = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
REASONS: Final[Mapping[int, str]] = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
}
FREE: Final = frozenset({"OPTIONS"})
"""Methods for which no password is asked."""


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.url).path.removesuffix("/trackID=0").strip("/")


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class RtspServer(Listener):
    """Serves feeds by their paths; use `start` and `stop`."""

    def __init__(self, state: CameraState, feeds: Mapping[str, Feed], host: str, port: int) -> None:
        super().__init__(self._talk, host, port, max_line=MAX_LINE)
        self._state = state
        self._feeds = feeds
        self._talking: set[_Connection] = set()

    @property
    def playing(self) -> int:
        """How many clients are being sent pictures."""
        return sum(each.feed is not None for each in self._talking)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self._state, self._feeds, self, reader, writer)
        self._talking.add(connection)
        try:
            await connection.run()
        finally:
            connection.pause()
            self._talking.discard(connection)


class _Connection:
    """One client: its session, and the stream that it plays."""

    def __init__(
        self,
        state: CameraState,
        feeds: Mapping[str, Feed],
        server: RtspServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.feed: Feed | None = None
        self._state, self._feeds, self._server = state, feeds, server
        self._reader, self._writer = reader, writer
        self._session = ""
        self._prepared: Feed | None = None
        self._packets = rtp.Packetizer(secrets.randbits(32), secrets.randbits(16))
        self._channel = 0
        self._first_ticks = secrets.randbits(31)
        self._waits_for_key = True
        self._reported_s = float("-inf")

    async def run(self) -> None:
        while True:
            await self._state.talks.wait()
            request = await self._next()
            await self._state.talks.wait()
            if request is None:
                return
            answer = await self._answer(request)
            self._write(request, answer)
            await self._writer.drain()
            if answer.status == 200:
                if request.method == "PLAY":
                    self.play()
                if request.method == "TEARDOWN":
                    return

    # What the client asks.

    async def _next(self) -> _Request | None:
        """The next request; RTCP that comes between is read and dropped. None: the client went."""
        while True:
            first = await self._reader.read(1)
            if not first:
                return None
            if first == b"$":
                head = await self._reader.readexactly(3)
                await self._reader.readexactly(int.from_bytes(head[1:], "big"))
                continue
            if first in b"\r\n":
                continue
            return await self._request(first)

    async def _request(self, first: bytes) -> _Request:
        method, url, _ = (first + await self._line()).decode("ascii", "replace").split()
        headers: dict[str, str] = {}
        for _ in range(MAX_LINES):
            line = (await self._line()).decode("utf-8", "replace").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        else:
            raise TooMuchError
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY:
            raise TooMuchError
        await self._reader.readexactly(length)
        return _Request(method=method.upper(), url=url, headers=headers)

    async def _line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise TooMuchError from None

    # What it is answered.

    async def _answer(self, request: _Request) -> _Answer:
        if request.method not in FREE and not self._is_let_in(request):
            return _Answer(status=401, headers={"WWW-Authenticate": challenge(self._state.nonce, qop=False)})
        match request.method:
            case "OPTIONS":
                return _Answer(headers={"Public": METHODS})
            case "DESCRIBE":
                return await self._describe(request)
            case "SETUP":
                return self._setup(request)
            case "PLAY":
                return self._played(request)
            case "PAUSE":
                self.pause()
                return self._of_session()
            case "TEARDOWN" | "GET_PARAMETER" | "SET_PARAMETER":
                return self._of_session()
            case _:
                return _Answer(status=501)

    def _is_let_in(self, request: _Request) -> bool:
        state = self._state
        given = request.headers.get("authorization", "")
        right = not state.user or is_right(
            given, request.method, user=state.user, password=state.password, nonce=state.nonce
        )
        let_in = right and Fault.LOGIN_REFUSED not in state.faults
        if given and not let_in:
            state.wrong_logins += 1
        return let_in

    async def _describe(self, request: _Request) -> _Answer:
        feed = self._feeds.get(request.path)
        if Fault.NOT_ALLOWED in self._state.faults:
            return _Answer(status=403)
        if feed is None or Fault.NOT_FOUND in self._state.faults:
            return _Answer(status=404)
        sps, pps = await feed.parameter_sets()
        body = rtp.sdp(self._server.host, self._state.name, sps, pps, feed.fps)
        base = request.url.rstrip("/") + "/"
        return _Answer(headers={"Content-Type": "application/sdp", "Content-Base": base}, body=body)

    def _setup(self, request: _Request) -> _Answer:
        feed = self._feeds.get(request.path)
        if feed is None:
            return _Answer(status=404)
        if Fault.BUSY in self._state.faults or self._server.playing >= self._state.sessions:
            return _Answer(status=453)
        transport = request.headers.get("transport", "")
        if "TCP" not in transport.upper():
            return _Answer(status=461)
        _, _, channels = transport.partition("interleaved=")
        first = channels.split("-")[0].split(";")[0]
        self._channel = int(first) & 0xFF if first.isdigit() else 0
        self._prepared = feed
        self._session = self._session or secrets.token_hex(8)
        shown = f"RTP/AVP/TCP;unicast;interleaved={self._channel}-{self._channel + 1};ssrc={self._packets.ssrc:08X}"
        return _Answer(headers={"Transport": shown, "Session": f"{self._session};timeout={SESSION_S}"})

    def _played(self, request: _Request) -> _Answer:
        if self._prepared is None:
            return _Answer(status=455)
        answer = self._of_session()
        url = request.url.rstrip("/") + "/trackID=0"
        info = f"url={url};seq={self._packets.sequence};rtptime={self._first_ticks}"
        return _Answer(headers={**answer.headers, "Range": "npt=now-", "RTP-Info": info})

    def _of_session(self) -> _Answer:
        return _Answer(headers={"Session": self._session} if self._session else {})

    def _write(self, request: _Request, answer: _Answer) -> None:
        headers = {"CSeq": request.headers.get("cseq", "0"), **answer.headers}
        if answer.body:
            headers["Content-Length"] = str(len(answer.body))
        lines = [f"RTSP/1.0 {answer.status} {REASONS[answer.status]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join((*lines, "", "")).encode() + answer.body)

    # What it is shown.

    def play(self) -> None:
        """Pictures from the next key frame on."""
        if self._prepared is not None and self.feed is None:
            self.feed, self._waits_for_key = self._prepared, True
            self.feed.watch(self)

    def pause(self) -> None:
        """No more pictures."""
        if self.feed is not None:
            self.feed.leave(self)
            self.feed = None

    def give(self, unit: AccessUnit, ticks: int) -> None:
        """Send one picture, unless too much waits already."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_WAITING:
            self._waits_for_key = True
        if self._waits_for_key and not unit.key:
            return
        self._waits_for_key = False
        at = self._first_ticks + ticks
        frames = [_framed(self._channel, packet) for packet in self._packets.packets(unit.nals, at)]
        now_s = self._state.clock()
        if not self._reported_s <= now_s < self._reported_s + REPORT_S:
            self._reported_s = now_s
            frames.append(_framed(self._channel + 1, self._packets.report(self._state.wall_s(), at)))
        self._writer.write(b"".join(frames))


def _framed(channel: int, packet: bytes) -> bytes:
    return b"$" + bytes((channel & 0xFF,)) + len(packet).to_bytes(2, "big") + packet
