"""Rows of `notices` as they are wanted and called off: inside the writer's transaction, counters locked. No decisions.

What the sender does with them is storage/notice_sending.py. Flow: collector/notify/queueing.py -> here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import func, insert, select, update

from collector.escalation.records import Purpose
from collector.notify.records import Notice, NoticeState, Sort, Stored
from collector.storage.alarm_tables import notices, timers
from collector.storage.schema import alarm_events, alarms, withheld
from collector.storage.store import Transaction
from collector.storage.timers import facts_of

MANY: Final = 400

_WAITING: Final = (NoticeState.QUEUED.value, NoticeState.HELD.value)
_SORTS: Final = frozenset(Sort)


def add_notices(connection: Transaction, rows: Sequence[Notice]) -> None:
    """Write new rows; their numbers are given here, in their order."""
    if not rows:
        return
    last = connection.execute(select(func.max(notices.c.number))).scalar_one() or 0
    connection.execute(insert(notices), [_values(row, last + place) for place, row in enumerate(rows, start=1)])


def told_since(connection: Transaction, people: Iterable[str], since_ms: int, gravest: int) -> dict[str, int]:
    """How many notices that count each person got since then; a try by another channel is the same notice."""
    found: dict[str, int] = {}
    for some in parts(sorted(set(people))):
        statement = (
            select(notices.c.person, func.count().label("many"))
            .where(
                notices.c.person.in_(some),
                notices.c.queued_ms > since_ms,
                notices.c.level > gravest,
                notices.c.sort.in_((Sort.ALARM.value, Sort.REMINDER.value)),
                notices.c.state.not_in((NoticeState.HELD.value, NoticeState.CANCELLED.value)),
                notices.c.bundle.is_(None),
                notices.c.follows.is_(None),
            )
            .group_by(notices.c.person)
        )
        found.update({row.person: row.many for row in connection.execute(statement)})
    return found


def awaiting_digest(connection: Transaction) -> set[str]:
    """Who gets a digest soon."""
    statement = select(timers.c.facts).where(timers.c.alarm.is_(None), timers.c.purpose == Purpose.DIGEST.value)
    people = (facts_of(row.facts).get("person") for row in connection.execute(statement))
    return {person for person in people if isinstance(person, str)}


def plan_digests(connection: Transaction, people: Mapping[str, str], due_ms: int, now_ms: int) -> None:
    """A timer for each: person -> the timer's id."""
    if people:
        connection.execute(
            insert(timers),
            [
                {
                    "id": timer,
                    "alarm": None,
                    "purpose": Purpose.DIGEST.value,
                    "due_ms": due_ms,
                    "facts": msgspec.json.encode({"person": person}).decode(),
                    "made_ms": now_ms,
                }
                for person, timer in people.items()
            ],
        )


def call_off(connection: Transaction, alarm_ids: Sequence[str]) -> None:
    """Notices of these alarms that did not leave yet never will."""
    for some in parts(alarm_ids):
        connection.execute(
            update(notices)
            .where(notices.c.alarm.in_(some), notices.c.state.in_(_WAITING))
            .values(state=NoticeState.CANCELLED.value)
        )


def held_for(connection: Transaction, person: str) -> list[Notice]:
    """What waits for this person's digest, oldest first."""
    statement = (
        select(notices)
        .where(
            notices.c.state == NoticeState.HELD.value,
            notices.c.person == person,
            notices.c.bundle.is_(None),
        )
        .order_by(notices.c.number)
    )
    return [notice_of(row) for row in connection.execute(statement)]


def bundle(connection: Transaction, notice_ids: Sequence[str], digest: str) -> None:
    """These were put into that digest."""
    for some in parts(notice_ids):
        connection.execute(update(notices).where(notices.c.id.in_(some)).values(bundle=digest))


def withheld_from(connection: Transaction, alarm_ids: Iterable[str], people: Iterable[str]) -> set[tuple[str, str]]:
    """(Alarm, person) of whom nothing may be told: the person acted under duress (storage/seeing.py)."""
    some_people = sorted(set(people))
    if not some_people or connection.execute(select(withheld.c.number).limit(1)).first() is None:
        return set()
    found: set[tuple[str, str]] = set()
    for some in parts(sorted(set(alarm_ids))):
        for whom in parts(some_people):
            statement = (
                select(alarm_events.c.alarm, withheld.c.person)
                .join_from(alarm_events, withheld, withheld.c.number == alarm_events.c.number)
                .where(alarm_events.c.alarm.in_(some), withheld.c.person.in_(whom))
            )
            found |= {(row.alarm, row.person) for row in connection.execute(statement)}
    return found


def sites_of(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Site and kind of each alarm."""
    found: dict[str, tuple[str, str]] = {}
    for some in parts(sorted(set(alarm_ids))):
        statement = select(alarms.c.id, alarms.c.site, alarms.c.kind).where(alarms.c.id.in_(some))
        found.update({row.id: (row.site, row.kind) for row in connection.execute(statement)})
    return found


def notice_of(row: Any) -> Notice:
    """The notice that a row of the table holds; of a damaged one what can be told is told, by the channel it names."""
    values = dict(row._mapping)
    try:
        values["facts"] = msgspec.json.decode(values["facts"], type=Stored)
    except msgspec.DecodeError:
        values["facts"] = Stored()
    values["sort"] = Sort(values["sort"]) if values["sort"] in _SORTS else Sort.ALARM
    values["state"] = NoticeState(values["state"])
    return Notice(**values)


def parts(values: Iterable[str]) -> Iterator[list[str]]:
    """Values in lists that one statement takes."""
    every = list(values)
    for start in range(0, len(every), MANY):
        yield every[start : start + MANY]


def _values(row: Notice, number: int) -> dict[str, Any]:
    values = msgspec.structs.asdict(row)
    values["number"], values["facts"] = number, msgspec.json.encode(row.facts).decode()
    values["sort"], values["state"] = row.sort.value, row.state.value
    return values
