"""Whether a camera's events can be believed: it takes listeners, renews them, and says nothing while our picture moves.

Pure. What its events say of inputs is worth nothing then: the zones are unknown, never "no alarm". A camera that never
said how its inputs stand is silent from the beginning, and they were never read. Flow: the asker's words and the eye's
looks -> here -> agent/drivers/asking/zones.py.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from agent.signals import Moment

MOVED_MINUTES: Final = 3
"""In so many minutes since its last word our own picture must have moved."""

SPAN: Final = timedelta(minutes=5)
"""And so long ago the first of them must be: cameras need their time, and have their own idea of motion."""

ANEW_EVERY: Final = timedelta(minutes=10)
"""A dead listener is begun anew so often."""


class Trust(StrEnum):
    """How far its events are believed."""

    UNHEARD = "unheard"  # no word yet: nothing is known of any input
    ALIVE = "alive"
    DEAD = "events_dead"
    AWAY = "events_away"  # nobody listens: the device is away, or takes no listener


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one camera."""

    trust: Trust = Trust.UNHEARD
    motion_known: bool = False  # it says when it sees motion: only then can silence be judged
    moved_first: Moment | None = None  # our own motion since its last word
    moved_last: Moment | None = None
    moved_minutes: int = 0
    anew_at: Moment | None = None  # when a new listener was begun last


def event(heard: Heard, *, motion: bool) -> Heard:
    """The camera said something."""
    known = heard.motion_known or motion
    return Heard(trust=Trust.ALIVE, motion_known=known, anew_at=heard.anew_at)


def away(heard: Heard) -> Heard:
    """Nobody listens to it any more."""
    return Heard(trust=Trust.AWAY, motion_known=heard.motion_known, anew_at=heard.anew_at)


def listening(heard: Heard) -> Heard:
    """A listener stands; what it says is yet to come."""
    if heard.trust is Trust.AWAY:
        return msgspec.structs.replace(heard, trust=Trust.UNHEARD)
    return heard


def own_motion(heard: Heard, now: Moment) -> Heard:
    """Our own picture of it moves now."""
    if heard.trust is not Trust.ALIVE or not heard.motion_known:
        return heard
    if heard.moved_last is not None and now.since(heard.moved_last) < timedelta(minutes=1):
        return heard
    first, minutes = heard.moved_first or now, heard.moved_minutes + 1
    if minutes >= MOVED_MINUTES and now.since(first) >= SPAN:
        return Heard(trust=Trust.DEAD, motion_known=True, anew_at=heard.anew_at)
    return msgspec.structs.replace(heard, moved_first=first, moved_last=now, moved_minutes=minutes)


def begin_anew(heard: Heard, now: Moment) -> tuple[Heard, bool]:
    """Whether a new listener is to be begun now, because this one is dead."""
    due = heard.trust is Trust.DEAD and (heard.anew_at is None or now.since(heard.anew_at) >= ANEW_EVERY)
    return (msgspec.structs.replace(heard, anew_at=now), True) if due else (heard, False)
