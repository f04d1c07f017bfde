"""A site's partitions, zones and other points over HTTP: each with state, marks, cause and age."""

from typing import Annotated

from fastapi import APIRouter, Path

from collector.console import order_shapes, order_telling, shapes
from collector.console.asking import Asked
from collector.console.filters import Limit, Place, in_scope, part
from collector.console.reference import problem_answers
from collector.console.telling import Telling
from collector.services import Services
from collector.times import unix_ms
from protocol.ids import ID_PATTERN

SiteId = Annotated[str, Path(pattern=ID_PATTERN, description="id of a site")]


def routes(services: Services, telling: Telling) -> APIRouter:
    """/api/v1/sites/{site}/points."""
    router = APIRouter(prefix="/api/v1/sites", tags=["sites"])

    @router.get(
        "/{site}/points",
        responses=problem_answers(401, 404, 422),
        summary="Partitions, zones, doors, outputs and devices of a site, as their box told them last",
    )
    def points(
        site: SiteId, asked: Asked, limit: Limit = 500, cursor: Place = None
    ) -> shapes.Listing[order_shapes.SitePoint]:
        in_scope(services, asked, site)
        rows = site_points(services, telling, asked.person.unit, site, asked.language)
        page, after = part(rows, limit, cursor)
        return shapes.Listing(items=list(page), next=after)

    return router


def site_points(
    services: Services, telling: Telling, unit: str, site: str, language: str
) -> list[order_shapes.SitePoint]:
    """Every point of a site's boxes; of a box whose key was taken back, nothing."""
    now_ms = unix_ms(services.now())
    with services.store.read() as reading:
        boxes = [box for box in reading.boxes(unit, site=site) if not box.config.revoked]
    return [
        point
        for box in boxes
        for point in order_telling.points(
            box, services.orders.signed_of(box.id, box.config.hash), telling, language, now_ms
        )
    ]
