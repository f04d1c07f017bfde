"""Walk tests over HTTP: the list, one record, its paper. Reads only; a record is rebuilt each time it is asked for."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Path, Request, Response

from collector.acceptance.printing import PrintingError, acceptance_pdf, local_time
from collector.acceptance.records import Kept, Listed
from collector.console import problems, shapes
from collector.console.asking import Asked, Asker
from collector.console.filters import Cursor, Limit, SiteFilter, in_scope, more, wanted
from collector.console.pages import Pages
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.sheets import visitor
from collector.console.telling import iso
from collector.console.wording import Wording
from collector.services import Services
from collector.storage.records import SiteRow
from collector.times import unix_ms
from protocol.acceptance import Result, record_bytes
from protocol.ids import EVENT_ID_PATTERN
from protocol.ledger import line_hash
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

PAPERS = (("zh", "中文 PDF"), ("en", "English PDF"))
"""Each language in its own words."""
LISTED: Final = 200
"""Walk tests of one page: a large bank's visits of a month."""

Test = Annotated[str, Path(pattern=EVENT_ID_PATTERN, description="id of the walk test")]


def routes(services: Services, pages: Pages) -> APIRouter:
    """/api/v1/acceptances and the page /acceptances."""
    router = APIRouter()

    def sites(asked: Asker) -> Mapping[str, SiteRow]:
        with services.store.read() as reading:
            return {row.id: row for row in reading.sites(asked.person.sight)}

    def kept(asked: Asker, test: str) -> Kept:
        found = services.walk_tests.kept(test, asked.person.unit)
        if found is None:
            raise Problem(sort=problems.NOT_FOUND, detail=N_("There is no finished walk test of this name here."))
        return found

    @router.get(
        "/api/v1/acceptances",
        responses=problem_answers(401, 404, 422),
        tags=["acceptances"],
        summary="Walk tests of sites, newest first",
    )
    def every(
        asked: Asked, site: SiteFilter = None, limit: Limit = 100, cursor: Cursor = None
    ) -> shapes.Listing[shapes.WalkTest]:
        in_scope(services, asked, site)
        found = services.walk_tests.listed(wanted(asked, site=site, limit=limit, cursor=cursor))
        return shapes.Listing(items=[_listed(each) for each in found.items], next=more(found.next))

    @router.get(
        "/api/v1/acceptances/{test}",
        responses=problem_answers(401, 404, 422),
        tags=["acceptances"],
        summary="One walk test's record, and whether it holds",
    )
    def one(asked: Asked, test: Test) -> shapes.Acceptance:
        return _shape(kept(asked, test))

    @router.get(
        "/api/v1/acceptances/{test}/pdf",
        response_class=Response,
        responses={
            200: {"description": "The record on A4", "content": {"application/pdf": {}}},
            **problem_answers(401, 404, 422),
        },
        tags=["acceptances"],
        summary="The record to print; `lang` is zh or en",
    )
    def paper(asked: Asked, test: Test) -> Response:
        found = kept(asked, test)
        site = sites(asked).get(found.record.site)
        try:
            pdf = acceptance_pdf(
                found,
                site_name=site.name if site else "",
                unit=site.unit if site else "",
                zone=_zone(site),
                called=Wording(texts=asked.texts, names={each.id: each.name for each in found.record.points}).point,
                texts=asked.texts,
                language=asked.language,
            )
        except PrintingError as error:
            raise Problem(sort=problems.UNHEALTHY, detail=error.said.text, values=error.said.values) from None
        name = quote(f"{found.record.site}-{found.record.finished[:10]}-{asked.language[:2]}.pdf")
        return Response(
            pdf, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
        )

    @router.get("/acceptances", include_in_schema=False)
    def page(request: Request, cursor: Cursor = None) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        named = sites(asked)
        found = services.walk_tests.listed(wanted(asked, limit=LISTED, cursor=cursor))
        rows = [_row(each, named) for each in found.items]
        return pages.page(
            request,
            asked.language,
            "acceptances.html",
            now_iso=iso(unix_ms(services.now())),
            rows=rows,
            papers=PAPERS,
            older=found.next,
            newest=cursor is None,
        )

    return router


def _listed(each: Listed) -> shapes.WalkTest:
    return shapes.WalkTest(
        id=each.test,
        site=each.site,
        box=each.box,
        at=each.at,
        installer=each.installer or None,
        passed=each.passed,
        failed=each.failed,
        untested=each.untested,
        abandoned=each.abandoned,
    )


def _shape(found: Kept) -> shapes.Acceptance:
    record = found.record
    return shapes.Acceptance(
        id=record.test,
        site=record.site,
        box=record.box,
        config_version=record.config.version,
        started_at=record.started,
        finished_at=record.finished,
        installer=record.installer or None,
        passed=record.count(Result.PASSED),
        failed=record.count(Result.FAILED),
        untested=record.count(Result.UNTESTED),
        holds=found.fault is None,
        fault=found.fault,
        sha256=line_hash(record_bytes(record)),
        points=[
            shapes.TestedPoint(
                id=point.id,
                name=point.name,
                result=point.result.value,
                noticed=point.noticed.value if point.noticed else None,
                at=point.at,
            )
            for point in record.points
        ],
    )


def _row(each: Listed, named: Mapping[str, SiteRow]) -> dict[str, Any]:
    site = named.get(each.site)
    return {
        "test": each.test,
        "site": each.site,
        "name": site.name if site else each.site,
        "unit": site.unit if site else "",
        "at": each.at,
        "local": local_time(each.at, _zone(site), "%Y-%m-%d %H:%M"),
        "installer": each.installer,
        "passed": each.passed,
        "failed": each.failed,
        "untested": each.untested,
        "abandoned": each.abandoned,
    }


def _zone(site: SiteRow | None) -> ZoneInfo:
    try:
        return ZoneInfo(site.timezone if site else "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a box may name a zone that this machine does not know
        return ZoneInfo("UTC")
