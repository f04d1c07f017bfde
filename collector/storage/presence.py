"""Who sits at a desk: a row a person and collector, renewed by its live page (docs/alarms.md 5).

Bounded: a row is written at most once in five seconds, however many pages a person has open. Whoever tells the desk
asks `present`. Flow: console/live.py -> here -> escalation's targets, the auditor.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import func, insert, or_, select, update

from collector.storage.alarm_tables import presence
from collector.storage.store import NotStorableError, Store, Transaction

RENEWED_MS: Final = 5_000
PRESENT_MS: Final = 15_000
"""Who was not renewed for so long is not there any more: two renewals may be late."""
AHEAD_MS: Final = 60_000
"""How far a row may lie ahead (the clocks of two collectors differ); beyond, a clock was set back."""


def renew(store: Store, person: str, collector: str, now_ms: int) -> bool:
    """Note that this person's page lives; whether a row was written."""
    own = (presence.c.person == person, presence.c.collector == collector)
    with store.read() as reading:
        known = reading.connection.execute(select(presence.c.at_ms).where(*own)).scalar()
    if known is not None and 0 <= now_ms - known < RENEWED_MS:
        return False
    old = or_(presence.c.at_ms <= now_ms - RENEWED_MS, presence.c.at_ms > now_ms)
    try:
        with store.write() as connection:
            if known is None:
                connection.execute(insert(presence).values(person=person, collector=collector, at_ms=now_ms))
                return True
            return bool(connection.execute(update(presence).where(*own, old).values(at_ms=now_ms)).rowcount)
    except NotStorableError:
        return False  # another page of the same person was quicker by a moment


def present(connection: Transaction, now_ms: int) -> Mapping[str, int]:
    """Everybody whose page lives, with the moment it was renewed last."""
    statement = (
        select(presence.c.person, func.max(presence.c.at_ms).label("at_ms"))
        .where(presence.c.at_ms > now_ms - PRESENT_MS, presence.c.at_ms <= now_ms + AHEAD_MS)
        .group_by(presence.c.person)
    )
    return {row.person: row.at_ms for row in connection.execute(statement)}
