"""The plain pages of guarding: a site with its partitions and zones, the list of orders, one order to be approved.

Reads through the same questions as the API, with the same rights; changes go through the API only. What a page of the
centre shows beside a security key is worth what the centre is worth: so it approves only what the roster gives to
credentials of the console's own origin (WIRE 4.4), and names the command for all else.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from collector.console import desk_words, order_telling, pictures
from collector.console.asking import Asker
from collector.console.credentials import place_of
from collector.console.filters import Cursor, in_scope
from collector.console.orders import OrderId, refused
from collector.console.pages import Pages
from collector.console.points import SiteId, site_points
from collector.console.sheets import visitor
from collector.console.site_view import view
from collector.console.telling import Telling, iso
from collector.orders.boxes import Signed
from collector.orders.drafting import may_draft, may_withdraw
from collector.orders.lifecycle import State
from collector.orders.refusing import NotDoneError
from collector.orders.requests import ASKERS
from collector.services import Services
from collector.storage.guard_reading import guarded_lately
from collector.storage.orders import OrderRow, list_orders
from collector.storage.records import Filter
from collector.storage.requests import list_requests
from collector.times import unix_ms, wire_ms
from protocol.envelope import encode_base64url
from protocol.orders import ACTIONS, order_digest
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LISTED: Final = 100
"""Orders of one page."""
PICTURED: Final = frozenset({"still", "clip", "playback", "preset"})
"""Requests to cameras."""
LOOKED_THROUGH: Final = 100
"""Requests among which the newest of them are found."""
LATELY: Final = 12
"""What was done to a site's guarding that its page tells."""

SCRIPT: Final[Mapping[str, str]] = {
    name: desk_words.SCRIPT[name]
    for name in (
        *("days", "secondsAgo", "minutesAgo", "hoursAgo", "daysAgo", "unsent"),
        *(f"{side}{unit}" for side in ("left", "over") for unit in ("Seconds", "Minutes", "Hours")),
    )
} | {"key": N_("That did not work. Is a security key plugged in, and does it ask for PIN or finger?")}
"""What the pages' script says."""


def routes(services: Services, pages: Pages, telling: Telling) -> APIRouter:
    """/sites/{site}, /orders and /orders/{id}."""
    router = APIRouter(include_in_schema=False)

    def shared(asked: Asker) -> dict[str, Any]:
        with services.store.read() as reading:
            journal = reading.journal_head()
        now_ms, words = unix_ms(services.now()), _script(asked.texts)
        return {"now_ms": now_ms, "now_iso": iso(now_ms), "journal": journal, "script_words": words}

    @router.get("/sites/{site}")
    def site(request: Request, site: SiteId) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        in_scope(services, asked, site)
        person = asked.person
        with services.store.read() as reading:
            (named,) = [each for each in reading.sites(person.sight) if each.id == site]
            boxes = [box for box in reading.boxes(person.unit, site=site) if not box.config.revoked]
            lately = guarded_lately(reading, site, sight=person.sight, limit=LATELY)
        points = site_points(services, telling, person.unit, site, asked.language)
        wording = telling.wording(boxes[0].id if boxes else "", asked.language, unix_ms(services.now()))
        shown = view(
            points,
            wording,
            {point.id: wire_ms(point.since) for point in points},
            may=may_draft(person, "arm"),
            tests=may_draft(person, "run_test"),
            asks=not person.roles.isdisjoint(ASKERS["still"]),
        )
        leads = not person.roles.isdisjoint(ASKERS["clip"])
        return pages.page(
            request,
            asked.language,
            "site.html",
            **shared(asked),
            site=named,
            boxes=boxes,
            view=shown,
            lately=[order_telling.happened(each, telling, asked.language, unix_ms(services.now())) for each in lately],
            asked_for=_asked_for(services, telling, site, asked),
            leads=leads and any(row.id.startswith("camera/") for row in shown.cameras),
            args=lambda button: msgspec.json.encode(button.args).decode(),
        )

    @router.get("/orders")
    def orders(request: Request, cursor: Cursor = None) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        place = None if cursor is None else int(cursor)
        with services.store.read() as reading:
            found = list_orders(reading, Filter(sight=asked.person.sight, limit=LISTED, cursor=place))
        now_ms = unix_ms(services.now())
        rows = [order_telling.order(each, asked.person, telling, asked.language, now_ms) for each in found.items]
        return pages.page(request, asked.language, "orders.html", **shared(asked), rows=rows, older=found.next)

    @router.get("/orders/{order_id}")
    def order(request: Request, order_id: OrderId) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        whole = services.orders.whole(order_id, asked.person)
        if whole is None:
            raise refused(NotDoneError("no_order"))
        now_ms, row = unix_ms(services.now()), whole.order
        told = order_telling.order(whole, asked.person, telling, asked.language, now_ms)
        waits = row.state == State.DRAFT
        approved = any(each.person == asked.person.id for each in whole.approvals)
        origin = place_of(request)[1]
        keys = _own_keys(row, services.orders.signed(row), asked, origin) if waits and not approved else []
        return pages.page(
            request,
            asked.language,
            "order.html",
            **shared(asked),
            order=told,
            waits=waits,
            approved=approved,
            drafted_ms=row.drafted_ms,
            stale_ms=row.stale_ms,
            missing=_missing(row, len(whole.approvals), asked.texts) if waits else "",
            may_withdraw=waits and may_withdraw(asked.person, row.person),
            keys=msgspec.json.encode(keys).decode() if keys else "",
            challenge=encode_base64url(order_digest(row.line)).decode("ascii"),
            rp_id=place_of(request)[0],
            line=row.line.decode("utf-8", "replace"),
        )

    return router


def _asked_for(services: Services, telling: Telling, site: str, asked: Asker) -> list[dict[str, Any]]:
    """What was asked of this site's cameras lately, and what came of it."""
    now_ms = unix_ms(services.now())
    with services.store.read() as reading:
        wish = Filter(sight=asked.person.sight, site=site, limit=LOOKED_THROUGH)
        rows = [row for row in list_requests(reading, wish).items if row.action in PICTURED][:LATELY]
        asked_by = {row.id: row.person for row in rows}
        wording = telling.wording(rows[0].box if rows else "", asked.language, now_ms)
        came = pictures.of_requests(reading, asked_by, asked.person, services.evidence, wording)
    return [
        {"request": order_telling.request(row, telling, asked.language, now_ms), "piece": came.get(row.id)}
        for row in rows
    ]


def _own_keys(row: OrderRow, signed: Signed | None, asked: Asker, origin: str) -> list[dict[str, str]]:
    """This person's credentials of this very page that the box's roster lets approve such an order."""
    people = [] if signed is None else [each for each in signed.roster.people if each.id == asked.person.id]
    right = ACTIONS[row.action][1]
    return [
        {"id": key.id, "credential": key.credential}
        for person in people
        for key in person.keys
        if key.kind == "webauthn" and key.origin == origin and key.credential and right in key.may
    ]


def _missing(row: OrderRow, there: int, texts: Texts) -> str:
    count = row.needed - there
    if count == 1:
        return texts(N_("One person's approval is missing."))
    return texts(N_("The approvals of {count} different people are missing.")).format(count=count)


def _script(texts: Texts) -> dict[str, str]:
    return {name: texts(words) for name, words in SCRIPT.items()}
