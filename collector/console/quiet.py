"""Suspensions, incidents and the flood meter over HTTP (docs/alarms.md 8). Thin: storms/ decides, storage answers."""

from datetime import datetime
from typing import Annotated, Final, NoReturn

from fastapi import APIRouter, Header, Query, Response

from collector.console import problems, quiet_shapes
from collector.console.asking import Asked, Asker
from collector.console.entity_tags import version_in
from collector.console.filters import Cursor, Limit, Place, SiteFilter, in_scope, more, part
from collector.console.problems import Problem
from collector.console.reference import VERSIONED, problem_answers
from collector.console.shapes import Listing
from collector.people import Person, PersonRole
from collector.services import Services
from collector.storage.flood import at_desks, shown_since
from collector.storage.incidents import ShownIncident, list_incidents
from collector.storage.suspensions import Shown, list_suspensions, shown_suspension
from collector.storms import flood
from collector.storms.records import Sort
from collector.storms.service import NotSuspendedError
from collector.storms.suspending import No, Wish
from collector.times import moment, unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time

HERE_MS: Final = 15_000
"""A live page renews its person's row every five seconds."""

SuspensionId = Annotated[str, "id of a suspension"]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=80, description="the ETag looked at")]

_SAID: Final = {
    No.NOT_FOUND: (problems.NOT_FOUND, N_("There is no such site or suspension in your unit.")),
    No.NOT_ALLOWED: (problems.NOT_ALLOWED, N_("Your role does not allow this; ask a person who has it.")),
    No.NO_REASON: (problems.INVALID, N_("Say why, in at most 500 characters.")),
    No.NO_POINTS: (problems.INVALID, N_("Name the points that are tested; everything else at the site stays awake.")),
    No.TOO_WIDE: (
        problems.INVALID,
        N_("Name a kind or at most 500 points; only maintenance is for a whole site."),
    ),
    No.TOO_LONG: (
        problems.INVALID,
        N_("That is too long: at most 24 hours, for maintenance 7 days."),
    ),
    No.TOO_FAR: (problems.INVALID, N_("That begins too late: at most 30 days from now.")),
    No.IN_PAST: (problems.INVALID, N_("Its end must lie ahead, and behind its beginning.")),
    No.OVER: (problems.NOT_NOW, N_("It is over already.")),
}


def routes(services: Services) -> APIRouter:
    """/api/v1/suspensions, /api/v1/incidents, /api/v1/flood."""
    router = APIRouter(prefix="/api/v1", tags=["quiet"])

    @router.get("/suspensions", responses=problem_answers(401, 404, 422), summary="What is quiet for a time")
    def suspensions(
        asked: Asked,
        site: SiteFilter = None,
        over: Annotated[bool, Query(description="also those that are over")] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Listing[quiet_shapes.Suspension]:
        in_scope(services, asked, site)
        with services.store.read() as reading:
            page = list_suspensions(
                reading,
                asked.person.sight,
                now_ms=unix_ms(services.now()),
                site=site,
                over=over,
                limit=limit,
                cursor=None if cursor is None else int(cursor),
            )
        return Listing(items=[_suspension(row) for row in page.items], next=more(page.next))

    @router.post(
        "/suspensions",
        status_code=201,
        responses=problem_answers(401, 403, 404, 422),
        summary="Shelve alarms, put points on test, or announce maintenance",
    )
    def begin(wish: quiet_shapes.SuspensionWish, asked: Asked, answer: Response) -> quiet_shapes.Suspension:
        now_ms = unix_ms(services.now())
        asks = Wish(
            sort=Sort(wish.sort),
            site=wish.site,
            kind=wish.kind,
            points=tuple(wish.points),
            reason=wish.reason,
            from_ms=now_ms if wish.begins is None else max(now_ms, _ms(wish.begins)),
            until_ms=_ms(wish.until),
        )
        try:
            fresh = services.suspensions.begin(asks, asked.person)
        except NotSuspendedError as error:
            _refuse(error.no)
        return _told(_found(fresh.id, asked), answer)

    @router.get(
        "/suspensions/{suspension_id}", responses=VERSIONED | problem_answers(401, 404, 422), summary="One suspension"
    )
    def suspension(suspension_id: SuspensionId, asked: Asked, answer: Response) -> quiet_shapes.Suspension:
        return _told(_found(suspension_id, asked), answer)

    @router.delete(
        "/suspensions/{suspension_id}",
        status_code=204,
        responses=problem_answers(401, 403, 404, 409, 412, 422),
        summary="End a suspension before its time",
    )
    def end(suspension_id: SuspensionId, asked: Asked, if_match: IfMatch = None) -> Response:
        found = f'"{version_in(if_match)}"' if if_match is not None and if_match.strip() != "*" else None
        if found is not None and found != _etag(_found(suspension_id, asked)):
            raise Problem(sort=problems.STALE, detail=N_("It has changed since you looked at it; look at it again."))
        try:
            services.suspensions.end(suspension_id, asked.person)
        except NotSuspendedError as error:
            _refuse(error.no)
        return Response(status_code=204)

    @router.get("/incidents", responses=problem_answers(401, 422), summary="Storms under way")
    def incidents(asked: Asked, limit: Limit = 100, cursor: Place = None) -> Listing[quiet_shapes.Incident]:
        with services.store.read() as reading:
            rows = list_incidents(reading, asked.person.sight)
        page, after = part(rows, limit, cursor)
        return Listing(items=[_incident(row) for row in page], next=after)

    @router.get("/flood", responses=problem_answers(401, 422), summary="Alarms shown in the last ten minutes")
    def load(asked: Asked, limit: Limit = 100, cursor: Place = None) -> quiet_shapes.Loads:
        now_ms = unix_ms(services.now())
        with services.store.read() as reading:
            people = [asked.person]
            if PersonRole.SHIFT_LEADER in asked.person.roles:
                people += _others(asked.person, at_desks(reading, now_ms - HERE_MS))
            since_ms = flood.since_ms(now_ms)
            counted = [(each.id, shown_since(reading, each.sight, since_ms)) for each in people]
        page, after = part(flood.loads(counted), limit, cursor)
        return quiet_shapes.Loads(
            items=[quiet_shapes.Load(person=each.person, shown=each.shown, flood=each.flood) for each in page],
            next=after,
            most=flood.MOST,
            minutes=flood.SPAN.seconds // 60,
        )

    def _found(suspension_id: str, asked: Asker) -> Shown:
        with services.store.read() as reading:
            shown = shown_suspension(reading, suspension_id, asked.person.sight)
        if shown is None:
            _refuse(No.NOT_FOUND)
        return shown

    def _others(asker: Person, here: frozenset[str]) -> list[Person]:
        """Those at desks whose unit the asker sees."""
        found = (services.people.by_id(person) for person in sorted(here - {asker.id}))
        return [each for each in found if each is not None and _within(each.unit, asker.unit)]

    return router


def _within(unit: str, above: str) -> bool:
    return not above or unit == above or unit.startswith(above + "/")


def _refuse(no: No) -> NoReturn:
    sort, detail = _SAID[no]
    raise Problem(sort=sort, detail=detail, more={"reason": no.value})


def _told(shown: Shown, answer: Response) -> quiet_shapes.Suspension:
    answer.headers["ETag"] = _etag(shown)
    return _suspension(shown)


def _etag(shown: Shown) -> str:
    """Its end is all of it that ever changes."""
    return f'"{shown.suspension.until_ms}-{shown.suspension.ended_ms or 0}"'


def _suspension(shown: Shown) -> quiet_shapes.Suspension:
    each = shown.suspension
    return quiet_shapes.Suspension(
        id=each.id,
        sort=each.sort.value,
        site=each.site,
        site_name=shown.site_name,
        unit=shown.unit,
        kind=each.kind,
        points=list(each.points),
        person=each.person,
        reason=each.reason,
        begins=_time(each.from_ms),
        until=_time(each.until_ms),
        ended=None if each.ended_ms is None else _time(each.ended_ms),
        ended_by=each.ended_by,
    )


def _incident(row: ShownIncident) -> quiet_shapes.Incident:
    each = row.incident
    return quiet_shapes.Incident(
        id=each.alarm,
        cause=each.cause.value,
        unit=each.unit,
        begins=_time(each.first_ms),
        last=_time(each.last_ms),
        sites=each.sites,
        members=row.members,
        lasting=row.lasting,
        restored=each.restored,
        state=row.state,
        holder=row.holder,
        under=each.shelter,
    )


def _time(at_ms: int) -> str:
    return format_time(moment(at_ms))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
