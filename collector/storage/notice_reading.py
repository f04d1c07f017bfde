"""Questions about notices: an alarm's, and everybody's. What a person may not see of alarms it does not see here.

Flow: collector/console/notices.py -> here.
"""

from sqlalchemy import ColumnElement, and_, or_, select

from collector.notify.records import Notice
from collector.storage.alarm_tables import notices
from collector.storage.notices import notice_of
from collector.storage.reading import Reading
from collector.storage.records import Page, Sight
from collector.storage.schema import alarms, sites
from collector.storage.seeing import seen_alarms


def list_notices(
    reading: Reading, sight: Sight, *, alarm: str | None = None, limit: int, cursor: int | None = None
) -> Page[Notice]:
    """Newest first; of one alarm, or of every alarm that is seen, with the asker's own digests."""
    seen = select(alarms.c.id).join_from(alarms, sites, sites.c.id == alarms.c.site).where(seen_alarms(sight))
    if alarm is not None:
        conditions: list[ColumnElement[bool]] = [notices.c.alarm == alarm, notices.c.alarm.in_(seen)]
    elif sight.unit or sight.person:
        own: ColumnElement[bool] = notices.c.alarm.is_(None)
        if sight.unit:
            own = and_(own, notices.c.person == sight.person)
        conditions = [or_(notices.c.alarm.in_(seen), own)]
    else:
        conditions = []
    if cursor is not None:
        conditions.append(notices.c.number < cursor)
    statement = select(notices).where(*conditions).order_by(notices.c.number.desc()).limit(limit + 1)
    rows = [notice_of(row) for row in reading.connection.execute(statement)]
    more = rows[limit - 1].number if len(rows) > limit else None
    return Page(items=tuple(rows[:limit]), next=more)
