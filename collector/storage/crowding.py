"""The gravest notices of other sites than those that crowd the queue: one box must not make a hold-up elsewhere wait.

A stolen box can raise thousands of alarms of level 1, and none of its notices may be held back. By age alone another
site's would leave behind all of them. One statement. Flow: collector/notify/claiming.py -> here.
"""

from collections.abc import Collection

from sqlalchemy import exists, select

from collector.notify.records import Notice, NoticeState
from collector.storage.alarm_tables import notices
from collector.storage.notices import notice_of
from collector.storage.schema import alarms
from collector.storage.store import Transaction


def due_elsewhere(
    connection: Transaction, now_ms: int, *, level: int, sites: Collection[str], limit: int
) -> list[Notice]:
    """Rows of this level that may leave now and are of none of these sites, the oldest first, locked."""
    crowd = exists().where(alarms.c.id == notices.c.alarm, alarms.c.site.in_(sorted(sites)))
    statement = (
        select(notices)
        .where(
            notices.c.state == NoticeState.QUEUED.value,
            notices.c.due_ms <= now_ms,
            notices.c.level == level,
            ~crowd,
        )
        .order_by(notices.c.number)
        .limit(limit)
        .with_for_update(skip_locked=True, of=notices)
    )
    return [notice_of(row) for row in connection.execute(statement)]
