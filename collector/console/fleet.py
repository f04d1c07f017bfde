"""The desk's list of boxes: when each was heard, which site file it works with, until when it is believed.

Reads through the same storage questions as the API. Flow: rows -> words -> boxes.html, drawn in place of the middle.
"""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from collector.console import config_words
from collector.console.asking import Asked
from collector.console.pages import Pages
from collector.console.wording import Wording
from collector.services import Services
from collector.storage.records import BoxRow
from collector.times import unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOST_BOXES: Final = 500
"""Boxes that are drawn at once; those that need somebody stand first."""


def routes(services: Services, pages: Pages) -> APIRouter:
    """/desk/boxes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/desk/boxes")
    def boxes(request: Request, asked: Asked) -> Response:
        now_ms = unix_ms(services.now())
        wording = Wording(texts=asked.texts)
        with services.store.read() as reading:
            found = reading.boxes(asked.person.unit)
        rows = sorted((_row(box, wording, now_ms) for box in found), key=lambda row: (row["rank"], row["id"]))
        more = len(rows) - MOST_BOXES
        return pages.page(
            request,
            asked.language,
            "boxes.html",
            rows=rows[:MOST_BOXES],
            said=asked.texts(N_("and {n} more")).format(n=more) if more > 0 else "",
        )

    return router


def _row(box: BoxRow, wording: Wording, now_ms: int) -> dict[str, Any]:
    site_file = config_words.site_file(box.config, wording, forked=box.forked)
    papers = [config_words.roster(box.config, wording, now_ms), config_words.certificate(box.config, wording, now_ms)]
    needs = box.forked or any(each.needs for each in (site_file, *papers) if each is not None)
    return {
        "id": box.id,
        "site": box.site,
        "name": box.site_name,
        "heard_ms": box.heard_ms,
        "silent": box.silent,
        "forked": box.forked,
        "software": box.software,
        "told": [(site_file, False), *((each, True) for each in papers)],
        "rank": 0 if needs else 1 if box.silent else 2,
    }
