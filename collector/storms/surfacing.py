"""What a shelter's end does to the alarms under it. Inside the transaction that ends it, counters locked.

A parent that a person resolved takes along what has been restored: closed with it, under its resolution, because the
parent's own review covers them. What still lasts surfaces and gets its timers as if opened now. Deeper shelters
closed on the way do the same to what stands under them. Flow: alarms/service.py, timers -> here -> storage.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from collector.alarms.clocks import respond_by_ms
from collector.escalation.begin import begin, quiet
from collector.escalation.surroundings import Surroundings
from collector.people import Person
from collector.storage import evidence, shelters
from collector.storage.journal import Entry, write_journal
from collector.storage.records import AlarmState, Topic
from collector.storage.shelters import Member
from collector.storage.store import Transaction

UNTAKEN: Final = (AlarmState.NEW, AlarmState.RETURNED)
"""What a person has in hand is not closed under it."""

DEEPEST: Final = 20
"""Shelters one under the other; units have at most some ten."""


def parent_over(
    connection: Transaction, around: Surroundings, alarm_id: str, resolution: str, person: Person, now_ms: int
) -> None:
    """A person resolved this alarm; whatever stands under it surfaces or is over with it."""
    release(
        connection,
        around,
        [alarm_id],
        resolution=resolution,
        narrative="",
        person=person.id,
        now_ms=now_ms,
    )


def release(
    connection: Transaction,
    around: Surroundings,
    parents: Sequence[str],
    *,
    resolution: str,
    narrative: str,
    person: str,
    now_ms: int,
) -> None:
    """These shelters are over: untaken members that were restored close with them, the others surface."""
    for _ in range(DEEPEST):
        members = shelters.members_of(connection, parents)
        over = [member for member in members if member.restored_ms is not None and member.state in UNTAKEN]
        taken = {member.id for member in over}
        _rise(connection, around, [member for member in members if member.id not in taken], now_ms)
        if not over:
            return
        ids = [member.id for member in over]
        shelters.close_rows(connection, ids, resolution=resolution, narrative=narrative, person=person, now_ms=now_ms)
        quiet(connection, ids)
        evidence.alarms_are_over(connection, ids, now_ms)
        write_journal(connection, [_closed(member, resolution, person) for member in over], now_ms)
        parents = ids


def surface(connection: Transaction, around: Surroundings, alarm_ids: Iterable[str], now_ms: int) -> None:
    """These alarms stand under nothing any more: they need somebody from now on."""
    _rise(connection, around, shelters.sheltered(connection, alarm_ids), now_ms)


def _rise(connection: Transaction, around: Surroundings, members: Sequence[Member], now_ms: int) -> None:
    if not members:
        return
    clocks = {member.id: respond_by_ms(member.level, now_ms) if member.state in UNTAKEN else None for member in members}
    shelters.surface_rows(connection, clocks.items())
    entries = [_entry(member, "surfaced", around.collector, {"shelter": member.shelter}) for member in members]
    write_journal(connection, entries, now_ms)
    begin(connection, around, [member.id for member in members], now_ms)


def _closed(member: Member, resolution: str, person: str) -> Entry:
    return _entry(member, "closed", person, {"resolution": resolution, "shelter": member.shelter})


def _entry(member: Member, action: str, person: str, facts: dict[str, str]) -> Entry:
    return Entry(topic=Topic.ALARM, subject=member.id, action=action, site=member.site, person=person, facts=facts)
