"""When an eye is asked for a promised picture, how long it is waited for, and what is said where none comes. Pure.

A still is asked for at once, a clip when its end is over. A promise of an earlier run is asked for again while a late
picture still tells something; its own times say that it is late. Flow: evidence.py asks -> here.
"""

from typing import Final

import msgspec

from agent.evidence.promising import Promise
from agent.evidence.requests import PLAYBACK
from agent.signals import Moment

STILL_WAIT_MS: Final = 5_000
"""An eye answers within a tenth of a second; one that is started anew takes a few."""

CLIP_SLACK_MS: Final = 500
"""After the end of a clip: its last packets are on their way."""

CLIP_WAIT_MS: Final = 90_000
"""Two minutes of a main stream with a mask are decoded and encoded anew in less."""

PLAYED_WAIT_MS: Final = 15 * 60_000
"""A recorder plays two minutes in two minutes, and three others may wait before."""

LATE_MS: Final = 60_000
"""A still that was promised before a restart is worth something for so long."""

AGAIN_MS: Final = 1_000


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, and how far it is."""

    promise: Promise
    ask_ms: int
    """When the eye is asked, or asked again."""
    deadline_ms: int
    asked: bool = False
    late: bool = False  # from an earlier run: the eye may have no picture yet


def planned(promise: Promise, now: Moment, *, late: bool) -> Wait | None:
    """When to ask for it; None: it is too late."""
    if promise.until is not None:
        ask_ms = max(now.mono_ms, promise.until.mono_ms + CLIP_SLACK_MS)
        if late and ask_ms == now.mono_ms:
            return None  # the ring went with the earlier run
        patience_ms = PLAYED_WAIT_MS if promise.about == PLAYBACK else CLIP_WAIT_MS
        return Wait(promise=promise, ask_ms=ask_ms, deadline_ms=ask_ms + patience_ms, late=late)
    if not late:
        return Wait(promise=promise, ask_ms=now.mono_ms, deadline_ms=now.mono_ms + STILL_WAIT_MS)
    ends_ms = promise.at.mono_ms + LATE_MS
    if ends_ms <= now.mono_ms or promise.at.mono_ms > now.mono_ms:
        return None
    return Wait(promise=promise, ask_ms=now.mono_ms, deadline_ms=ends_ms, late=True)


def is_due(wait: Wait, now: Moment) -> bool:
    """Whether the eye is to be asked now."""
    return not wait.asked and wait.ask_ms <= now.mono_ms


def is_over(wait: Wait, now: Moment) -> bool:
    """Whether nothing will come any more."""
    return now.mono_ms >= wait.deadline_ms


def asked(wait: Wait) -> Wait:
    """The eye took it."""
    return msgspec.structs.replace(wait, asked=True)


def again(wait: Wait, now: Moment) -> Wait:
    """It is asked once more, a little later."""
    return msgspec.structs.replace(wait, asked=False, ask_ms=now.mono_ms + AGAIN_MS)


def wake_ms(wait: Wait) -> int:
    """When to look at it again."""
    return wait.deadline_ms if wait.asked else min(wait.ask_ms, wait.deadline_ms)
