"""Deliveries over HTTP: who was told of what, by which way, and what became of it. Reads only."""

from typing import Annotated

from fastapi import APIRouter, Path

from collector.console import problems, shapes
from collector.console.asking import Asked
from collector.console.filters import Cursor, Limit, more
from collector.console.notice_shapes import Notice
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.telling import iso
from collector.notify import records
from collector.services import Services
from collector.storage.alarm_reading import alarm_row
from collector.storage.notice_reading import list_notices
from protocol.ids import EVENT_ID_PATTERN

AlarmId = Annotated[str, Path(pattern=EVENT_ID_PATTERN, description="id of an alarm")]


def routes(services: Services) -> APIRouter:
    """/api/v1/notices and /api/v1/alarms/{id}/notices."""
    router = APIRouter(prefix="/api/v1", tags=["notices"])

    @router.get("/notices", responses=problem_answers(401, 422), summary="Notices of alarms, newest first")
    def every(asked: Asked, limit: Limit = 100, cursor: Cursor = None) -> shapes.Listing[Notice]:
        with services.store.read() as reading:
            page = list_notices(
                reading, asked.person.sight, limit=limit, cursor=None if cursor is None else int(cursor)
            )
        return shapes.Listing(items=[_told(row) for row in page.items], next=more(page.next))

    @router.get(
        "/alarms/{alarm_id}/notices",
        responses=problem_answers(401, 404, 422),
        summary="Who was told of an alarm, newest first",
    )
    def of_alarm(alarm_id: AlarmId, asked: Asked, limit: Limit = 100, cursor: Cursor = None) -> shapes.Listing[Notice]:
        sight = asked.person.sight
        with services.store.read() as reading:
            if alarm_row(reading, alarm_id, sight) is None:
                raise Problem(sort=problems.NOT_FOUND)
            page = list_notices(
                reading, sight, alarm=alarm_id, limit=limit, cursor=None if cursor is None else int(cursor)
            )
        return shapes.Listing(items=[_told(row) for row in page.items], next=more(page.next))

    return router


def _told(row: records.Notice) -> Notice:
    return Notice(
        id=row.id,
        number=row.number,
        alarm=row.alarm,
        sort=row.sort.value,
        target=row.target,
        person=row.person,
        channel=row.channel,
        level=row.level,
        state=row.state.value,
        reason=row.reason,
        tries=row.tries,
        queued_at=iso(row.queued_ms),
        sent_at=None if row.sent_ms is None else iso(row.sent_ms),
        delivered_at=None if row.delivered_ms is None else iso(row.delivered_ms),
        read_at=None if row.read_ms is None else iso(row.read_ms),
        answered_at=None if row.answered_ms is None else iso(row.answered_ms),
        perhaps=row.perhaps,
        follows=row.follows,
        bundle=row.bundle,
    )
