"""From a panel's statements to what the branch's points become, what is told, and what its areas did. Pure.

A zone that the site file names becomes a state, and its type and partition judge it (docs/guarding.md 2). What nobody
named, and what the panel says of itself, is told at once, at a source of its own below the panel's: a burglary in one
unnamed zone never hides behind another's. What acts always by its code (hold-up, fire, duress) is told as that too
where the site file gave its zone another type.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from agent.arming.panel_moves import PanelMove
from agent.drivers.dc09.code_names import name_of
from agent.drivers.dc09.config import PanelWiring, PanelZone
from agent.drivers.dc09.memory import PanelMemory
from agent.findings import Finding, Phase
from agent.signals import Moment, Signal, State
from protocol.dc09.reports import About, Report
from protocol.site.schema import ZoneType

TAMPER: Final = "zone.tamper"
TROUBLE: Final = "zone.trouble"
ALWAYS_TOLD: Final = frozenset({"zone.hold_up", "zone.fire", "zone.duress"})
"""Kinds that no arming state holds back."""

_OWN_KINDS: Final = {ZoneType.HOLD_UP: "zone.hold_up", ZoneType.FIRE: "zone.fire"}
"""What zones of a type are told as, whatever is armed."""

NEVER_OVER: Final = frozenset({"zone.duress"})
"""Told, with nothing to end: nothing at the site may show it."""

_NOT_ID: Final = re.compile(r"[^a-z0-9]")

CLOCK_OFF: Final = "panel's clock off by {seconds} s"

_ACTIVE: Final = "active"
_STANDING: Final = {
    About.ALARM: (_ACTIVE, State.ACTIVE),
    About.TAMPER: ("tamper", State.TAMPER),
    About.TROUBLE: ("trouble", State.UNKNOWN),
    About.BYPASS: ("bypass", State.UNKNOWN),
}
_STATES: Final = dict(_STANDING.values())
_CAUSES: Final = {"trouble": "trouble at the panel", "bypass": "left out at the panel", "tamper": "case"}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """When and how a frame said what it said."""

    at: Moment
    proven: bool  # enciphered with the account's key
    in_time: bool
    legible: bool = True  # text throughout
    clock_off_s: float | None = None  # where it is not in time

    @property
    def facts(self) -> dict[str, Any]:
        """What every event of the frame bears."""
        return {} if self.clock_off_s is None else {"clock_off_s": round(self.clock_off_s)}


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a frame."""

    memory: PanelMemory
    signals: tuple[Signal, ...] = ()
    findings: tuple[Finding, ...] = ()
    moves: tuple[PanelMove, ...] = ()


def meaning_of(panel: PanelWiring, memory: PanelMemory, reports: Iterable[Report], said: Said) -> Meaning:
    """What a frame's statements change."""
    standing = dict(memory.standing)
    signals: list[Signal] = []
    findings: list[Finding] = []
    moves: list[PanelMove] = []
    for report in reports:
        zone = panel.zones.get(report.zone)
        match report.about:
            case About.OPENING | About.CLOSING:
                moves.append(_move(panel, report, said))
            case About.ALARM if zone is not None:
                signals.append(_said_of(zone, standing, report, said))
                if report.kind in ALWAYS_TOLD and report.kind != _OWN_KINDS.get(zone.type):
                    findings.append(_alarm(panel, report, said))
            case About.TAMPER | About.TROUBLE | About.BYPASS if zone is not None:
                signals.append(_said_of(zone, standing, report, said))
            case About.ALARM:
                findings.append(_alarm(panel, report, said))
            case About.TAMPER:
                findings.append(_finding(panel, report, TAMPER, _place(report), said))
            case About.TROUBLE | About.BYPASS:
                findings.append(_finding(panel, report, TROUBLE, _place(report), said))
            case About.FAULT:
                findings.append(_finding(panel, report, TROUBLE, f"fault/{report.topic}", said))
            case About.UNKNOWN:
                findings.append(_finding(panel, report, TROUBLE, f"code/{report.code.lower()}", said, told=True))
    return Meaning(
        memory=msgspec.structs.replace(memory, standing=standing),
        signals=tuple(signals),
        findings=tuple(findings),
        moves=tuple(moves),
    )


def zones_heard(panel: PanelWiring, memory: PanelMemory, at: Moment) -> tuple[Signal, ...]:
    """The panel is there, and its zones are what it last said; at rest where it never said anything."""
    zones = sorted({zone.point for zone in panel.zones.values()})
    return (
        Signal(point=panel.device, state=State.ONLINE, at=at),
        *(_signal(point, memory.standing.get(point, ()), at, restated=True) for point in zones),
    )


def zones_lost(panel: PanelWiring, at: Moment, cause: str) -> tuple[Signal, ...]:
    """The panel is not heard of: nothing is known of its zones."""
    zones = sorted({zone.point for zone in panel.zones.values()})
    return (
        Signal(point=panel.device, state=State.OFFLINE, at=at, cause=cause),
        *(Signal(point=point, state=State.UNKNOWN, at=at, cause=cause) for point in zones),
    )


def described(reports: Iterable[Report]) -> list[str]:
    """What statements say, in a few words each: `BA Burglary Alarm, zone 3`."""
    return [
        f"{report.code} {name_of(report.code)}".strip() + (f", zone {report.zone}" if report.zone else "")
        for report in reports
    ]


def _said_of(zone: PanelZone, standing: dict[str, tuple[str, ...]], report: Report, said: Said) -> Signal:
    word, _ = _STANDING[report.about]
    before = standing.get(zone.point, ())
    after = tuple(each for each in before if each != word)
    if not report.restored:
        after = (*after, word)
    if after:
        standing[zone.point] = after
    else:
        standing.pop(zone.point, None)
    found = _signal(zone.point, after, said.at)
    if said.clock_off_s is not None and not report.restored:
        found = msgspec.structs.replace(found, cause=CLOCK_OFF.format(seconds=round(said.clock_off_s)))
    return found


def _signal(point: str, standing: tuple[str, ...], at: Moment, *, restated: bool = False) -> Signal:
    word = standing[-1] if standing else ""
    state = _STATES.get(word, State.NORMAL)
    return Signal(point=point, state=state, at=at, cause=_CAUSES.get(word, ""), restated=restated)


def _finding(panel: PanelWiring, report: Report, kind: str, place: str, said: Said, *, told: bool = False) -> Finding:
    facts: dict[str, Any] = {
        "code": report.code,
        "words": name_of(report.code),
        "zone": report.zone,
        "area": report.area,
        "user": report.user,
        "text": report.text,
    }
    phase = Phase.TOLD if told or kind in NEVER_OVER else Phase.ENDED if report.restored else Phase.RAISED
    return Finding(
        kind=kind,
        source=f"{panel.device}/{place}",
        phase=phase,
        at=said.at,
        facts={**{name: value for name, value in facts.items() if value}, **said.facts},
    )


def _alarm(panel: PanelWiring, report: Report, said: Said) -> Finding:
    """An alarm that stands already is told again: panels send no end between two presses of a button."""
    found = _finding(panel, report, report.kind, _place(report), said)
    return msgspec.structs.replace(found, phase=Phase.AGAIN) if found.phase is Phase.RAISED else found


def _place(report: Report) -> str:
    """A zone nobody named, as a source may be written; `0` where the panel names none."""
    zone = _NOT_ID.sub("-", report.zone).strip("-")
    return f"zone/{zone or '0'}"


def _move(panel: PanelWiring, report: Report, said: Said) -> PanelMove:
    return PanelMove(
        panel=panel.id,
        area=int(report.area) if report.area.isdecimal() else 0,
        armed=report.about is About.CLOSING,
        user=report.user,
        encrypted=said.proven,
        in_time=said.in_time,
        legible=said.legible,
        stay=report.stay,
        old=report.old,
    )
