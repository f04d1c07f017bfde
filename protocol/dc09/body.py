"""What stands between a frame's brackets, and behind them: data, extended data, and when it was sent. Pure.

    data] [Xextended]... _HH:MM:SS,MM-DD-YYYY

Times are UTC (SIA DC-09, section 5.5.1.9). A body is read generously, for an alarm may stand in it: a time that cannot
be read is no time, and what stands behind the last bracket is kept for whoever wants to tell of it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

MAX_EXTENDED: Final = 16
"""Blocks of extended data that are kept; a picture's address and its coordinates take three."""

WINDOW_BEHIND: Final = timedelta(seconds=40)
WINDOW_AHEAD: Final = timedelta(seconds=20)
"""How far a frame's time may lie behind and ahead of the receiver's (section 5.5.1.9)."""

_FORMAT: Final = "%H:%M:%S,%m-%d-%Y"
_TIME: Final = re.compile(rb"_([0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{2}-[0-9]{2}-[0-9]{4})")


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A body in clear."""

    data: bytes = b""
    extended: tuple[bytes, ...] = ()
    sent: datetime | None = None
    readable: bool = True
    """Whether it ends as a body must end; another key makes it something else."""


def parse_body(clear: bytes) -> Body:
    """The parts of a body, from behind its opening bracket to the frame's end."""
    data, bracket, rest = clear.partition(b"]")
    extended: list[bytes] = []
    while rest.startswith(b"["):
        block, closed, rest = rest[1:].partition(b"]")
        if not closed:
            break
        if len(extended) < MAX_EXTENDED:
            extended.append(block)
    stamp = _TIME.fullmatch(rest)
    sent = _time(stamp[1]) if stamp else None
    return Body(
        data=data,
        extended=tuple(extended),
        sent=sent,
        readable=bool(bracket) and not (rest and sent is None),
    )


def encode_body(body: Body) -> bytes:
    """The bytes of a body in clear.

    Raises:
        ValueError: data with a bracket in it, or a time without a zone.
    """
    if any(bracket in part for bracket in (b"[", b"]") for part in (body.data, *body.extended)):
        raise ValueError("a bracket inside data would end it")
    extended = b"".join(b"[%s]" % block for block in body.extended)
    return body.data + b"]" + extended + (format_sent(body.sent) if body.sent else b"")


def format_sent(at: datetime) -> bytes:
    """A time as frames bear it, with its underscore.

    Raises:
        ValueError: a time without a zone.
    """
    if at.tzinfo is None:
        raise ValueError("a frame's time needs a zone")
    return b"_" + at.astimezone(UTC).strftime(_FORMAT).encode("ascii")


def in_window(sent: datetime, now: datetime) -> bool:
    """Whether a frame of this time may be believed to be fresh."""
    return -WINDOW_BEHIND <= sent - now <= WINDOW_AHEAD


def _time(text: bytes) -> datetime | None:
    try:
        return datetime.strptime(text.decode("ascii"), _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
