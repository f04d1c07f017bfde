"""Asks a camera what it streams (DESCRIBE) before a library opens it: who refuses, who is silent, what is no video.

Blocking, with one limit for the whole exchange: for an eye's own process, or a thread. At most one login is tried. No
error says an address, a name or a password. Flow: eye.py, `agent probe rtsp` -> here -> `Described`, or `RtspError`.
"""

import secrets
import socket
import ssl
import time
from contextlib import suppress
from typing import Final

import msgspec

from agent.drivers.rtsp import digest
from agent.drivers.rtsp.address import RtspAddressError, StreamAddress, parse_stream
from agent.drivers.rtsp.replies import Reply, ReplyError, ReplyReader, TooLargeError
from agent.video.words import Loss

PATIENCE_S: Final = 5.0
READ_BYTES: Final = 16 * 1024
AGENT: Final = "Branchwatch"

CAUSES: Final = {
    401: Loss.LOGIN_REFUSED,
    403: Loss.NOT_ALLOWED,
    404: Loss.NOT_FOUND,
    453: Loss.BUSY,
    503: Loss.BUSY,
}
"""What a status means; any other but 200 is `broken`. 453, with some 503, is a limit of sessions, no wrong password."""


class RtspError(Exception):
    """No stream is to be had; `detail` is a word without addresses and names."""

    def __init__(self, cause: Loss, detail: str = "") -> None:
        super().__init__(f"{cause} {detail}".strip())
        self.cause = cause
        self.detail = detail


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera says of its stream."""

    codec: str  # as in the SDP: H264, H265, JPEG...; empty where it does not say
    server: str = ""  # as it calls itself; of other people's making
    sets: bool = False  # it holds the parameter sets: a decoder needs not wait for them
    login: str = ""  # digest, or empty: nobody asked


def describe(url: str, user: str = "", password: str = "", patience_s: float = PATIENCE_S) -> Described:
    """Ask it. Takes at most `patience_s`.

    Raises:
        RtspError: it gives no stream, and why.
    """
    try:
        address = parse_stream(url)
    except RtspAddressError:
        raise RtspError(Loss.NOT_FOUND, "address") from None
    deadline = time.monotonic() + patience_s
    try:
        with connected(address, deadline) as line:
            try:
                return _described(line, address, user, password, deadline)
            finally:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
    except TimeoutError:
        raise RtspError(Loss.SILENT) from None
    except OSError as problem:
        raise RtspError(Loss.BROKEN, type(problem).__name__) from None


def cause_of(status: int) -> Loss:
    """What a status other than 200 means."""
    return CAUSES.get(status, Loss.BROKEN)


def codec_of(sdp: bytes) -> str | None:
    """What the first video of an SDP is encoded as; None: there is no video in it."""
    lines = sdp.decode("utf-8", "replace").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("m=video ")]
    if not starts:
        return None
    for line in lines[starts[0] + 1 :]:
        if line.startswith("m="):
            break
        if line.startswith("a=rtpmap:"):
            return line.partition(" ")[2].partition("/")[0].strip().upper()[:20]
    return ""


def connected(address: StreamAddress, deadline: float) -> socket.socket:
    """A connection to a camera, with TLS where its address says so.

    Raises:
        RtspError: there is none.
        TimeoutError: its time is over already.
    """
    try:
        line = socket.create_connection((address.host, address.port), _left(deadline))
    except OSError as problem:
        raise RtspError(Loss.UNREACHABLE, type(problem).__name__) from None
    if not address.secure:
        return line
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # cameras sign for themselves
    try:
        return context.wrap_socket(line)
    except OSError as problem:
        line.close()
        raise RtspError(Loss.BROKEN, type(problem).__name__) from None


def _described(line: socket.socket, address: StreamAddress, user: str, password: str, deadline: float) -> Described:
    reply = _asked(line, address.url, 1, "", deadline)
    scheme = ""
    if reply.status == 401 and (user or password):
        offered = digest.challenges(reply.all("www-authenticate"))
        if not offered:
            clear = any(value.lower().startswith("basic") for value in reply.all("www-authenticate"))
            raise RtspError(Loss.NOT_ALLOWED, "basic login") if clear else RtspError(Loss.BROKEN, "unknown login")
        scheme = "digest"
        told = digest.answer(
            offered[0], "DESCRIBE", address.url, user=user, password=password, cnonce=secrets.token_hex(8)
        )
        if any("close" in value.lower() for value in reply.all("connection")):
            with connected(address, deadline) as another:
                reply = _asked(another, address.url, 1, told, deadline)
        else:
            reply = _asked(line, address.url, 2, told, deadline)
    if reply.status != 200:
        raise RtspError(cause_of(reply.status), str(reply.status))
    codec = codec_of(reply.body)
    if codec is None:
        raise RtspError(Loss.BROKEN, "no video")
    server = "".join(letter for letter in "".join(reply.all("server")[:1]) if letter.isprintable())
    return Described(codec=codec, server=server[:80], sets=b"sprop-" in reply.body, login=scheme)


def _asked(line: socket.socket, url: str, number: int, authorization: str, deadline: float) -> Reply:
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp", f"User-Agent: {AGENT}"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    line.settimeout(_left(deadline))
    line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    reader = ReplyReader()
    heard = False
    while True:
        try:
            line.settimeout(_left(deadline))
            data = line.recv(READ_BYTES)
        except TimeoutError:
            raise RtspError(Loss.SILENT, "in the middle" if heard else "") from None
        if not data:
            raise RtspError(Loss.BROKEN, "closed")
        heard = True
        try:
            reply = reader.take(data)
        except TooLargeError as problem:
            raise RtspError(Loss.TOO_LARGE, str(problem)) from None
        except ReplyError as problem:
            raise RtspError(Loss.BROKEN, str(problem)) from None
        if reply is not None:
            return reply


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
