"""Orders and requests over HTTP: drawn up, approved, withdrawn, followed (docs/guarding.md 4.4).

Thin: what is taken and why not, collector/orders decides; what a box obeys, only the box does.
"""

from collections.abc import Callable
from typing import Annotated, Final, TypeVar

import msgspec
from fastapi import APIRouter, Path, Query

from collector.console import order_shapes, order_telling, problems, shapes
from collector.console.asking import Asked, Asker
from collector.console.filters import Cursor, Limit, SinceFilter, SiteFilter, UntilFilter, in_scope, more, wanted
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.telling import Telling
from collector.orders.refusing import NotDoneError
from collector.services import Services
from collector.storage.orders import Whole, list_orders
from collector.storage.requests import list_requests
from collector.times import unix_ms
from protocol.ids import EVENT_ID_PATTERN
from protocol.messages import Approval

T = TypeVar("T")

OrderId = Annotated[str, Path(pattern=EVENT_ID_PATTERN, description="id of an order")]
ActionFilter = Annotated[str | None, Query(pattern=r"^[a-z_]{1,16}$", description="what is asked")]

_SORTS: Final = {
    **dict.fromkeys(("no_site", "no_order"), problems.NOT_FOUND),
    **dict.fromkeys(("not_allowed", "other_person"), problems.NOT_ALLOWED),
    **dict.fromkeys(("too_many", "too_many_for_box"), problems.TOO_MANY),
    **dict.fromkeys(
        ("other_order", "unknown_person", "unknown_key", "bad_signature", "right_missing"), problems.APPROVAL_NOT_TAKEN
    ),
    **dict.fromkeys(
        (
            "unknown_action",
            "unknown_request",
            "malformed_args",
            "no_such_partition",
            "no_such_zone",
            "no_such_door",
            "no_such_output",
            "no_such_announcement",
            "no_such_camera",
            "span_too_long",
            "purpose_missing",
            "zone_elsewhere",
            "hold_up",
            "fire",
        ),
        problems.INVALID,
    ),
}
"""What sort of problem a reason is; all others: not now."""

WAIT_S: Final = 60
"""What somebody who asked too often is told to wait."""


def routes(services: Services, telling: Telling) -> APIRouter:
    """/api/v1/orders and /api/v1/requests."""
    router = APIRouter(prefix="/api/v1", tags=["orders"])
    changes = problem_answers(401, 403, 404, 409, 413, 422, 429)

    def told(order_id: str, asked: Asker) -> order_shapes.Order:
        whole = services.orders.whole(order_id, asked.person)
        if whole is None:
            raise refused(NotDoneError("no_order"))
        signed = services.orders.signed(whole.order)
        return order_telling.order(whole, asked.person, telling, asked.language, unix_ms(services.now()), signed)

    @router.post("/orders", status_code=201, responses=changes, summary="Draw an order up, to be approved by people")
    def draft(asked: Asked, body: order_shapes.OrderDraft) -> order_shapes.Order:
        order_id = _done(lambda: services.orders.draft(body.site, body.action, body.args, asked.person))
        return told(order_id, asked)

    @router.get("/orders", responses=problem_answers(401, 404, 422), summary="Orders, newest first")
    def listed(
        asked: Asked,
        site: SiteFilter = None,
        action: ActionFilter = None,
        state: order_shapes.OrderState | None = None,
        since: SinceFilter = None,
        until: UntilFilter = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> shapes.Listing[order_shapes.Order]:
        in_scope(services, asked, site)
        asks = wanted(
            asked,
            site=site,
            kind=action,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        with services.store.read() as reading:
            page = list_orders(reading, asks, () if state is None else (state,))
        now_ms = unix_ms(services.now())

        def tell(whole: Whole) -> order_shapes.Order:
            return order_telling.order(whole, asked.person, telling, asked.language, now_ms)

        return shapes.Listing(items=[tell(each) for each in page.items], next=more(page.next))

    @router.get("/orders/{order_id}", responses=problem_answers(401, 404, 422), summary="One order with its approvals")
    def one(order_id: OrderId, asked: Asked) -> order_shapes.Order:
        return told(order_id, asked)

    @router.post("/orders/{order_id}/approvals", responses=changes, summary="Bring a person's approval")
    def approve(order_id: OrderId, asked: Asked, body: order_shapes.ApprovalBody) -> order_shapes.Order:
        if body.order != order_id:
            raise refused(NotDoneError("other_order"))
        approval = msgspec.convert(body.model_dump(), Approval)
        _done(lambda: services.orders.approve(approval, asked.person))
        return told(order_id, asked)

    @router.post("/orders/{order_id}/withdraw", responses=changes, summary="Take an order back that was not sent")
    def withdraw(order_id: OrderId, asked: Asked) -> order_shapes.Order:
        _done(lambda: services.orders.withdraw(order_id, asked.person))
        return told(order_id, asked)

    @router.post("/requests", status_code=201, responses=changes, summary="Ask a box something that changes nothing")
    def ask(asked: Asked, body: order_shapes.RequestDraft) -> order_shapes.Request:
        row = _done(lambda: services.requests.ask(body.site, body.action, body.args, asked.person))
        return order_telling.request(row, telling, asked.language, unix_ms(services.now()))

    @router.get("/requests", responses=problem_answers(401, 404, 422), summary="Requests, newest first")
    def requested(
        asked: Asked,
        site: SiteFilter = None,
        action: ActionFilter = None,
        state: order_shapes.RequestState | None = None,
        since: SinceFilter = None,
        until: UntilFilter = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> shapes.Listing[order_shapes.Request]:
        in_scope(services, asked, site)
        asks = wanted(
            asked,
            site=site,
            kind=action,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        with services.store.read() as reading:
            page = list_requests(reading, asks, () if state is None else (state,))
        now_ms = unix_ms(services.now())
        return shapes.Listing(
            items=[order_telling.request(row, telling, asked.language, now_ms) for row in page.items],
            next=more(page.next),
        )

    return router


def refused(error: NotDoneError) -> Problem:
    """Why nothing was done, as a problem: `reason` is the word for programs."""
    sort = _SORTS.get(error.reason, problems.NOT_NOW)
    headers = {"Retry-After": str(WAIT_S)} if sort is problems.TOO_MANY else {}
    return Problem(
        sort=sort, detail=error.said.text, values=error.said.values, more={"reason": error.reason}, headers=headers
    )


def _done(work: Callable[[], T]) -> T:
    try:
        return work()
    except NotDoneError as error:
        raise refused(error) from None
