"""From events to alarms: which opens one, joins one, supports one, or tells that what opened it has ended, and why.

Pure. An event of level 1-4 joins an open alarm of the same site, kind and source when it comes within the kind's window
of it; supports another open alarm of the site when a row of composites.py says so, which then rises; else it opens one.
A restore is noted, never closes, on whichever alarms are of what it ends. An event of a point on test stands apart: it
touches only the alarm of that test. Flow: ingest/alarming.py -> here -> rows, in the same transaction as the events.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from collector.alarms.composites import Composite, Sign, raised_by
from collector.storage.records import OPEN_STATES, AlarmState
from protocol.kinds import RESTORED, EventClass, is_restore

LOWEST_LEVEL: Final = 4
"""The least grave level that a person must handle; level 5 is told and kept."""

WINDOW_MS: Final = 600_000
GRAVE_WINDOW_MS: Final = 120_000
"""For level 1: what is told again later is worth an alarm of its own."""

WAKES: Final = 2
"""An event of this level or graver, or of class security, ends the parking of the alarm that it joins."""

Key = tuple[str, str, str]
"""Site, kind, source."""


class Part(StrEnum):
    """What an event does in an alarm."""

    OPENED = "opened"
    JOINED = "joined"
    SUPPORTS = "supports"
    RESTORED = "restored"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A committed event as far as correlation looks."""

    number: int
    box: str
    event_id: str
    site: str
    kind: str
    event_class: str
    level: int
    source: str
    at_ms: int
    received_ms: int
    restores: str | None

    @property
    def key(self) -> Key:
        """What makes two events one alarm; a restore has that of what it ends."""
        return self.site, self.kind.removesuffix(RESTORED), self.source


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An open alarm as correlation finds it; `first_ms` and `last_ms` are its events' times."""

    id: str
    site: str
    kind: str
    source: str
    level: int
    state: AlarmState
    first_ms: int
    last_ms: int
    shelter: str | None = None
    restored_ms: int | None = None


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A new alarm; `level` may be graver than its event's. `test`: the suspension that its point is on test by."""

    alarm: str
    fact: Fact
    level: int
    test: str | None = None


@dataclass
class Changed:
    """What happens to an alarm that is there (or was opened just before)."""

    joined: int = 0
    level: int = 5
    last_ms: int = 0
    restored_ms: int | None = None
    rises: bool = False
    unparks: bool = False
    surfaces: bool = False  # it rose, so nothing may keep it quiet any longer
    becomes: int = 5  # the alarm's level from now on
    ends: bool = False  # its own condition did, not only one that supported it


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event stands; `restored_ms` is that alarm's."""

    alarm: str
    supports: bool = False
    restored_ms: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An event's place in an alarm, and by which rule: `why` becomes JSON."""

    alarm: str
    fact: Fact
    part: Part
    why: Mapping[str, Any] = {}


@dataclass
class Correlation:
    """The rows to write."""

    openings: list[Opening] = field(default_factory=list)
    changes: dict[str, Changed] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What stands before the events.

    `open_alarms`: of the events' sites, those that could be joined or supported or could support, oldest first;
    `places`: where each restored event stands, by (box, event id); `ended`: when events among these were restored by
    something that came before them; `lasting`: alarms of what the restores among these end, of which nothing has ended
    yet; `testing`: the suspension of each event on test, by number; `tests`: the alarm that such a test has already.
    """

    open_alarms: Iterable[Standing] = ()
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)
    ended: Mapping[tuple[str, str], int] = field(default_factory=dict)
    lasting: Mapping[Key, Iterable[str]] = field(default_factory=dict)
    testing: Mapping[int, str] = field(default_factory=dict)
    tests: Mapping[tuple[str, Key], str] = field(default_factory=dict)


def concerns(level: int, restores: str | None) -> bool:
    """Whether correlation has anything to do with an event; most have a level of 5 and no alarm."""
    return level <= LOWEST_LEVEL or restores is not None


def correlate(facts: Iterable[Fact], known: Known, new_id: Callable[[], str]) -> Correlation:
    """Place events in alarms, in their order."""
    placing = _Placing(known, new_id)
    for fact in facts:
        if is_restore(fact.kind):
            placing.restore(fact)
        elif fact.level <= LOWEST_LEVEL:
            placing.place(fact)
    return placing.made


class _Placing:
    """One pass over events; what they open can be joined by those after them."""

    def __init__(self, known: Known, new_id: Callable[[], str]) -> None:
        self.made = Correlation()
        self._known, self._new_id = known, new_id
        self._by_key: dict[Key, Standing] = {}
        self._by_site: dict[str, dict[str, Standing]] = {}
        for alarm in known.open_alarms:
            self._stand(alarm)
        self._places = dict(known.places)
        self._last = {key: dict.fromkeys(ids) for key, ids in known.lasting.items()}
        self._tests = dict(known.tests)

    def place(self, fact: Fact) -> None:
        """An event that begins something, or tells it again."""
        test = self._known.testing.get(fact.number)
        place = Place(alarm=self._on_test(fact, test)) if test is not None else self._place_for(fact)
        self._places[fact.box, fact.event_id] = place
        if place.supports:
            return
        self._last.setdefault(fact.key, {})[place.alarm] = None
        ended_ms = self._known.ended.get((fact.box, fact.event_id))
        if ended_ms is not None:
            self.made.changes.setdefault(place.alarm, Changed()).restored_ms = ended_ms

    def restore(self, fact: Fact) -> None:
        """An event that says that something ended; an alarm is over when its own condition is, not a supporting one."""
        place = self._places.get((fact.box, fact.restores or ""))  # none below level 4, or before its event arrives
        own = {} if place is None or place.supports else {place.alarm: None}
        ending = {**own, **self._last.pop(fact.key, {})}
        for alarm in ending:
            change = self._note_end(alarm, fact)
            change.restored_ms, change.ends = fact.at_ms, True
        if place is not None and place.supports and place.alarm not in ending:
            self._note_end(place.alarm, fact, place.restored_ms)

    def _note_end(self, alarm: str, fact: Fact, restored_ms: int | None = None) -> Changed:
        change = self.made.changes.setdefault(alarm, Changed(restored_ms=restored_ms))
        change.last_ms = max(change.last_ms, fact.at_ms)
        self.made.links.append(Link(alarm=alarm, fact=fact, part=Part.RESTORED, why={"rule": "restores"}))
        return change

    def _place_for(self, fact: Fact) -> Place:
        same = self._by_key.get(fact.key)
        window_ms = window_of(fact.level)
        if same is not None and (apart_ms := _apart(same, fact)) <= window_ms:
            why = {"rule": "same_source", "window_s": window_ms // 1000, "apart_s": apart_ms // 1000}
            self._join(same, fact, Part.JOINED, fact.level, why)
            return Place(alarm=same.id)
        sign = _sign(fact)
        others = [alarm for alarm in self._by_site.get(fact.site, {}).values() if alarm.shelter is None]
        for alarm in reversed(others):
            if (row := raised_by(_sign(alarm), sign)) is not None:
                self._join(alarm, fact, Part.SUPPORTS, row.level, _explained(row, alarm))
                return Place(alarm=alarm.id, supports=True, restored_ms=alarm.restored_ms)
        return Place(alarm=self._open(fact, sign, others))

    def _open(self, fact: Fact, sign: Sign, others: Iterable[Standing]) -> str:
        level, why = fact.level, {"rule": "opens"}
        for alarm in others:
            row = raised_by(sign, _sign(alarm))
            if row is not None and row.level < level:
                level, why = row.level, _explained(row, alarm)
        alarm_id = self._new_id()
        self.made.openings.append(Opening(alarm=alarm_id, fact=fact, level=level))
        self.made.links.append(Link(alarm=alarm_id, fact=fact, part=Part.OPENED, why=why))
        self._stand(
            Standing(
                id=alarm_id,
                site=fact.site,
                kind=fact.kind,
                source=fact.source,
                level=level,
                state=AlarmState.NEW,
                first_ms=fact.at_ms,
                last_ms=fact.at_ms,
            )
        )
        return alarm_id

    def _on_test(self, fact: Fact, test: str) -> str:
        alarm_id = self._tests.get((test, fact.key))
        why = {"rule": "on_test", "suspension": test}
        if alarm_id is None:
            alarm_id = self._tests[test, fact.key] = self._new_id()
            self.made.openings.append(Opening(alarm=alarm_id, fact=fact, level=fact.level, test=test))
            self.made.links.append(Link(alarm=alarm_id, fact=fact, part=Part.OPENED, why=why))
            return alarm_id
        change = self.made.changes.setdefault(alarm_id, Changed())
        change.joined += 1
        change.last_ms = max(change.last_ms, fact.at_ms)
        change.restored_ms = None
        self.made.links.append(Link(alarm=alarm_id, fact=fact, part=Part.JOINED, why=why))
        return alarm_id

    def _join(self, alarm: Standing, fact: Fact, part: Part, level: int, why: Mapping[str, Any]) -> None:
        change = self.made.changes.setdefault(alarm.id, Changed(restored_ms=alarm.restored_ms))
        change.joined += 1
        change.level = min(change.level, level)
        change.becomes = min(alarm.level, level)
        change.last_ms = max(change.last_ms, fact.at_ms)
        if part is Part.JOINED:
            change.restored_ms = None  # it is so again
        if level < alarm.level:
            change.rises = True
            change.surfaces = change.surfaces or alarm.shelter is not None
        if alarm.state is AlarmState.PARKED and wakes(fact):
            change.unparks = True
        self.made.links.append(Link(alarm=alarm.id, fact=fact, part=part, why=why))
        self._stand(
            msgspec.structs.replace(
                alarm,
                level=min(alarm.level, level),
                first_ms=min(alarm.first_ms, fact.at_ms),
                last_ms=max(alarm.last_ms, fact.at_ms),
                state=AlarmState.NEW if change.unparks else alarm.state,
                shelter=None if change.surfaces else alarm.shelter,
            )
        )

    def _stand(self, alarm: Standing) -> None:
        if alarm.state in OPEN_STATES:
            self._by_key[alarm.site, alarm.kind, alarm.source] = alarm
            self._by_site.setdefault(alarm.site, {})[alarm.id] = alarm


def window_of(level: int) -> int:
    """How long after its last event an alarm of this level is joined, in milliseconds."""
    return GRAVE_WINDOW_MS if level == 1 else WINDOW_MS


def wakes(fact: Fact) -> bool:
    """Whether an event ends the parking of the alarm that it joins."""
    return fact.event_class == EventClass.SECURITY.value or fact.level <= WAKES


def _apart(alarm: Standing, fact: Fact) -> int:
    """How far an event lies from an alarm's events; late arrivals may lie before or among them."""
    return max(0, fact.at_ms - alarm.last_ms, alarm.first_ms - fact.at_ms)


def _sign(one: Fact | Standing) -> Sign:
    if isinstance(one, Fact):
        return Sign(kind=one.kind, source=one.source, first_ms=one.at_ms, last_ms=one.at_ms)
    return Sign(kind=one.kind, source=one.source, first_ms=one.first_ms, last_ms=one.last_ms)


def _explained(row: Composite, alarm: Standing) -> dict[str, Any]:
    return {
        "rule": "composite",
        "composite": row.name,
        "with_kind": alarm.kind,
        "with_source": alarm.source,
        "window_s": row.window_ms // 1000,
        "level": row.level,
    }
