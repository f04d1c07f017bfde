"""Times in a clip as people write them: `1:23`, `00:01:23.5`, `83s`, and what held between two of them. Pure."""

import re
from typing import Final

import msgspec

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_CLOCK: Final = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,2}):)?([0-9]{1,6}(?:\.[0-9]{1,3})?)s?")
_NAMED: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,31})(?:@([0-9:.s]+)(?:-([0-9:.s]+)?)?)?")


class SpanError(SaidError, ValueError):
    """This is no time, or no name with times."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Something that holds from one time in the clip to another, in seconds."""

    name: str
    since_s: float = 0.0
    until_s: float = float("inf")

    def holds(self, at_s: float) -> bool:
        """Whether it holds then."""
        return self.since_s <= at_s < self.until_s


def seconds(text: str) -> float:
    """`1:23.5` as 83.5.

    Raises:
        SpanError: it is no time.
    """
    found = _CLOCK.fullmatch(text)
    if found is None or (found[2] is not None and float(found[3]) >= 60) or (found[1] and int(found[2]) >= 60):
        raise SpanError(N_('"{text}" is no time in a clip; write it like 1:23 or 83.5'), text=text[:40])
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3])


def span(text: str) -> Span:
    """`vault@00:10-01:00`; `vault` alone: all the time; `vault@00:10-`: from then on.

    Raises:
        SpanError: it is not that.
    """
    found = _NAMED.fullmatch(text)
    if found is None:
        raise SpanError(N_('"{text}" is no name with times; write it like vault@0:10-1:00'), text=text[:60])
    since = seconds(found[2]) if found[2] else 0.0
    until = seconds(found[3]) if found[3] else float("inf")
    if until <= since:
        raise SpanError(N_('"{text}" ends before it begins'), text=text[:60])
    return Span(name=found[1], since_s=since, until_s=until)


def clock(at_s: float) -> str:
    """83.5 as `01:23.5`; hours only where there are some."""
    tenths = round(at_s * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{text}" if hours else text
