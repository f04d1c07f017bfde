"""The console as an ASGI application, put together: what each address is stands in the file named here.

Flow: collector/app.py makes `Services` and serves what `create_app` returns.
"""

from importlib import metadata
from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles

from collector.console import (
    acceptances,
    alarms,
    answer_pages,
    credentials,
    desk,
    escalation_pages,
    fleet,
    gateways,
    lists,
    live,
    login,
    notices,
    order_pages,
    orders,
    pictures,
    points,
    problems,
    proof,
    quiet,
    quiet_pages,
    reference,
    review_pages,
    rules,
    site_bundles,
    walks,
)
from collector.console.entity_tags import EntityTags
from collector.console.guard import Guard
from collector.console.names import PointNames
from collector.console.pages import Pages
from collector.console.parameters import only_known
from collector.console.telling import Telling
from collector.services import Services

STATIC: Final = Path(__file__).parent / "static"


def create_app(services: Services) -> FastAPI:
    """The whole console over `services`; it starts and stops nothing itself."""
    app = FastAPI(
        title="Branchwatch",
        version=metadata.version("branchwatch"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        responses=reference.problem_answers(*reference.EVERYWHERE),
        dependencies=[Depends(only_known)],
    )
    app.state.services = services
    pages = Pages()
    telling = Telling(services.people, PointNames(services.store))
    problems.install(app)
    for router in (
        alarms.routes(services, telling),
        lists.routes(services, telling),
        quiet.routes(services),
        rules.routes(services),
        notices.routes(services),
        gateways.routes(services),
        site_bundles.routes(services),
        orders.routes(services, telling),
        points.routes(services, telling),
        pictures.routes(services, telling),
        acceptances.routes(services, pages),
        credentials.routes(services, pages),
        live.routes(services, telling),
        proof.routes(services),
        login.routes(services, pages),
        answer_pages.routes(services, pages),
        desk.routes(services, pages, telling),
        escalation_pages.routes(services, pages, telling),
        quiet_pages.routes(services, pages, telling),
        review_pages.routes(services, pages, telling),
        walks.routes(services, pages),
        fleet.routes(services, pages),
        order_pages.routes(services, pages, telling),
        reference.routes(app, pages),
    ):
        app.include_router(router)
    reference.complete(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(EntityTags)
    app.add_middleware(Guard)
    return app
