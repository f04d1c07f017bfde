"""A key switch at the site: which of its readings arms, which disarms, which is nothing. Pure.

The first reading after a start, or after nobody could read it, changes nothing: nobody saw the key being turned.
Changes within GUARD of one that was obeyed are one with it; a `level` switch is looked at again when GUARD is over.
The guard judges what comes of a command: a key switch alone never disarms what needs two people.

    state, command = observe(state, switch, reading, armed, now)     # each look; again at `wake_at` (mono ms)
"""

from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from agent.arming.commands import Command, Way
from agent.signals import Moment, State
from protocol.orders import ArmArgs, DisarmArgs
from protocol.site.schema import Keyswitch

GUARD: Final = timedelta(seconds=2)
"""Two changes within so long are one: a contact that bounces, a key turned to and fro."""


class KeyswitchState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between looks; nothing of it is worth keeping over a restart."""

    active: bool | None = None  # as obeyed last; None: not read since nobody could read it
    obeyed: Moment | None = None


def observe(
    state: KeyswitchState, switch: Keyswitch, reading: State, armed: bool, now: Moment
) -> tuple[KeyswitchState, Command | None]:
    """What this look makes of it. `armed`: each of its partitions is armed, or arming."""
    if reading not in {State.ACTIVE, State.NORMAL}:
        return KeyswitchState(), None
    active = reading is State.ACTIVE
    if state.active is None:
        return KeyswitchState(active=active), None
    if active is state.active or _guarded(state, now):
        return state, None
    if switch.acts == "toggle" and not active:  # let go, or turned back: the next turn counts
        return replace(state, active=active), None
    arms = not armed if switch.acts == "toggle" else active
    return KeyswitchState(active=active, obeyed=now), _command(switch, arms)


def wake_at(state: KeyswitchState, now: Moment) -> int | None:
    """Monotonic milliseconds at which to look again; None: only when it moves."""
    return state.obeyed.after(GUARD).mono_ms if state.obeyed and _guarded(state, now) else None


def _guarded(state: KeyswitchState, now: Moment) -> bool:
    return state.obeyed is not None and now.since(state.obeyed) < GUARD


def _command(switch: Keyswitch, arms: bool) -> Command:
    first = switch.partitions[0]
    return Command(
        action="arm" if arms else "disarm",
        args=ArmArgs(partition=first) if arms else DisarmArgs(partition=first),
        way=Way.KEYSWITCH,
        source=f"keyswitch/{switch.id}",
        partitions=switch.partitions,
    )
