"""Wrong codes are counted: five in ten minutes lock all codes for ten minutes. Pure; kept across restarts.

All codes together, not each of its own: who tries does not say whose code he is after.
"""

from datetime import timedelta
from typing import Final

import msgspec

from agent.signals import Moment

TRIES: Final = 5
WITHIN: Final = timedelta(minutes=10)
LOCKED_FOR: Final = timedelta(minutes=10)


class LockoutState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of wrong codes."""

    wrong: tuple[Moment, ...] = ()
    locked: Moment | None = None
    asked: int = 0  # how often: so that there is something to store each time, whatever follows


def left(state: LockoutState, now: Moment) -> timedelta:
    """How long no code is taken yet; nothing, when they are."""
    return max(timedelta(0), LOCKED_FOR - now.since(state.locked)) if state.locked else timedelta(0)


def counted(state: LockoutState, now: Moment) -> LockoutState:
    """One more wrong code; those that come while codes are locked are not counted, nor is the lock made longer."""
    if left(state, now):
        return state
    wrong = (*(each for each in state.wrong if now.since(each) < WITHIN), now)
    if len(wrong) < TRIES:
        return LockoutState(wrong=wrong, asked=state.asked)
    return LockoutState(locked=now, asked=state.asked)


def carried(state: LockoutState, now: Moment, same_boot: bool) -> LockoutState:
    """The state of an earlier run on the monotonic clock of this one."""
    return LockoutState(
        wrong=tuple(each.carried(now, same_boot) for each in state.wrong),
        locked=state.locked.carried(now, same_boot) if state.locked else None,
        asked=state.asked,
    )
