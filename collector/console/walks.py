"""The desk's line about walk tests under way: where, how far, and the number that the operator reads to the installer.

Their events are of level V and open no alarm; without this line nobody at the desk would see them.
"""

from fastapi import APIRouter, Request, Response

from collector.console.asking import Asked
from collector.console.pages import Pages
from collector.console.walk_following import WalkFollowing
from collector.services import Services
from collector.times import unix_ms

MOST_LINES = 8
"""Walk tests shown one by one; those with a number to read out stand first."""


def routes(services: Services, pages: Pages) -> APIRouter:
    """/desk/walks"""
    router = APIRouter(include_in_schema=False)
    following = WalkFollowing(services.store)

    @router.get("/desk/walks")
    def walks(request: Request, asked: Asked) -> Response:
        going = following.under_way(unix_ms(services.now()))
        with services.store.read() as reading:
            names = {site.id: site.name for site in reading.sites(asked.person.sight)}
        seen = [walk for walk in going if walk.site in names]
        _ = asked.texts
        more = len(seen) - MOST_LINES
        return pages.page(
            request,
            asked.language,
            "walks.html",
            walks=[
                {
                    "name": names[walk.site],
                    "done": _("{done} of {count} done").format(done=len(walk.done), count=walk.count)
                    if walk.count
                    else "",
                    "number": walk.number,
                    "box": walk.box,
                }
                for walk in seen[:MOST_LINES]
            ],
            more=_("and {n} more").format(n=more) if more > 0 else "",
        )

    return router
