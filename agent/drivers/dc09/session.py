"""Is a panel there, does its clock go right, does its key fit: three small tables, and what each step tells. Pure.

Supervision, clock and key are apart: a panel with a wrong clock is there, and one that is cut off may be imitated. Only
what is proven to be fresh counts as heard of from a panel with a key, for whoever cut the line could send old frames.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from agent.drivers.dc09.config import PanelWiring
from agent.drivers.dc09.judging import LOGIN, Verdict, Word
from agent.drivers.dc09.meaning import described
from agent.findings import Finding, Phase
from agent.signals import Moment

CLOCK_DRIFT: Final = "device.clock_drift"
LOGIN_REFUSED: Final = "device.login_refused"
REJECTED: Final = "envelope.rejected"
RECEIVER: Final = "box/receiver"


class Presence(StrEnum):
    """Whether a panel is there."""

    UNHEARD = "unheard"  # since the start
    THERE = "there"
    SILENT = "silent"


class Step(StrEnum):
    """What becomes of it."""

    HEARD = "heard"
    OVERDUE = "overdue"


class Turn(StrEnum):
    """What a step tells of the panel's points."""

    NONE = ""
    FOUND = "found"  # online, zones as it last said
    LOST = "lost"  # offline, zones unknown


PRESENCE: Final[Mapping[tuple[Presence, Step], tuple[Presence, Turn]]] = MappingProxyType(
    {
        (Presence.UNHEARD, Step.HEARD): (Presence.THERE, Turn.FOUND),
        (Presence.UNHEARD, Step.OVERDUE): (Presence.SILENT, Turn.LOST),
        (Presence.THERE, Step.HEARD): (Presence.THERE, Turn.NONE),
        (Presence.THERE, Step.OVERDUE): (Presence.SILENT, Turn.LOST),
        (Presence.SILENT, Step.HEARD): (Presence.THERE, Turn.FOUND),
        (Presence.SILENT, Step.OVERDUE): (Presence.SILENT, Turn.NONE),
    }
)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One panel, since the start. `drifting` and `refused` are None until the first frame tells."""

    since: Moment  # heard of last, or the start
    presence: Presence = Presence.UNHEARD
    drifting: bool | None = None
    refused: bool | None = None


def observe_verdict(
    session: Session, panel: PanelWiring, verdict: Verdict, now: Moment
) -> tuple[Session, Turn, tuple[Finding, ...]]:
    """What a frame in this panel's name tells of it."""
    findings: list[Finding] = []
    turn = Turn.NONE
    if verdict.word in LOGIN:
        if session.refused is not True:
            refusal = {"reason": str(verdict.word), "account": panel.account}
            findings.append(_condition(LOGIN_REFUSED, panel, Phase.RAISED, now, refusal))
        return msgspec.structs.replace(session, refused=True), turn, tuple(findings)
    if session.refused is not False:
        findings.append(_condition(LOGIN_REFUSED, panel, Phase.ENDED, now, {}))
    session = msgspec.structs.replace(session, refused=False)
    if verdict.off_s is not None:
        drifted = verdict.word is Word.DRIFTED
        if drifted is not session.drifting:
            facts = {"clock_off_s": round(verdict.off_s)}
            phase = Phase.RAISED if drifted else Phase.ENDED
            findings.append(_condition(CLOCK_DRIFT, panel, phase, now, facts))
        session = msgspec.structs.replace(session, drifting=drifted)
    if verdict.word is not Word.DRIFTED or not verdict.proven:
        presence, turn = PRESENCE[session.presence, Step.HEARD]
        session = msgspec.structs.replace(session, presence=presence, since=now)
    return session, turn, tuple(findings)


def observe_time(session: Session, panel: PanelWiring, now: Moment) -> tuple[Session, Turn]:
    """What passing time tells."""
    if panel.supervision is None or now.since(session.since) < panel.supervision:
        return session, Turn.NONE
    presence, turn = PRESENCE[session.presence, Step.OVERDUE]
    return msgspec.structs.replace(session, presence=presence), turn


def wake_at(session: Session, panel: PanelWiring) -> int | None:
    """Monotonic milliseconds at which to look again; None: it is silent already, or not supervised."""
    if panel.supervision is None or session.presence is Presence.SILENT:
        return None
    return session.since.after(panel.supervision).mono_ms


def rejected(verdict: Verdict, where: str, now: Moment) -> tuple[Finding, ...]:
    """A frame that is not acted on is told, with what it said: an alarm in it is nobody's secret.

    What carries no more than a sign of life from a panel that we know is its login's business alone.
    """
    if verdict.panel is not None and verdict.word in LOGIN and not verdict.reports:
        return ()
    return (_rejection(verdict, str(verdict.word), now, where),)


def not_obeyed(verdict: Verdict, reason: str, now: Moment) -> tuple[Finding, ...]:
    """An opening or closing that changes nothing, though a partition follows its area."""
    return (_rejection(verdict, reason, now),)


def _rejection(verdict: Verdict, reason: str, now: Moment, where: str = "") -> Finding:
    facts: dict[str, Any] = {
        "reason": reason,
        "account": verdict.frame.account,
        "id": verdict.frame.id,
        "said": described(verdict.reports),
        "address": where,
    }
    return Finding(
        kind=REJECTED,
        source=verdict.panel.device if verdict.panel else RECEIVER,
        phase=Phase.TOLD,
        at=now,
        facts={name: value for name, value in facts.items() if value},
    )


def _condition(kind: str, panel: PanelWiring, phase: Phase, now: Moment, facts: Mapping[str, Any]) -> Finding:
    return Finding(kind=kind, source=panel.device, phase=phase, at=now, facts=facts)
