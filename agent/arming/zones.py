"""What each type of zone does in each stage of its partition: two tables and the words for what prevents arming. Pure.

docs/guarding.md section 2 says the same to people. Tamper and trouble of any zone act always and stand in no table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.arming.table import Mode, Stage
from agent.signals import State
from protocol.site.schema import Principle, Zone, ZoneType

TAMPER: Final = "zone.tamper"
TROUBLE: Final = "zone.trouble"
BYPASSED: Final = "zone.bypassed"
SHUT_DOWN: Final = "zone.swinger_shutdown"

NEVER_SOUND: Final = frozenset({"zone.hold_up", "zone.duress"})
"""No siren ever sounds for these, whatever a site file says."""


class Group(StrEnum):
    """Types that react alike."""

    INSTANT = "instant"
    DELAYED = "delayed"
    INTERIOR = "interior"
    ALWAYS = "always"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One type of zone."""

    group: Group
    kind: str
    verification: int | None = 1  # AVS-01, before anything confirms it
    bypass: bool = True  # an order may take it out of guard
    principle: Principle | None = None  # where the type says it already

    @property
    def when_armed(self) -> bool:
        """Whether it acts only while its partition is armed: disarming ends its alarm, repeating shuts it down."""
        return self.group is not Group.ALWAYS


RULES: Final[Mapping[ZoneType, Rule]] = MappingProxyType(
    {
        ZoneType.INSTANT: Rule(group=Group.INSTANT, kind="zone.intrusion"),
        ZoneType.PERIMETER: Rule(group=Group.INSTANT, kind="zone.intrusion"),
        ZoneType.VIBRATION: Rule(group=Group.INSTANT, kind="zone.vibration", principle=Principle.VIBRATION),
        ZoneType.GLASS_BREAK: Rule(group=Group.INSTANT, kind="zone.glass_break", principle=Principle.GLASS),
        ZoneType.DELAYED: Rule(group=Group.DELAYED, kind="zone.intrusion"),
        ZoneType.INTERIOR: Rule(group=Group.INTERIOR, kind="zone.intrusion"),
        ZoneType.ALWAYS: Rule(group=Group.ALWAYS, kind="zone.intrusion"),
        ZoneType.HOLD_UP: Rule(group=Group.ALWAYS, kind="zone.hold_up", verification=4, bypass=False),
        ZoneType.FIRE: Rule(group=Group.ALWAYS, kind="zone.fire", verification=None, bypass=False),
        ZoneType.TAMPER: Rule(group=Group.ALWAYS, kind=TAMPER, verification=None),
    }
)

LATCHING: Final = frozenset(rule.kind for rule in RULES.values())
"""Kinds that last until they are reset."""

ONLY_BY_NAME: Final = frozenset({ZoneType.HOLD_UP, ZoneType.FIRE})
"""A test includes these only where the order names them."""


class Reaction(StrEnum):
    """What a zone that became active means."""

    NOTHING = "nothing"
    FREE = "free"  # on somebody's way out or in
    STOP_ARMING = "stop_arming"
    BEGIN_ENTRY = "begin_entry"
    ACT = "act"


def _row(group: Group, *reactions: Reaction) -> dict[tuple[Group, Stage], Reaction]:
    return {(group, stage): reaction for stage, reaction in zip(Stage, reactions, strict=True)}


_N, _F, _S, _B, _A = Reaction
REACTIONS: Final[Mapping[tuple[Group, Stage], Reaction]] = MappingProxyType(
    {
        # disarmed, arming, armed away, armed stay, entry delay, alarm, test
        **_row(Group.INSTANT, _N, _S, _A, _A, _A, _A, _N),
        **_row(Group.DELAYED, _N, _F, _B, _B, _N, _A, _N),
        **_row(Group.INTERIOR, _N, _F, _A, _N, _F, _A, _N),
        **_row(Group.ALWAYS, _A, _A, _A, _A, _A, _A, _A),
    }
)


def reaction(zone: Zone, stage: Stage, mode: Mode) -> Reaction:
    """What this zone does when it becomes active in that stage of its partition."""
    rule = RULES[zone.type]
    return Reaction.NOTHING if left_out(rule, mode) else REACTIONS[rule.group, stage]


def left_out(rule: Rule, mode: Mode) -> bool:
    """Armed stay leaves interior zones out."""
    return rule.group is Group.INTERIOR and mode is Mode.STAY


def blocks(zone: Zone, state: State, settling: bool, mode: Mode, exit_over: bool) -> str:
    """Why this zone prevents arming: `active`, `tamper`, `unknown`; empty when it does not.

    While the exit delay runs, zones on the way out may be active. Zones that act always prevent nothing: they guard
    anyway.
    """
    rule = RULES[zone.type]
    if not rule.when_armed or left_out(rule, mode) or state is State.NORMAL:
        return ""
    if state is State.ACTIVE and ((not exit_over and rule.group is not Group.INSTANT) or settling):
        return ""
    return str(state)


def confirms(zone: Zone, other: Zone) -> bool:
    """Whether one of two zones that both acted confirms the other."""
    if other.id in zone.adjacent or zone.id in other.adjacent:
        return True
    one, two = (each.principle or RULES[each.type].principle for each in (zone, other))
    return one is not None and two is not None and one is not two
