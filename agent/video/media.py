"""The only file that knows PyAV: streams and files are opened, cut into packets, decoded, and packets written as MP4.

Reads block, each for at most its limit; what comes is hostile, so this runs in an eye's own process.
No error of the library leaves here: its texts hold addresses with passwords. Decides nothing.
Flow: a camera or a file -> `Stream` -> ring.Packet -> `Decoder` -> `Picture`; packets -> `write_clip`.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from agent.video.ring import Format, Packet
from agent.video.words import Loss

MAX_SIDE: Final = 4096
MAX_PIXELS: Final = MAX_SIDE * MAX_SIDE
MAX_FPS: Final = 60
MAX_PACKET: Final = 4 * 1024 * 1024
"""docs/eyes.md 4."""

OPEN_S: Final = 4.0
"""To be let in, and the same again until its format is known."""

PROBE_S: Final = 1.0
PROBE_LONG_S: Final = 3.5
"""Of the stream's own time, until a key frame comes: where the SDP does not hold the parameter sets."""

READ_S: Final = 5.0

FPS_WINDOW: Final = 5
"""Seconds over which frames a second are counted: a device sends what it held back at once."""

CODECS: Final = frozenset({"h264", "hevc", "mjpeg", "mpeg4"})
"""Of cameras; recorded footage may be anything that the library reads."""

_OPTIONS: Final = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "tcp,rtp,rtsp",
    "fflags": "discardcorrupt",
    "probesize": str(MAX_PACKET),
    "fpsprobesize": "0",
    "reorder_queue_size": "0",
    "buffer_size": str(1024 * 1024),
}
_DECODER: Final = {"max_pixels": str(MAX_PIXELS)}
NO_SIZE: Final = "no size"

_TICKS: Final = 90_000
_LOST_S: Final = 1.0
"""How far a camera's own times may run from arrival before they are not believed any more."""

Frame = NDArray[np.uint8]

av.logging.set_level(None)  # its lines name addresses with passwords


class MediaError(Exception):
    """No pictures; the detail is a word of ours or the name of the library's error."""

    def __init__(self, cause: Loss, detail: str = "") -> None:
        super().__init__(f"{cause} {detail}".strip())
        self.cause = cause
        self.detail = detail


class Stream:
    """An opened camera or file."""

    def __init__(self, container: InputContainer, live: bool) -> None:
        videos = container.streams.video
        if not videos:
            raise MediaError(Loss.BROKEN, "no video")
        stream = videos[0]
        context = stream.codec_context
        codec = context.name
        if live and codec not in CODECS:
            raise MediaError(Loss.BROKEN, f"codec {codec[:20]}")
        check_size(context.width, context.height)
        base = stream.time_base or Fraction(1, _TICKS)
        self.format = Format(
            codec=codec,
            width=context.width,
            height=context.height,
            extradata=bytes(context.extradata or b""),
            ticks=max(1, round(1 / base)),
        )
        self.fps = float(stream.guessed_rate or stream.average_rate or 0)
        self._container = container
        self._packets = container.demux(stream)
        self._live = live
        self._counted_ms: list[int] = []
        self._stalled = False

    def next(self) -> Packet:
        """The next packet; waits for it.

        Raises:
            MediaError: none comes, or what comes is more than any camera sends.
        """
        if self._stalled:
            raise MediaError(Loss.STALLED)
        began = time.monotonic()
        with _translated(Loss.STALLED):
            for packet in self._packets:
                if packet.size == 0:
                    break
                # Out of time, the library first gives what it held back, and would wait anew.
                self._stalled = self._live and time.monotonic() - began > READ_S * 0.95
                if packet.size > MAX_PACKET:
                    raise MediaError(Loss.TOO_LARGE, "packet")
                at_ms = time.monotonic_ns() // 1_000_000
                if self._live:
                    self._count(at_ms)
                ticks = packet.pts if packet.pts is not None else packet.dts
                return Packet(at_ms=at_ms, key=packet.is_keyframe, data=bytes(packet), ticks=ticks, format=self.format)
        raise MediaError(Loss.ENDED)

    def close(self) -> None:
        """Let go of the camera."""
        with suppress(av.FFmpegError):
            self._container.close()

    def _count(self, at_ms: int) -> None:
        self._counted_ms.append(at_ms)
        if len(self._counted_ms) > MAX_FPS * FPS_WINDOW:
            first_ms = self._counted_ms.pop(0)
            if at_ms - first_ms < FPS_WINDOW * 1000:
                raise MediaError(Loss.TOO_LARGE, "frames a second")


def check_size(width: int, height: int) -> None:
    """Whether pictures of this size are looked at.

    Raises:
        MediaError: they have none, or are too large.
    """
    if width > MAX_SIDE or height > MAX_SIDE:
        raise MediaError(Loss.TOO_LARGE, "picture")
    if width <= 0 or height <= 0:
        raise MediaError(Loss.BROKEN, NO_SIZE)


def open_camera(url: str, probe_s: float = PROBE_LONG_S) -> Stream:
    """Open an RTSP stream, interleaved in TCP. Cameras are opened through agent/drivers/rtsp/relay.py only.

    Raises:
        MediaError: it cannot be, and why.
    """
    return _opened(url, {**_OPTIONS, "analyzeduration": str(round(probe_s * 1_000_000))}, live=True)


FOOTAGE: Final = "mov,mp4,matroska,webm,avi,mpegts,mpeg,h264,hevc,asf,flv,mpjpeg,mjpeg,dhav"
"""Kinds of files that footage comes in: a text or a list of other files is none, whatever the library makes of it."""


def open_file(path: Path) -> Stream:
    """Open recorded footage.

    Raises:
        MediaError: it is none.
    """
    return _opened(f"file:{path}", {"protocol_whitelist": "file", "format_whitelist": FOOTAGE}, live=False)


def _opened(name: str, options: dict[str, str], *, live: bool) -> Stream:
    began = time.monotonic()
    with _translated(Loss.SILENT):
        container = av.open(
            name,
            format="rtsp" if live else None,
            container_options=options,
            stream_options=[_DECODER] * 4,  # type: ignore[list-item]  # the stub says strings, PyAV wants dicts
            timeout=(OPEN_S, READ_S),
        )
    try:
        return Stream(container, live)
    except MediaError as problem:
        container.close()
        if live and problem.detail == NO_SIZE and time.monotonic() - began > OPEN_S * 0.95:
            raise MediaError(Loss.SILENT) from None
        raise


class Picture:
    """One decoded frame; its pixels are made when asked for, and not kept."""

    def __init__(self, frame: VideoFrame, reformatter: VideoReformatter) -> None:
        self._frame = frame
        self._reformatter = reformatter

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self._frame.width)

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self._frame.height)

    @property
    def key(self) -> bool:
        """Whether it was coded by itself, and not as what changed since another."""
        return bool(self._frame.key_frame)

    def bgr(self) -> Frame:
        """Rows x columns x 3, 8 bits."""
        made = self._reformatter.reformat(self._frame, format="bgr24", threads=1)
        return np.asarray(made.to_ndarray(), np.uint8)


def blank() -> Picture:
    """A black picture out of a decoder that was made for nothing: for agent/video/warm.py."""
    Decoder(Format(codec="h264", width=640, height=360, extradata=b"", ticks=_TICKS)).decode(bytes(16))
    return Picture(VideoFrame(640, 360, "yuv420p"), VideoReformatter())


class Decoder:
    """Decodes one stream's packets in their order."""

    def __init__(self, form: Format) -> None:
        self._format = form
        self._reformatter = VideoReformatter()
        self._context = self._made()

    def decode(self, data: bytes) -> Picture | None:
        """Feed one packet; the newest picture that it completes.

        Raises:
            MediaError: the picture is larger than any that is looked at.
        """
        try:
            frames = self._context.decode(av.Packet(data))
        except (av.FFmpegError, ValueError):
            return None  # broken pictures are left out; whoever counts sees that none comes
        if not frames:
            return None
        picture = Picture(frames[-1], self._reformatter)
        check_size(picture.width, picture.height)
        return picture

    def reset(self) -> None:
        """Begin anew: a key frame comes next, which is not the one after what was fed last."""
        with suppress(av.FFmpegError):
            self._context.flush_buffers()

    def _made(self) -> VideoCodecContext:
        context = av.CodecContext.create(self._format.codec, "r")
        if not isinstance(context, VideoCodecContext):
            raise MediaError(Loss.BROKEN, "no video")
        context.options = _DECODER
        context.thread_count = 1
        context.thread_type = "NONE"
        context.flags |= av.codec.context.Flags.low_delay
        context.width, context.height = self._format.width, self._format.height
        if self._format.extradata:
            context.extradata = self._format.extradata
        return context


def film(path: Path, since_s: float = 0.0, until_s: float | None = None) -> Iterator[tuple[float, Picture]]:
    """Every frame of recorded footage with its seconds from the beginning.

    Raises:
        MediaError: it cannot be read.
    """
    stream = open_file(path)
    try:
        first: int | None = None
        number = 0
        decoder = Decoder(stream.format)
        while True:
            try:
                packet = stream.next()
            except MediaError as problem:
                if problem.cause is Loss.ENDED:
                    return
                raise
            picture = decoder.decode(packet.data)
            if picture is None:
                continue
            if packet.ticks is None:  # bare H.264 says no times
                at_s = number / (stream.fps or 25.0)
            else:
                first = packet.ticks if first is None else first
                at_s = (packet.ticks - first) / stream.format.ticks
            number += 1
            if until_s is not None and at_s > until_s:
                return
            if at_s >= since_s:
                yield at_s, picture
    finally:
        stream.close()


def write_clip(packets: Sequence[Packet], path: Path) -> None:
    """Write packets of one format as MP4, as they came; the first is a key frame.

    Raises:
        MediaError: they cannot be.
    """
    form = packets[0].format
    times = shown_at(packets)
    with _translated(Loss.BROKEN), av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
        stream = out.add_mux_stream(form.codec, rate=_rate(times), width=form.width, height=form.height)
        stream.time_base = Fraction(1, _TICKS)
        for number, (packet, ticks) in enumerate(zip(packets, times, strict=True)):
            data = form.extradata + packet.data if number == 0 and _annexb(form.extradata) else packet.data
            whole = av.Packet(data)
            whole.pts = whole.dts = ticks
            whole.time_base = Fraction(1, _TICKS)
            whole.is_keyframe = packet.key
            whole.stream = stream
            out.mux(whole)


def write_masked(packets: Sequence[Packet], path: Path, cover: Any) -> None:
    """Write them decoded, covered and encoded anew. `cover`: what makes a frame out of a frame.

    Raises:
        MediaError: they cannot be.
    """
    form = packets[0].format
    times = shown_at(packets)
    decoder = Decoder(form)
    with _translated(Loss.BROKEN), av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
        stream = out.add_stream("libx264", rate=_rate(times), options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height = form.width & ~1, form.height & ~1
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.thread_count = 1
        for packet, ticks in zip(packets, times, strict=True):
            picture = decoder.decode(packet.data)
            if picture is None:
                continue
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(cover(picture.bgr())), format="bgr24")
            frame.pts, frame.time_base = ticks, Fraction(1, _TICKS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def shown_at(packets: Sequence[Packet]) -> list[int]:
    """When each is shown, in ticks of 1/90000 s from the first, always later than the one before. Pure.

    By the camera's own times where they go on and keep to arrival; by arrival where they do not.
    """
    first_ms = packets[0].at_ms
    arrived = [(packet.at_ms - first_ms) * _TICKS // 1000 for packet in packets]
    said = [packet.ticks * _TICKS // packet.format.ticks if packet.ticks is not None else None for packet in packets]
    offset = next((came - own for own, came in zip(said, arrived, strict=True) if own is not None), 0)
    placed = [came if own is None else own + offset for own, came in zip(said, arrived, strict=True)]
    believed = all(abs(own - came) <= _LOST_S * _TICKS for own, came in zip(placed, arrived, strict=True))
    times: list[int] = []
    for ticks in placed if believed else arrived:
        times.append(ticks if not times else max(ticks, times[-1] + 1))
    return times


def _rate(times: Sequence[int]) -> int:
    span = times[-1] - times[0]
    return max(1, min(MAX_FPS, round((len(times) - 1) * _TICKS / span))) if span else 1


def _annexb(data: bytes) -> bool:
    return data.startswith((b"\0\0\1", b"\0\0\0\1"))


class _translated:  # noqa: N801 - reads as a word at its place
    """Turns the library's errors into ours, without their texts."""

    def __init__(self, timeout: Loss) -> None:
        self._timeout = timeout

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, problem: BaseException | None, _trace: object) -> None:
        if isinstance(problem, av.FFmpegError | OSError | ValueError | MemoryError):
            raise MediaError(self._cause(problem), type(problem).__name__) from None

    def _cause(self, problem: BaseException) -> Loss:
        for kinds, cause in _CAUSES:
            if isinstance(problem, kinds):
                return cause
        return self._timeout if isinstance(problem, av.error.ExitError | TimeoutError) else Loss.BROKEN


_CAUSES: Final[tuple[tuple[Any, Loss], ...]] = (
    (av.error.HTTPUnauthorizedError, Loss.LOGIN_REFUSED),
    (av.error.HTTPForbiddenError, Loss.NOT_ALLOWED),
    (av.error.HTTPNotFoundError, Loss.NOT_FOUND),
    ((av.error.HTTPOtherClientError, av.error.HTTPServerError, av.error.HTTPTooManyRequestsError), Loss.BUSY),
    ((ConnectionRefusedError, av.error.ConnectionRefusedError), Loss.UNREACHABLE),
    (MemoryError, Loss.TOO_LARGE),
    (av.error.EOFError, Loss.ENDED),
)
"""453 is none of the library's own statuses; that a device has no more sessions is the likeliest of the others."""
