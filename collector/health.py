"""Whether the centre works: database, brokers, ingest, escalation, notices, collectors; each with its age, in words.

Pure. Flow: app.py looks at the parts -> `Check` -> /healthz. An ingest may be idle for hours, so the age of its last
commit is only told; what it must do is look at the clock, once a second. So must escalation and whoever sends notices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collector.fleet.collectors import Seen, gone
from collector.revocation import Shown
from protocol.texts import Said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

STUCK_AFTER_S: Final = 10.0
"""What finished no turn for so long is stuck; the longest honest one takes well under a second."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part. `said` is an English message id with `{named}` places for `values`; `age_s`: since when it is so."""

    name: str
    works: bool
    said: str
    values: Mapping[str, Any] = field(default_factory=dict)
    age_s: float | None = None
    needed: bool = True
    """Without it the centre does not do its work; one broker of several is not needed while another is there."""


@dataclass(frozen=True, kw_only=True)
class IngestSeen:
    """The ingest as it is now: ages in seconds, None for never; `brokers` are (connected, for how long)."""

    alive: bool
    fault: str
    turned_s: float | None
    committed_s: float | None
    brokers: Sequence[tuple[bool, float]]
    revocation: Sequence[tuple[Shown, float]] = ()
    """What is wrong with the revocation lists, the gravest first, and for how long."""


def database(fault: str, took_s: float) -> Check:
    """The database, asked just now; `fault` is empty when it answered."""
    if fault:
        return Check(name="database", works=False, said=N_("The database does not answer; is it running?"))
    return Check(
        name="database", works=True, said=N_("Answers within {ms} ms"), values={"ms": round(took_s * 1000)}, age_s=0.0
    )


def ingest(seen: IngestSeen) -> list[Check]:
    """Each broker, then the ingest itself."""
    heard = any(connected for connected, _ in seen.brokers)
    checks = [
        Check(
            name=f"broker {number}",
            works=connected,
            said=N_("Connected") if connected else N_("Not connected; boxes are not heard through it"),
            age_s=age_s,
            needed=not heard,
        )
        for number, (connected, age_s) in enumerate(seen.brokers, start=1)
    ]
    return [*checks, _ingest(seen)]


def revocation(seen: IngestSeen) -> Check:
    """The revocation lists. The centre goes on working without them, so none is needed; but it shows."""
    if not seen.revocation:
        return Check(name="revocation", works=True, said=N_("Every revocation list that is needed holds"))
    shown, age_s = seen.revocation[0]
    return Check(
        name="revocation",
        works=False,
        said=shown.said.text,
        values=shown.said.values,
        age_s=max(0.0, age_s),
        needed=False,
    )


def escalation(behind_s: float) -> Check:
    """The steps of alarms, by the age of the last look that came to its end."""
    stuck = behind_s > STUCK_AFTER_S
    said = N_("Escalation does not move; steps come late") if stuck else N_("Looks for due steps each second")
    return Check(name="escalation", works=not stuck, said=said, age_s=behind_s)


def notices(behind_s: float) -> Check:
    """What is told to people, by the age of the last look that came to its end."""
    stuck = behind_s > STUCK_AFTER_S
    said = N_("Notices do not leave") if stuck else N_("Looks for notices to send each second")
    return Check(name="notices", works=not stuck, said=said, age_s=behind_s)


def collectors(rows: Sequence[Seen], now_ms: int) -> Check:
    """Who runs on this database, each with the seconds since it was seen; the centre works without the others."""
    ages = {row.id: max(0, now_ms - row.seen_ms) // 1000 for row in rows}
    missed = [row.id for row in rows if gone(row, now_ms) is not None]
    seen = ", ".join(f"{each} ({age} s)" for each, age in ages.items() if each not in missed)
    if not missed:
        return Check(name="collectors", works=True, said=N_("Seen: {seen}"), values={"seen": seen})
    return Check(
        name="collectors",
        works=False,
        said=N_("Not seen: {missed}; seen: {seen}"),
        values={"missed": ", ".join(f"{each} ({ages[each]} s)" for each in missed), "seen": seen or "-"},
        age_s=float(max(ages[each] for each in missed)),
        needed=False,
    )


@dataclass(frozen=True, kw_only=True)
class EnrolmentSeen:
    """How the enrolment's record is read: since when it is so, and why it is not."""

    read: bool
    fault: Said | None
    age_s: float


def enrolment(seen: EnrolmentSeen) -> Check:
    """The enrolment's record. Boxes are guarded without it, so it is not needed; but it shows."""
    said = N_("Its record has not been read yet") if seen.fault is None else seen.fault.text
    return Check(
        name="enrolment",
        works=seen.read and seen.fault is None,
        said=N_("Its record is read") if seen.read and seen.fault is None else said,
        values={} if seen.fault is None else seen.fault.values,
        age_s=max(0.0, seen.age_s),
        needed=False,
    )


@dataclass(frozen=True, kw_only=True)
class EvidenceSeen:
    """The evidence server and its folder: whether boxes are heard there, what is wrong, whether room is short."""

    serves: bool
    fault: Said | None
    short: bool


def evidence(seen: EvidenceSeen) -> Check:
    """Pictures and clips. Alarms come without them, so they are not needed; but it shows."""
    if not seen.serves:
        return Check(name="evidence", works=False, said=N_("Boxes cannot bring pictures"), needed=False)
    if seen.fault is not None:
        return Check(name="evidence", works=False, said=seen.fault.text, values=seen.fault.values, needed=False)
    if seen.short:
        said = N_("The disk of the evidence folder is nearly full; pictures stay with the boxes")
        return Check(name="evidence", works=False, said=said, needed=False)
    return Check(name="evidence", works=True, said=N_("Takes pictures and clips"))


def _ingest(seen: IngestSeen) -> Check:
    stuck = seen.turned_s is None or seen.turned_s > STUCK_AFTER_S
    if not seen.alive:
        said = N_("The ingest has ended; restart the collector")
    elif seen.fault:
        said = N_("What arrives cannot be stored; it stays with the boxes until it can")
    elif stuck:
        said = N_("The ingest does not move")
    elif seen.committed_s is None:
        said = N_("Nothing has arrived yet")
    else:
        said = N_("What arrived last is stored")
    works = seen.alive and not seen.fault and not stuck
    return Check(name="ingest", works=works, said=said, age_s=seen.committed_s if works else seen.turned_s)
