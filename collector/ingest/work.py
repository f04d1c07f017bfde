"""One transaction under way: what stands, what was found, and the rows that will be written together.

Filled by placing, hearing, rejecting, telling and alarming in turn, written by commit.py. No decisions here.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from collector.alarms.correlation import Fact, concerns
from collector.fleet.records import Ask, Found
from collector.ingest.sequence import NOTHING, Standing
from collector.ledger import Draft
from collector.storage.journal import Entry
from collector.storage.records import Flag
from collector.storage.schema import events as events_table
from collector.storage.store import Transaction
from collector.storage.writing import Key, insert_many
from protocol.kinds import KINDS, RESTORED, EventClass, Lane
from protocol.messages import Event

CONFIG_REFUSED: Final = "config.refused"
ANSWERS: Final = frozenset({"order.executed", "order.refused", "request.answered"})
"""A box's answer to what somebody here asked of it: the fact `order` or `request` names it."""
SEALED: Final = "evidence.sealed"
DURESS: Final = frozenset({"zone.duress", "zone.duress" + RESTORED})
"""Never shown to the session of the person who acted under it, and counted nowhere (WIRE 4.6)."""


class Refusal(NamedTuple):
    """A box's word that it does not take a site bundle."""

    box: str
    version: int
    hash: str
    reason: str


class Said(NamedTuple):
    """A box's answer to an order or a request."""

    box: str
    id: str
    kind: str
    reason: str
    facts: dict[str, Any]
    event_id: str


class Duress(NamedTuple):
    """An event that a person's session must not show; `restores` names the event whose end it is."""

    number: int
    box: str
    event_id: str
    people: tuple[str, ...]
    restores: str | None


@dataclass
class Work:
    """`number` is the last row number given out; `known` and `fresh` are lanes before and after."""

    connection: Transaction
    now_ms: int
    number: int
    known: dict[Key, Standing] = field(default_factory=dict)
    fresh: dict[Key, Standing] = field(default_factory=dict)
    envelopes: list[tuple[Any, ...]] = field(default_factory=list)  # in the order of the table's columns
    events: list[tuple[Any, ...]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    found: list[tuple[str, str, Found]] = field(default_factory=list)  # box, site, what
    drafts: list[Draft] = field(default_factory=list)  # what is told as it stands, beside what was found
    entries: list[Entry] = field(default_factory=list)
    asks: list[tuple[str, Ask]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    duress: list[Duress] = field(default_factory=list)
    pictured: list[tuple[int, Event]] = field(default_factory=list)  # those that promise or seal pictures, numbered
    duplicates: int = 0
    first_event: int = 0
    last_event: int = 0
    events_by_lane: Counter[str] = field(default_factory=Counter)

    def take_number(self) -> int:
        """The next row number."""
        self.number += 1
        return self.number

    def standing(self, key: Key) -> Standing:
        """A lane as this transaction will leave it."""
        return self.fresh.get(key) or self.known.get(key) or NOTHING

    def heads(self, box: str) -> dict[str, Standing]:
        """Both lanes of a box, as far as anything was stored."""
        both = {lane.value: self.standing((box, lane.value)) for lane in Lane}
        return {lane: standing for lane, standing in both.items() if standing is not NOTHING}

    def flush_events(self) -> None:
        """Write the event rows so far: what comes next looks at them."""
        insert_many(self.connection, events_table, self.events)
        self.events = []

    def add_envelope(self, *, box: str, kid: str, body: bytes, received_ms: int) -> int:
        """Keep exact bytes; returns the envelope's number."""
        number = self.take_number()
        self.envelopes.append((number, box, kid, body, received_ms))
        return number

    def add_event(
        self,
        event: Event,
        digest: str,
        *,
        envelope: int,
        line_no: int,
        branch: int,
        flags: list[Flag],
        at_ms: int,
        received_ms: int,
    ) -> int:
        """Keep a line; returns its number."""
        number = self.take_number()
        self.first_event = self.first_event or number
        self.last_event = number
        if event.kind in DURESS:
            self._note_duress(event, number)
        else:
            self.events_by_lane[event.lane.value] += 1
        event_class = _class_of(event.kind)
        self.events.append(
            (
                number,
                event.box,
                event.lane.value,
                event.run,
                event.seq,
                branch,
                digest,
                event.prev,
                event.id,
                event.kind,
                event.level,
                event_class,
                event.site,
                event.source,
                at_ms,
                received_ms,
                envelope,
                line_no,
                " ".join(flags) if flags else "",
            )
        )
        if event.kind == CONFIG_REFUSED:
            self._note_refusal(event)
        if event.kind in ANSWERS:
            self._note_answer(event)
        if event.evidence or event.kind == SEALED:
            self.pictured.append((number, event))
        if concerns(event.level, event.restores):
            self.facts.append(
                Fact(
                    number=number,
                    box=event.box,
                    event_id=event.id,
                    site=event.site,
                    kind=event.kind,
                    event_class=event_class,
                    level=event.level,
                    source=event.source,
                    at_ms=at_ms,
                    received_ms=received_ms,
                    restores=event.restores,
                )
            )
        return number

    def _note_refusal(self, event: Event) -> None:
        version, digest, reason = (event.facts.get(name) for name in ("version", "hash", "reason"))
        if isinstance(version, int) and isinstance(digest, str) and isinstance(reason, str):
            self.refusals.append(Refusal(event.box, version, digest, reason))

    def _note_answer(self, event: Event) -> None:
        asked = event.facts.get("request" if event.kind == "request.answered" else "order")
        reason = event.facts.get("reason")
        if isinstance(asked, str):
            self.said.append(
                Said(event.box, asked, event.kind, reason if isinstance(reason, str) else "", event.facts, event.id)
            )

    def _note_duress(self, event: Event, number: int) -> None:
        person = event.facts.get("person")
        people = tuple(each for each in (person if isinstance(person, list) else [person]) if isinstance(each, str))
        self.duress.append(Duress(number, event.box, event.id, people, event.restores))


@lru_cache(maxsize=1024)  # names come from outside
def _class_of(name: str) -> str:
    """The class of a kind; one that only a newer box knows counts as a fault."""
    kind = KINDS.get(name.removesuffix(RESTORED))
    return (kind.event_class if kind else EventClass.FAULT).value
