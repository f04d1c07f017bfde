"""A door is opened by its mechanical key while somebody is inside (内厅有人而使用钥匙开门). Pure; one table.

Whether somebody is inside, a zone says. A zone that is not known counts as occupied, and the finding says so.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment, State

KEY_OVERRIDE: Final = "door.key_override"


class Stage(StrEnum):
    """What was told."""

    CALM = "calm"
    OVERRIDDEN = "overridden"  # told as key_override; lasts until the key is back


class Seen(StrEnum):
    """What key and zone show."""

    KEY_BACK = "key_back"
    KEY_EMPTY = "key_empty"  # the key is turned, and nobody is inside
    KEY_OCCUPIED = "key_occupied"
    UNKNOWN = "unknown"  # the key is not read


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.CALM, Seen.KEY_BACK): (Stage.CALM, None),
        (Stage.CALM, Seen.KEY_EMPTY): (Stage.CALM, None),
        (Stage.CALM, Seen.KEY_OCCUPIED): (Stage.OVERRIDDEN, Phase.RAISED),
        (Stage.CALM, Seen.UNKNOWN): (Stage.CALM, None),
        (Stage.OVERRIDDEN, Seen.KEY_BACK): (Stage.CALM, Phase.ENDED),
        (Stage.OVERRIDDEN, Seen.KEY_EMPTY): (Stage.OVERRIDDEN, None),
        (Stage.OVERRIDDEN, Seen.KEY_OCCUPIED): (Stage.OVERRIDDEN, None),
        (Stage.OVERRIDDEN, Seen.UNKNOWN): (Stage.OVERRIDDEN, None),
    }
)


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.CALM


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a door's key and the zone it is judged against."""

    door: str
    key: State
    key_since: Moment
    zone: str  # zone/cash-motion
    occupied: State  # active, normal or unknown
    occupied_since: Moment
    gap: str = ""


def observe(state: KeyState, sight: Sight, now: Moment) -> tuple[KeyState, tuple[Finding, ...]]:
    """What this look changes."""
    stage, phase = TABLE[state.stage, _seen(sight)]
    if phase is None:
        return KeyState(stage=stage), ()
    finding = Finding(
        kind=KEY_OVERRIDE,
        source=f"door/{sight.door}",
        phase=phase,
        at=now,
        facts={"occupied": str(sight.occupied), **({f"while_{sight.gap}": True} if sight.gap else {})},
        because=(
            because(sight.zone, sight.occupied, sight.occupied_since),
            because(f"key/{sight.door}", sight.key, sight.key_since),
        ),
    )
    return KeyState(stage=stage), (finding,)


def _seen(sight: Sight) -> Seen:
    if sight.key is State.NORMAL:
        return Seen.KEY_BACK
    if sight.key is not State.ACTIVE:
        return Seen.UNKNOWN
    return Seen.KEY_EMPTY if sight.occupied is State.NORMAL else Seen.KEY_OCCUPIED
