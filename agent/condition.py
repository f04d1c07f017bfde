"""How a box is, judged for a person in front of it: one line a matter, with the next step where there is one.

Pure: what was seen and the time go in, lines come out. Nothing here trusts or refuses anything; the running agent does
that by its own rules. Flow: condition_seen.py looks -> here -> health_words.py prints.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from agent.clocks import MAX_OFFSET
from agent.condition_eyes import Eye, sights
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

EXPIRING_WITHIN: Final = timedelta(days=30)
"""Renewal goes by itself from two thirds of the certificate's life; so late, it has failed for months."""

QUIET_FOR: Final = timedelta(minutes=15)
"""The centre answers every beat; the time of its last answer is written down every 10 minutes."""

WAITING_FOR: Final = timedelta(minutes=2)
"""An event older than this that the centre has not signed for: the line is down, or it catches up after that."""

ROOM_LOW_BYTES: Final = 512 * 1024 * 1024
"""The store may grow to 1 GiB; half of that to come is time enough to look."""

ROOM_BAD_BYTES: Final = 128 * 1024 * 1024
"""The store's reserve for urgent events (77 MB) and its margin (32 MiB)."""


WITHOUT_MODEL: Final = "none"
MANY_WAIT: Final = 50
"""Pictures and clips; some alarms of an ordinary line's hour."""


class Level(StrEnum):
    """How a matter stands."""

    OK = "ok"
    ATTENTION = "attention"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One matter."""

    matter: str
    level: Level
    text: Said
    next_step: Said | None = None


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """Whom the box's certificate names, and from when until when."""

    box: str
    site: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class SiteFile:
    """The signed site file in force."""

    version: int
    roster_not_after: datetime
    damaged: bool
    """The newest one cannot be used; this is the one before it."""
    lacking: tuple[tuple[Said, Said], ...] = ()
    """What its announcements lack on this machine, each with its next step."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """What the store of events tells."""

    pending: int
    oldest_pending: datetime | None
    heard: datetime | None
    """The latest time that a signed receipt stated or brought."""
    quarantined: int


@dataclass(frozen=True, kw_only=True)
class Live:
    """What the running agent itself says this moment."""

    in_touch: bool
    """Whether the centre answered its last beats."""
    broker: str
    error: str
    silent: tuple[str, ...]
    """Modules that do not answer."""
    modules: int
    evidence_waiting: int = 0
    """Pictures and clips that the centre has not got."""
    evidence_bytes: int = 0
    people_model: str = ""
    """What finds people; `none`: nothing does; empty: nobody is looked for."""
    eyes: tuple[Eye, ...] = ()
    """Its cameras and recorders."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that was looked at. A `Said` in a thing's place says why it cannot be known."""

    version: str
    enrolled: Enrolled | Said | None
    site_file: SiteFile | Said | None
    running: bool | Said
    store: Store | Said | None
    clock_synced: bool | None
    free_bytes: int | Said
    live: Live | None = None
    """None where no agent runs, or it does not answer."""


def judge(seen: Seen, now: datetime) -> tuple[Line, ...]:
    """Every matter, in the order in which a person would mend them."""
    return (
        Line(matter="software", level=Level.OK, text=said(N_("Branchwatch {version}"), version=seen.version)),
        _clock(seen, now),
        _identity(seen.enrolled, now),
        _site_file(seen, now),
        _room(seen.free_bytes),
        _running(seen),
        *_devices(seen.live),
        *_announcements(seen.site_file),
        *_store(seen, now),
        *_eyes(seen.live),
        *_people(seen.live),
        *_evidence(seen.live),
    )


def worst(lines: tuple[Line, ...]) -> Level:
    """The gravest level of all."""
    order = list(Level)
    return max((line.level for line in lines), key=order.index)


def _clock(seen: Seen, now: datetime) -> Line:
    floor = seen.store.heard if isinstance(seen.store, Store) else None
    begins = seen.enrolled.not_before if isinstance(seen.enrolled, Enrolled) else None
    earliest = max((each for each in (floor, begins) if each is not None), default=None)
    step = said(N_("see that the bank's time server is reachable (timedatectl), or set the clock"))
    if earliest is not None and now < earliest - MAX_OFFSET:
        text = said(N_("reads {now}, but it is later than {earliest}"), now=_minute(now), earliest=_minute(earliest))
        return Line(matter="clock", level=Level.BAD, text=text, next_step=step)
    if seen.clock_synced:
        return Line(
            matter="clock", level=Level.OK, text=said(N_("{now}, in step with a time server"), now=_minute(now))
        )
    text = said(N_("{now}, not in step with any time server"), now=_minute(now))
    return Line(matter="clock", level=Level.ATTENTION, text=text, next_step=step)


def _identity(enrolled: Enrolled | Said | None, now: datetime) -> Line:
    if enrolled is None:
        step = said(N_("branchwatch agent enrol, with the code that the bank gave you"))
        return Line(matter="identity", level=Level.BAD, text=said(N_("this box is not enrolled")), next_step=step)
    if isinstance(enrolled, Said):
        step = said(
            N_("tell the bank; a box whose keys are lost becomes a new one (provision replace, install.sh --purge)")
        )
        return Line(matter="identity", level=Level.BAD, text=enrolled, next_step=step)
    facts = {"box": enrolled.box, "site": enrolled.site, "until": f"{enrolled.not_after:%Y-%m-%d}"}
    renew = said(N_("branchwatch agent renew --now; if that is refused, a fresh code: branchwatch agent enrol --again"))
    if now > enrolled.not_after:
        text = said(N_("box {box} of site {site}; its certificate ended on {until}"), **facts)
        return Line(matter="identity", level=Level.BAD, text=text, next_step=renew)
    text = said(N_("box {box} of site {site}, certificate until {until}"), **facts)
    if now > enrolled.not_after - EXPIRING_WITHIN:
        return Line(matter="identity", level=Level.ATTENTION, text=text, next_step=renew)
    return Line(matter="identity", level=Level.OK, text=text)


def _site_file(seen: Seen, now: datetime) -> Line:
    matter, file = "site file", seen.site_file
    if file is None:
        step = said(N_("it comes with the enrolment"))
        if isinstance(seen.enrolled, Enrolled):
            step = said(
                N_(
                    "have the bank build and sign it; then branchwatch agent enrol --again with the same code while it "
                    "lives or a fresh one, or branchwatch agent site apply FILE"
                )
            )
        return Line(matter=matter, level=Level.BAD, text=said(N_("there is none yet")), next_step=step)
    if isinstance(file, Said):
        return Line(matter=matter, level=Level.BAD, text=file)
    facts = {"version": file.version, "until": f"{file.roster_not_after:%Y-%m-%d}"}
    fresh = said(N_("ask the bank to build and sign a new one; it comes by itself over the line"))
    if file.damaged:
        text = said(N_("version {version}; a newer one is damaged and not used"), **facts)
        return Line(matter=matter, level=Level.ATTENTION, text=text, next_step=fresh)
    if now > file.roster_not_after:
        text = said(
            N_("version {version}; its roster ended on {until}: nothing is disarmed or unlocked from afar"),
            **facts,
        )
        return Line(matter=matter, level=Level.ATTENTION, text=text, next_step=fresh)
    text = said(N_("version {version}, roster until {until}"), **facts)
    return Line(matter=matter, level=Level.OK, text=text)


def _room(free: int | Said) -> Line:
    if isinstance(free, Said):
        return Line(matter="disk", level=Level.BAD, text=free)
    text = said(N_("{free} MiB free"), free=free // 1024 // 1024)
    if free >= ROOM_LOW_BYTES:
        return Line(matter="disk", level=Level.OK, text=text)
    level = Level.ATTENTION if free >= ROOM_BAD_BYTES else Level.BAD
    return Line(matter="disk", level=level, text=text, next_step=said(N_("make room, or give the box a larger disk")))


def _running(seen: Seen) -> Line:
    if isinstance(seen.running, Said):
        return Line(matter="agent", level=Level.BAD, text=seen.running)
    if seen.running and seen.live is None:
        text = said(N_("running, but it does not answer"))
        step = said(N_("once more in a minute; then systemctl restart branchwatch-agent"))
        return Line(matter="agent", level=Level.ATTENTION, text=text, next_step=step)
    if seen.running:
        return Line(matter="agent", level=Level.OK, text=said(N_("running")))
    ready = isinstance(seen.enrolled, Enrolled) and isinstance(seen.site_file, SiteFile)
    step = said(N_("what stands above comes first"))
    if ready:
        step = said(N_("systemctl start branchwatch-agent; if it does not stay: journalctl -u branchwatch-agent"))
    return Line(matter="agent", level=Level.BAD, text=said(N_("not running: this site is not guarded")), next_step=step)


def _devices(live: Live | None) -> Iterator[Line]:
    """Whether every module answers; without the agent nobody asks them."""
    if live is None or not live.modules:
        return
    if live.silent:
        text = said(
            N_("{names} of {count} modules do not answer: what they read is unknown"),
            names=", ".join(live.silent),
            count=live.modules,
        )
        step = said(N_("branchwatch agent check --live shows each with what to look at"))
        yield Line(matter="devices", level=Level.BAD, text=text, next_step=step)
    else:
        text = said(N_("{count} modules answer"), count=live.modules)
        yield Line(matter="devices", level=Level.OK, text=text)


def _eyes(live: Live | None) -> Iterator[Line]:
    """Whether every camera has a sound picture, and every recorder keeps; a box without any says nothing."""
    for each in sights(live.eyes) if live else ():
        level = Level.BAD if each.bad else Level.ATTENTION if each.next_step else Level.OK
        yield Line(matter="cameras", level=level, text=each.text, next_step=each.next_step)


def _people(live: Live | None) -> Iterator[Line]:
    """With what people are found in pictures; where nobody is looked for, nothing is said."""
    if live is None or not live.people_model:
        return
    if live.people_model != WITHOUT_MODEL:
        text = said(N_("people are found with {model}"), model=live.people_model)
        yield Line(matter="people", level=Level.OK, text=text)
        return
    text = said(N_("without people model: what moves is taken for people, and custody is not judged"))
    yield Line(matter="people", level=Level.ATTENTION, text=text, next_step=said(N_("branchwatch agent models --get")))


def _evidence(live: Live | None) -> Iterator[Line]:
    """What is kept of pictures, and whether the centre gets them; a box that keeps none says nothing."""
    if live is None or not (live.evidence_waiting or live.evidence_bytes):
        return
    facts = {"size": live.evidence_bytes // 1024 // 1024, "count": live.evidence_waiting}
    if not live.evidence_waiting:
        text = said(N_("{size} MiB kept; the centre has all of it"), **facts)
        yield Line(matter="evidence", level=Level.OK, text=text)
        return
    text = said(N_("{size} MiB kept; {count} pictures and clips wait for the centre"), **facts)
    if live.evidence_waiting < MANY_WAIT:
        yield Line(matter="evidence", level=Level.OK, text=text)
        return
    step = said(N_("check the line, and evidence in [centre]; what waits is kept until the centre has it"))
    yield Line(matter="evidence", level=Level.ATTENTION, text=text, next_step=step)


def _announcements(file: SiteFile | Said | None) -> Iterator[Line]:
    for text, step in file.lacking if isinstance(file, SiteFile) else ():
        yield Line(matter="announcements", level=Level.ATTENTION, text=text, next_step=step)


def _store(seen: Seen, now: datetime) -> Iterator[Line]:
    """The centre, and what waits for it; nothing before the agent ran for the first time."""
    store = seen.store
    if store is None:
        return
    if isinstance(store, Said):
        yield Line(matter="centre", level=Level.BAD, text=store)
        return
    yield _centre(store, now, seen.live) if seen.live else _unasked(store, now)
    if store.quarantined:
        text = said(N_("{count} events were damaged on the disk and are kept aside"), count=store.quarantined)
        step = said(N_("note it for the bank; the disk may be failing"))
        yield Line(matter="events", level=Level.ATTENTION, text=text, next_step=step)


def _centre(store: Store, now: datetime, live: Live) -> Line:
    """As the running agent says it: what is on the disk may be ten minutes old."""
    if not live.in_touch:
        facts = {"broker": live.broker, "error": live.error or "-", "count": store.pending}
        return Line(
            matter="centre",
            level=Level.ATTENTION,
            text=said(N_("it is not reached through {broker} ({error}); {count} events wait for it"), **facts),
            next_step=said(
                N_("check cable, router and the addresses in [centre]; events are kept until the line is back")
            ),
        )
    if not store.pending:
        return Line(matter="centre", level=Level.OK, text=said(N_("it answers; it has every event")))
    text = said(N_("it answers; {count} events under way"), count=store.pending)
    return Line(matter="centre", level=Level.OK, text=text)


def _unasked(store: Store, now: datetime) -> Line:
    """As the disk has it: no agent runs that could say more."""
    if store.heard is None:
        text = said(N_("it has not answered yet; {count} events wait for it"), count=store.pending)
        return Line(matter="centre", level=Level.ATTENTION, text=text)
    facts = {"heard": _minute(store.heard), "count": store.pending}
    waits = store.oldest_pending is not None and now - store.oldest_pending > WAITING_FOR
    if waits or now - store.heard > QUIET_FOR:
        text = said(N_("last answer {heard}; {count} events wait for it"), **facts)
        return Line(matter="centre", level=Level.ATTENTION, text=text)
    if store.pending:
        return Line(
            matter="centre", level=Level.OK, text=said(N_("last answer {heard}; {count} events under way"), **facts)
        )
    return Line(matter="centre", level=Level.OK, text=said(N_("last answer {heard}; it has every event"), **facts))


def _minute(moment: datetime) -> str:
    """In the box's own time: it is read by somebody who stands before it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
