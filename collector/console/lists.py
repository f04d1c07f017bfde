"""Events, sites and boxes over HTTP: lists with the filters of WIRE 5. Reads only."""

from fastapi import APIRouter

from collector.console import shapes, telling, uncounted
from collector.console.asking import Asked
from collector.console.filters import (
    Cursor,
    KindFilter,
    LevelFilter,
    Limit,
    Place,
    SinceFilter,
    SiteFilter,
    UntilFilter,
    in_scope,
    more,
    part,
    wanted,
)
from collector.console.reference import problem_answers
from collector.services import Services


def routes(services: Services, teller: telling.Telling) -> APIRouter:
    """/api/v1/events, /api/v1/sites, /api/v1/boxes."""
    router = APIRouter(prefix="/api/v1", responses=problem_answers(401, 404, 422), tags=["lists"])

    @router.get("/events", summary="Events of the boxes' ledgers, newest first")
    def events(
        asked: Asked,
        site: SiteFilter = None,
        kind: KindFilter = None,
        level: LevelFilter = None,
        since: SinceFilter = None,
        until: UntilFilter = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> shapes.Listing[shapes.Event]:
        in_scope(services, asked, site)
        asks = wanted(
            asked,
            site=site,
            kind=kind,
            level=level,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        with services.store.read() as reading:
            page = reading.events(asks)
        told = [teller.event(row, asked.language) for row in page.items]
        return shapes.Listing(
            items=told if uncounted.proves(services, asked.person) else [uncounted.event(each) for each in told],
            next=more(page.next),
        )

    @router.get("/sites", summary="Guarded places, by unit and id")
    def sites(asked: Asked, limit: Limit = 500, cursor: Place = None) -> shapes.Listing[shapes.Site]:
        with services.store.read() as reading:
            rows = reading.sites(asked.person.sight)
        page, after = part(rows, limit, cursor)
        return shapes.Listing(items=[telling.site(row) for row in page], next=after)

    @router.get("/boxes", summary="Boxes with their points and heads, by site and id")
    def boxes(
        asked: Asked, site: SiteFilter = None, limit: Limit = 100, cursor: Place = None
    ) -> shapes.Listing[shapes.Box]:
        in_scope(services, asked, site)
        with services.store.read() as reading:
            rows = reading.boxes(asked.person.unit, site=site)
        page, after = part(rows, limit, cursor)
        told = [telling.box(row) for row in page]
        return shapes.Listing(
            items=told if uncounted.proves(services, asked.person) else [uncounted.box(each) for each in told],
            next=after,
        )

    return router
