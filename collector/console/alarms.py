"""Alarms over HTTP: the list and one alarm (WIRE 5). Reads; what people do with them stands in alarm_moves.py."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response

from collector.console import alarm_moves, pictures, problems, shapes
from collector.console.asking import Asked, Asker
from collector.console.filters import (
    Cursor,
    KindFilter,
    LevelFilter,
    Limit,
    NumberFilter,
    SinceFilter,
    SiteFilter,
    UntilFilter,
    in_scope,
    more,
    wanted,
)
from collector.console.life_telling import life
from collector.console.problems import Problem
from collector.console.reference import VERSIONED, problem_answers
from collector.console.telling import Telling
from collector.services import Services
from collector.storage.alarm_reading import alarm_detail, list_alarms
from collector.storage.life_reading import member_counts
from collector.storage.records import OPEN_STATES, AlarmDetail, AlarmState
from collector.times import unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

OPEN: Final = OPEN_STATES
"""The states in which somebody must act now."""

StateFilter = Annotated[
    Literal[
        "open",
        "queue",
        "review",
        "follow",
        "new",
        "acknowledged",
        "verifying",
        "dispatched",
        "parked",
        "returned",
        "resolved",
        "reviewed",
        "closed",
    ]
    | None,
    Query(
        description="a state, or `open`: somebody must act; `queue`: open and kept quiet by nothing; "
        "`review`: waits for its review; `follow`: waits for its follow-up"
    ),
]
_LISTS: Final = {
    "open": OPEN,
    "queue": OPEN,
    "review": (AlarmState.RESOLVED,),
    "follow": (AlarmState.REVIEWED,),
}


def routes(services: Services, telling: Telling) -> APIRouter:
    """/api/v1/alarms and below."""
    router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

    def now_ms() -> int:
        return unix_ms(services.now())

    def find(alarm_id: str, asked: Asker) -> AlarmDetail:
        with services.store.read() as reading:
            detail = alarm_detail(reading, alarm_id, asked.person.sight)
        if detail is None:
            raise Problem(sort=problems.NOT_FOUND, detail=N_("There is no alarm with this id in your unit."))
        return detail

    def whole(detail: AlarmDetail, asked: Asker) -> shapes.AlarmWhole:
        at = now_ms()
        wording = telling.wording(detail.alarm.box, asked.language, at)
        with services.store.read() as reading:
            shown = pictures.of_alarm(reading, detail.alarm, asked.person, services.evidence, wording)
            told = life(reading, detail, asked, telling)
        return telling.whole(detail, asked.language, at, pictures.in_order(shown)).model_copy(update=told)

    @router.get("", responses=problem_answers(401, 404, 422), summary="Alarms, newest first")
    def listed(
        asked: Asked,
        site: SiteFilter = None,
        kind: KindFilter = None,
        level: LevelFilter = None,
        number: NumberFilter = None,
        state: StateFilter = None,
        sheltered: Annotated[bool | None, Query(description="only those that something keeps quiet, or none")] = None,
        since: SinceFilter = None,
        until: UntilFilter = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> shapes.Listing[shapes.Alarm]:
        in_scope(services, asked, site)
        states = () if state is None else _LISTS[state] if state in _LISTS else (AlarmState(state),)
        asks = wanted(
            asked,
            site=site,
            kind=kind,
            level=level,
            number=number,
            states=states,
            sheltered=False if state == "queue" else sheltered,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        with services.store.read() as reading:
            page = list_alarms(reading, asks)
            shown = pictures.stills(reading, page.items, asked.person)
            members = member_counts(reading.connection, [row.id for row in page.items if row.shelter is None])
        at = now_ms()
        return shapes.Listing(
            items=[
                telling.alarm(row, asked.language, at, shown.get(row.id), members.get(row.id, 0)) for row in page.items
            ],
            next=more(page.next),
        )

    @router.get(
        "/{alarm_id}",
        responses=VERSIONED | problem_answers(401, 404, 422),
        summary="One alarm with its explanation and record",
    )
    def one(alarm_id: str, asked: Asked, answer: Response) -> shapes.AlarmWhole:
        detail = find(alarm_id, asked)
        answer.headers["ETag"] = f'"{detail.alarm.version}"'
        return whole(detail, asked)

    router.include_router(alarm_moves.routes(services, telling, find, whole))
    return router
