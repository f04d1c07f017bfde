"""Whether people can be reached: proven channels, answers that came, and who must not be told. No decisions here.

Flow: collector/escalation/targets.py and firing.py -> here.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import select

from collector.notify.records import RISEN, NoticeState, Sort, Stored
from collector.storage.alarm_tables import notices, proofs
from collector.storage.schema import alarm_events, withheld
from collector.storage.store import Transaction

MANY = 400


def kept_from(connection: Transaction, alarm_ids: Iterable[str]) -> frozenset[tuple[str, str]]:
    """(Alarm, person) for whoever acted under duress in an event of it (storage/seeing.py)."""
    if connection.execute(select(withheld.c.number).limit(1)).first() is None:
        return frozenset()
    found: set[tuple[str, str]] = set()
    whole = list(alarm_ids)
    for start in range(0, len(whole), MANY):
        statement = (
            select(alarm_events.c.alarm, withheld.c.person)
            .join(withheld, withheld.c.number == alarm_events.c.number)
            .where(alarm_events.c.alarm.in_(whole[start : start + MANY]))
        )
        found |= {(row.alarm, row.person) for row in connection.execute(statement)}
    return frozenset(found)


def proofs_since(connection: Transaction, since_ms: int) -> dict[tuple[str, str], int]:
    """(Person, channel) that were certainly reached since then, and when."""
    statement = select(proofs).where(proofs.c.proven_ms >= since_ms)
    return {(row.person, row.channel): row.proven_ms for row in connection.execute(statement)}


def answered(connection: Transaction, alarm_id: str) -> frozenset[str]:
    """Who answered a notice of this alarm."""
    statement = select(notices.c.person).where(notices.c.alarm == alarm_id, notices.c.answered_ms.is_not(None))
    return frozenset(connection.execute(statement).scalars())


def answers(connection: Transaction, alarm_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """The same of several alarms; those that nobody answered are left out."""
    found: dict[str, set[str]] = {}
    whole = list(alarm_ids)
    for start in range(0, len(whole), MANY):
        statement = select(notices.c.alarm, notices.c.person).where(
            notices.c.alarm.in_(whole[start : start + MANY]), notices.c.answered_ms.is_not(None)
        )
        for row in connection.execute(statement):
            found.setdefault(row.alarm, set()).add(row.person)
    return {alarm: frozenset(people) for alarm, people in found.items()}


def told_targets(connection: Transaction, alarm_id: str) -> frozenset[str]:
    """The targets that were told of this alarm."""
    return frozenset(connection.execute(select(notices.c.target).where(notices.c.alarm == alarm_id)).scalars())


def told_people(connection: Transaction, alarm_id: str) -> list[str]:
    """Who was told of this alarm, in the order in which they were; a site's contact by its name in `notices`."""
    statement = select(notices.c.person).where(
        notices.c.alarm == alarm_id, notices.c.person != "", notices.c.state != NoticeState.CANCELLED.value
    )
    return list(dict.fromkeys(connection.execute(statement.order_by(notices.c.number)).scalars()))


def told_since(connection: Transaction, alarm_id: str, since_ms: int) -> bool:
    """Whether a step told a person of this alarm since then; that its level rose is told by none."""
    statement = select(notices.c.facts).where(
        notices.c.alarm == alarm_id,
        notices.c.sort == Sort.ALARM.value,
        notices.c.person != "",
        notices.c.queued_ms >= since_ms,
    )
    return any(_by_step(facts) for facts in connection.execute(statement).scalars())


def _by_step(facts: str) -> bool:
    """Whether a notice with these facts is a step's; of a damaged row it is believed."""
    try:
        return msgspec.json.decode(facts, type=Stored).told.get("why") != RISEN
    except msgspec.DecodeError:
        return True
