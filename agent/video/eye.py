"""One eye: the child process that looks through one camera. Its working loop; the agent decides what follows from it.

It tries a camera once for each `Login` that it is told, so that the agent alone says when a password is tried again. It
blocks for seconds at most; hostile input may hang or crash it, and the agent starts another. Says no address and no
password, not even to its log. Flow: agent/video/watcher.py starts it -> packets -> ring, looks, files -> `FromEye`.
"""

import time
from contextlib import suppress
from typing import Final

import msgspec

from agent.children.child import Channel
from agent.drivers.rtsp.address import RtspAddressError, StreamAddress, parse_stream
from agent.drivers.rtsp.describe import RtspError, describe
from agent.drivers.rtsp.relay import Relay
from agent.video.looking import Looking
from agent.video.media import PROBE_LONG_S, PROBE_S, Decoder, MediaError, Picture, Stream, check_size, open_camera
from agent.video.pace import Do, Pace
from agent.video.ring import Format, Packet, Ring
from agent.video.taking import Taker
from agent.video.words import (
    EyeSettings,
    FromEye,
    Learn,
    Login,
    Loss,
    Lost,
    Opened,
    Stop,
    TakeClip,
    TakeStill,
    encode,
    to_eye,
)

IDLE_S: Final = 0.5
AFTER_ASKING_S: Final = 0.7
MAX_CATCH_UP: Final = 200
"""Packets decoded at once to come up to now; beyond, the next key frame is waited for."""

NO_PICTURE_MS: Final = 5_000
NO_PICTURE_TRIES: Final = 3
"""Packets came, and for so long, so often, not one became a picture."""


def run(channel: Channel, settings: bytes) -> None:
    """Look until the agent is gone."""
    eye = Eye(channel, msgspec.msgpack.decode(settings, type=EyeSettings))
    while True:
        channel.beat()
        eye.turn()


class Eye:
    """Everything about one camera on this side."""

    def __init__(self, channel: Channel, settings: EyeSettings) -> None:
        self._channel = channel
        self._settings = settings
        self._ring = Ring(settings.ring_s, settings.ring_bytes)
        self._taker = Taker(self._ring, settings.masks, self._say)
        self._looking = Looking(settings)
        self._stream: Stream | None = None
        self._relay: Relay | None = None
        self._seeing: _Seeing | None = None
        self._frames = 0

    def turn(self) -> None:
        """Once round: what the agent says, what the camera sends, what is due."""
        self._hear(0.0 if self._stream else IDLE_S)
        if self._stream is not None:
            try:
                self._see(self._stream)
            except MediaError as problem:
                self._lose(problem.cause, problem.detail)
        self._taker.turn(_now_ms())

    # What the agent says.

    def _hear(self, timeout_s: float) -> None:
        data = self._channel.receive(timeout_s)
        while data is not None:
            match to_eye(data):
                case Login() as login:
                    self._open(login)
                case Stop():
                    self._close()
                case TakeStill() as asked:
                    self._still(asked)
                case TakeClip() as asked:
                    self._taker.clip(asked)
                case Learn() as asked:
                    self._looking.told(asked)
            data = self._channel.receive(0.0)

    def _open(self, login: Login) -> None:
        self._close()
        try:
            address = parse_stream(login.url)
            told = describe(address.url, login.user, login.password)
            self._channel.beat()
            self._stream = self._let_in(address, login, PROBE_S if told.sets else PROBE_LONG_S)
        except RtspAddressError as problem:
            self._lose(Loss.BROKEN, str(problem))
        except (RtspError, MediaError) as problem:
            self._lose(problem.cause, problem.detail)
        else:
            self._opened(self._stream)

    def _let_in(self, address: StreamAddress, login: Login, probe_s: float) -> Stream:
        try:
            return self._through(address, login, probe_s)
        except MediaError as problem:
            if problem.cause is not Loss.BUSY:
                raise
        # It let us in a moment ago: some have not ended that session yet.
        time.sleep(AFTER_ASKING_S)
        return self._through(address, login, probe_s)

    def _through(self, address: StreamAddress, login: Login, probe_s: float) -> Stream:
        """The library is let in by our relay: it has no password and goes nowhere else."""
        relay = Relay(address, login.user, login.password)
        self._channel.beat()
        try:
            stream = open_camera(relay.url, probe_s)
        except MediaError as problem:
            relay.close()
            raise (MediaError(Loss.BROKEN, relay.trouble) if relay.trouble else problem) from None
        self._relay = relay
        return stream

    def _opened(self, stream: Stream) -> None:
        form = stream.format
        self._seeing = _Seeing(form, self._pace())
        self._say(Opened(codec=form.codec, width=form.width, height=form.height, fps=round(stream.fps, 2)))

    def _lose(self, cause: Loss, detail: str) -> None:
        self._close()
        self._say(Lost(cause=cause, at_ms=_now_ms(), detail=detail))

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._relay is not None:
            self._relay.close()
        self._stream = self._relay = self._seeing = None

    def _pace(self) -> Pace:
        return Pace(self._settings.busy_hz, self._settings.quiet_every_s)

    def _say(self, message: FromEye) -> None:
        self._channel.send(encode(message))

    # What the camera sends.

    def _see(self, stream: Stream) -> None:
        seeing = self._seeing
        if seeing is None:
            return
        began = time.monotonic()
        packet = stream.next()
        waited_ms = (time.monotonic() - began) * 1000
        self._ring.add(packet)
        self._frames += 1
        seeing.came(packet)
        do = seeing.pace.packet(packet.at_ms, len(packet.data), key=packet.key, waited_ms=waited_ms)
        if do is Do.KEEP:
            return
        picture = seeing.brought_up(self._ring)
        if picture is None or picture is seeing.looked_at:
            return
        form = stream.format
        if (picture.width, picture.height) != (form.width, form.height):
            self._resized(stream, picture)
            return
        if do is Do.LOOK or (picture.key and seeing.pace.key_picture(packet.at_ms)):
            pace, seeing.looked_at = seeing.pace, picture
            look, stirs = self._looking.look(
                picture.bgr(), packet.at_ms, self._frames, quiet=pace.quiet, key=picture.key
            )
            pace.looked(packet.at_ms, stirs=stirs)
            self._say(look)
            if self._looking.learned is not None:
                self._say(self._looking.learned)

    def _resized(self, stream: Stream, picture: Picture) -> None:
        """The camera changed its picture's size: what came since its key frame is of another format."""
        check_size(picture.width, picture.height)
        form = msgspec.structs.replace(stream.format, width=picture.width, height=picture.height, extradata=b"")
        run = self._ring.run()
        self._ring.forget_run()
        for packet in run:
            self._ring.add(msgspec.structs.replace(packet, format=form))
        stream.format = form
        pace = self._seeing.pace if self._seeing else self._pace()
        self._opened(stream)
        self._seeing = _Seeing.after(self._ring, pace) or self._seeing

    def _still(self, asked: TakeStill) -> None:
        span = self._ring.span()
        if asked.reference:
            self._taker.still(asked, self._looking.reference, span[1] if span else 0, _now_ms())
            return
        picture = None
        with suppress(MediaError):
            seeing = self._seeing or _Seeing.after(self._ring, self._pace())
            picture = seeing.brought_up(self._ring) if seeing else None
        self._taker.still(asked, picture.bgr() if picture else None, span[1] if span else 0, _now_ms())


class _Seeing:
    """Decoding of one stream, as far as it has come."""

    def __init__(self, form: Format, pace: Pace) -> None:
        self.pace = pace
        self.looked_at: Picture | None = None
        self._decoder = Decoder(form)
        self._run = 0  # packets since the newest key frame, with it
        self._fed = 0  # of these, decoded
        self._whole = True  # the run before was decoded to its end
        self._newest: Picture | None = None
        self._failed = 0
        self._seen_ms = _now_ms()

    @classmethod
    def after(cls, ring: Ring, pace: Pace) -> "_Seeing | None":
        """To decode what a ring holds, from its newest key frame on."""
        run = ring.run()
        if not run:
            return None
        seeing = cls(run[0].format, pace)
        seeing._run = len(run)
        return seeing

    def came(self, packet: Packet) -> None:
        """One packet more that may be decoded."""
        if packet.key:
            self._whole, self._fed, self._run = self._fed == self._run, 0, 0
        self._run += 1

    def brought_up(self, ring: Ring) -> Picture | None:
        """Decode what is not yet, up to now; the newest picture, which may be the one of before.

        Raises:
            MediaError: nothing becomes a picture any more.
        """
        due = self._run - self._fed
        if due == 0 or due > MAX_CATCH_UP:
            return self._newest
        run = ring.newest(due)
        if self._fed == 0 and not self._whole:
            self._decoder.reset()
        picture = None
        for each in run:
            picture = self._decoder.decode(each.data) or picture
        self._fed = self._run
        self._note(picture)
        return self._newest

    def _note(self, picture: Picture | None) -> None:
        now_ms = _now_ms()
        if picture is not None:
            self._newest, self._failed, self._seen_ms = picture, 0, now_ms
            return
        self._failed += 1
        if self._failed >= NO_PICTURE_TRIES and now_ms - self._seen_ms > NO_PICTURE_MS:
            raise MediaError(Loss.BROKEN, "no picture")


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
