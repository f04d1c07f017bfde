"""How many alarms stood before a person's eyes since a moment: opened or surfaced, under no shelter. Reads only.

Flow: console -> here -> storms/flood.py judges.
"""

from sqlalchemy import func, or_, select

from collector.storage.alarm_tables import presence
from collector.storage.reading import Reading
from collector.storage.records import Sight, Topic
from collector.storage.schema import alarms, journal, sites
from collector.storage.seeing import seen_alarms


def shown_since(reading: Reading, sight: Sight, since_ms: int) -> int:
    """Alarms that a person of this sight was shown since."""
    surfaced = select(journal.c.subject).where(
        journal.c.topic == Topic.ALARM.value,
        journal.c.action == "surfaced",
        journal.c.at_ms >= since_ms,
    )
    statement = (
        select(func.count())
        .select_from(alarms)
        .join(sites, sites.c.id == alarms.c.site)
        .where(
            seen_alarms(sight),
            alarms.c.shelter.is_(None),
            or_(alarms.c.opened_ms >= since_ms, alarms.c.id.in_(surfaced)),
        )
    )
    return int(reading.connection.execute(statement).scalar_one())


def at_desks(reading: Reading, since_ms: int) -> frozenset[str]:
    """Who sat at a desk since."""
    statement = select(presence.c.person).where(presence.c.at_ms >= since_ms)
    return frozenset(reading.connection.execute(statement).scalars())
