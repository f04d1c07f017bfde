"""Alarms over HTTP: the list, one alarm, and what people do with it (WIRE 5).

Thin: asks storage, asks the alarm service, turns its refusals into problems. Who may do what, the service decides.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal, NoReturn

from fastapi import APIRouter, Header, Query, Response

from collector.alarms.lifecycle import Refusal
from collector.alarms.service import RefusedError
from collector.console import pictures, problems, shapes
from collector.console.asking import Asked, Asker
from collector.console.filters import (
    Cursor,
    KindFilter,
    LevelFilter,
    Limit,
    SinceFilter,
    SiteFilter,
    UntilFilter,
    in_scope,
    more,
    wanted,
)
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.telling import Telling
from collector.services import Services
from collector.storage.alarm_reading import alarm_detail, list_alarms
from collector.storage.records import AlarmDetail, AlarmState
from collector.times import unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

OPEN: Final = (AlarmState.NEW, AlarmState.ACKNOWLEDGED)
"""The states that stand in the queue."""

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=40, description='the version looked at, such as "3"')
]
AlarmId = Annotated[str, "id of an alarm"]

_VERSION: Final = re.compile(r'^(?:W/)?"?([0-9]{1,9})"?$')


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

    def act(
        alarm_id: str, version: int, asked: Asker, answer: Response, action: Callable[[], AlarmDetail]
    ) -> shapes.AlarmWhole:
        try:
            detail = action()
        except RefusedError as error:
            refuse(error.refusal, alarm_id, version, asked)
        answer.headers["ETag"] = f'"{detail.alarm.version}"'
        return whole(detail, asked)

    def whole(detail: AlarmDetail, asked: Asker) -> shapes.AlarmWhole:
        at = now_ms()
        wording = telling.wording(detail.alarm.box, asked.language, at)
        with services.store.read() as reading:
            shown = pictures.of_alarm(reading, detail.alarm, asked.person, services.evidence, wording)
        return telling.whole(detail, asked.language, at, pictures.in_order(shown))

    def refuse(refusal: Refusal, alarm_id: str, version: int, asked: Asker) -> NoReturn:
        if refusal is Refusal.NOT_ALLOWED:
            raise Problem(
                sort=problems.NOT_ALLOWED, detail=N_("Your role does not allow this; ask a person who has it.")
            )
        if refusal is Refusal.INCOMPLETE:
            raise Problem(sort=problems.INVALID, detail=N_("Choose a resolution code and write what it was."))
        detail = find(alarm_id, asked)
        # A failed precondition is told before what would have followed from it (RFC 9110 section 13.2.2).
        raise standing(refusal if detail.alarm.version == version else Refusal.CONFLICT, detail)

    def standing(refusal: Refusal, detail: AlarmDetail) -> Problem:
        """A problem that says how the alarm stands now."""
        alarm = detail.alarm
        holder = telling.person(alarm.holder)
        sort, said = {
            Refusal.NOT_HOLDER: (
                problems.HELD_BY_ANOTHER,
                N_("{holder} holds this alarm; a shift leader can take it over."),
            ),
            Refusal.WRONG_STATE: (problems.WRONG_STATE, N_("Look at the alarm again: it has gone on meanwhile.")),
        }.get(refusal, (problems.STALE, N_("{holder} holds this alarm now; look at it again.")))
        if holder is None and "{holder}" in said:
            said = N_("Somebody changed this alarm since you looked at it; look at it again.")
        more = {"holder": alarm.holder, "version": alarm.version, "state": alarm.state.value}
        return Problem(sort=sort, detail=said, values={"holder": holder}, more=more)

    @router.get("", responses=problem_answers(401, 404, 422), summary="Alarms, newest first")
    def listed(
        asked: Asked,
        site: SiteFilter = None,
        kind: KindFilter = None,
        level: LevelFilter = None,
        state: Annotated[
            Literal["open", "new", "acknowledged", "resolved"] | None, Query(description="`open`: not resolved")
        ] = None,
        since: SinceFilter = None,
        until: UntilFilter = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> shapes.Listing[shapes.Alarm]:
        in_scope(services, asked, site)
        states = () if state is None else OPEN if state == "open" else (AlarmState(state),)
        asks = wanted(
            asked,
            site=site,
            kind=kind,
            level=level,
            states=states,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        with services.store.read() as reading:
            page = list_alarms(reading, asks)
            shown = pictures.stills(reading, page.items, asked.person)
        at = now_ms()
        return shapes.Listing(
            items=[telling.alarm(row, asked.language, at, shown.get(row.id)) for row in page.items],
            next=more(page.next),
        )

    @router.get("/{alarm_id}", responses=problem_answers(401, 404), summary="One alarm with its explanation and record")
    def one(alarm_id: str, asked: Asked, answer: Response) -> shapes.AlarmWhole:
        detail = find(alarm_id, asked)
        answer.headers["ETag"] = f'"{detail.alarm.version}"'
        return whole(detail, asked)

    changes = problem_answers(401, 403, 404, 409, 412, 413, 422, 428)

    @router.post("/{alarm_id}/acknowledge", responses=changes, summary="Take a new alarm in hand")
    def acknowledge(alarm_id: str, asked: Asked, answer: Response, if_match: IfMatch = None) -> shapes.AlarmWhole:
        version = version_of(if_match)
        return act(
            alarm_id,
            version,
            asked,
            answer,
            lambda: services.alarms.acknowledge(alarm_id, asked.person, version=version),
        )

    @router.post("/{alarm_id}/resolve", responses=changes, summary="Say what it was and close it")
    def resolve(
        alarm_id: str, asked: Asked, answer: Response, said: shapes.Resolve, if_match: IfMatch = None
    ) -> shapes.AlarmWhole:
        version = version_of(if_match)
        return act(
            alarm_id,
            version,
            asked,
            answer,
            lambda: services.alarms.resolve(
                alarm_id, asked.person, version=version, resolution=said.resolution, narrative=said.narrative
            ),
        )

    @router.post("/{alarm_id}/note", responses=changes, summary="Write something on it")
    def note(
        alarm_id: str, asked: Asked, answer: Response, said: shapes.NoteText, if_match: IfMatch = None
    ) -> shapes.AlarmWhole:
        version = version_of(if_match)
        # A note overwrites nothing, so the service takes it at any version; the writer still has to have looked.
        detail = find(alarm_id, asked)
        if detail.alarm.version != version:
            raise standing(Refusal.CONFLICT, detail)
        return act(
            alarm_id, version, asked, answer, lambda: services.alarms.note(alarm_id, asked.person, text=said.text)
        )

    return router


def version_of(if_match: str | None) -> int:
    """The version that If-Match names (RFC 9110 section 13.1.1; RFC 6585 section 3).

    Raises:
        Problem: missing, or not of the form of our versions.
    """
    if if_match is None:
        raise Problem(sort=problems.VERSION_NEEDED, detail=N_("Send If-Match with the version you looked at."))
    found = _VERSION.match(if_match.strip())
    if found is None:
        raise Problem(sort=problems.STALE, detail=N_('If-Match must be the version of the alarm, such as "3".'))
    return int(found[1])
