"""Site bundles over HTTP: a signed document is brought, and the centre carries it to its box (docs/trust.md 4.4).

Thin: what is taken and why not, collector/bundles.py decides. The bundle's own signatures give it its power; the role
asked for here only says who may use the centre as a carrier.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool

from collector.bundles import Delivered, NotTakenError
from collector.console import problems, shapes
from collector.console.asking import Asker, needs
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.people import PersonRole
from collector.services import Services
from protocol.ids import ID_PATTERN
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SiteId = Annotated[str, Path(pattern=ID_PATTERN, description="id of a site")]
Carrier = Annotated[Asker, Depends(needs(PersonRole.ADMINISTRATOR, PersonRole.SECURITY_OFFICER))]

_SORTS: Final = {
    "not_yours": problems.NOT_FOUND,
    "older_version": problems.BUNDLE_OLDER,
    "same_version": problems.BUNDLE_OLDER,
    "too_large": problems.TOO_LARGE,
}

_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "the document that `provision sign` wrote, as it is",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}

LACKS_SIGNATURE: Final = N_("It touches {touches}, and only {signers} signed: the box will want a second signature.")
FORKED: Final = N_("Two boxes bear the name {box}: neither is sent anything. Lock the key out and replace the box.")


def routes(services: Services) -> APIRouter:
    """POST /api/v1/sites/{site}/bundle."""
    router = APIRouter(prefix="/api/v1/sites", tags=["sites"])

    @router.post(
        "/{site}/bundle",
        summary="Bring a signed site bundle; it is carried to its box",
        responses=problem_answers(401, 403, 404, 409, 413, 422),
        openapi_extra=_BODY,
    )
    async def deliver(site: SiteId, request: Request, asked: Carrier) -> shapes.Delivery:
        document = await request.body()
        try:
            delivered = await run_in_threadpool(
                services.bundles.deliver, document, asked.person.id, site=site, unit=asked.person.unit
            )
        except NotTakenError as error:
            raise Problem(
                sort=_SORTS.get(error.reason, problems.BUNDLE_NOT_TAKEN),
                detail=N_("Nothing was stored: {why}"),
                values={"why": error.said.told(asked.texts)},
                more={"reason": error.reason},
            ) from None
        return _told(delivered, asked.texts)

    return router


def remarks(delivered: Delivered, texts: Texts) -> list[str]:
    """What a person must know about a bundle that was stored."""
    said: list[str] = []
    if delivered.lacks_signature:
        touches = texts(", ").join(delivered.touches)
        said.append(texts(LACKS_SIGNATURE).format(touches=touches, signers=texts(", ").join(delivered.signers)))
    if delivered.forked:
        said.append(texts(FORKED).format(box=delivered.box))
    return said


def _told(delivered: Delivered, texts: Texts) -> shapes.Delivery:
    return shapes.Delivery(
        box=delivered.box,
        site=delivered.site,
        version=delivered.version,
        hash=delivered.hash,
        signers=list(delivered.signers),
        touches=list(delivered.touches),
        unchanged=delivered.unchanged,
        remarks=remarks(delivered, texts),
    )
