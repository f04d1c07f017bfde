"""What became of notices, written in batches; a failed one's next channel becomes a row of its own.

Nobody is told of an alarm that is over or sheltered meanwhile. Flow: sender.py -> here -> `notices`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.notify.records import Notice, NoticeState, Sort, Stored
from collector.storage import notice_sending, notices, writing
from collector.storage.notice_sending import Done
from collector.storage.records import OPEN_STATES, AlarmState
from collector.storage.store import Transaction


@dataclass(frozen=True, kw_only=True, repr=False)
class Outcomes:
    """A notice, what became of it, the channels that are left after a failure."""

    notice: Notice
    done: Done
    then: tuple[str, ...] = ()


def write(
    connection: Transaction, worker: str, outcomes: Sequence[Outcomes], now_ms: int, new_id: Callable[[int], str]
) -> None:
    """All of them; the first statement of its transaction, which takes the counters' lock where a row follows."""
    if not outcomes:
        return
    following = [each for each in outcomes if each.then]
    if following:
        writing.lock_counters(connection)
    notice_sending.write_outcomes(connection, worker, [each.done for each in outcomes])
    follow(connection, [(each.notice, each.then) for each in following], now_ms, new_id)


def follow(
    connection: Transaction,
    failed: Sequence[tuple[Notice, tuple[str, ...]]],
    now_ms: int,
    new_id: Callable[[int], str],
) -> None:
    """The next channel of each, with those that are left after it; the caller holds the counters' lock."""
    failed = [(notice, then) for notice, then in failed if then]
    if not failed:
        return
    told = notice_sending.alarms_told(connection, {notice.alarm for notice, _ in failed if notice.alarm})
    rows: list[Notice] = []
    for notice, then in failed:
        alarm = told.get(notice.alarm or "")
        if notice.sort is Sort.ALARM and (
            alarm is None or alarm.shelter is not None or AlarmState(alarm.state) not in OPEN_STATES
        ):
            continue
        rows.append(
            Notice(
                id=new_id(now_ms),
                alarm=notice.alarm,
                sort=notice.sort,
                target=notice.target,
                person=notice.person,
                channel=then[0],
                level=notice.level,
                state=NoticeState.QUEUED,
                facts=Stored(then=then[1:], told=notice.facts.told),
                due_ms=now_ms,
                queued_ms=notice.queued_ms,
                follows=notice.id,
            )
        )
    notices.add_notices(connection, rows)
