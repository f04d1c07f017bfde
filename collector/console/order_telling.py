"""From rows of orders and requests, and from points, to what the API says. Reads nothing but names and people.

A key's name never leaves with an approval: it could tell which of a person's keys was used (docs/guarding.md 4.4).
"""

from collections.abc import Iterable
from typing import Any

from collector.console import order_shapes, order_words
from collector.console.telling import Telling, iso
from collector.orders.boxes import Signed
from collector.orders.lifecycle import State
from collector.orders.requests import RequestState
from collector.people import Person
from collector.storage.orders import ApprovalRow, OrderRow, Whole
from collector.storage.records import BoxRow, EventRow, PointRow
from collector.storage.requests import RequestRow
from protocol.envelope import encode_base64url
from protocol.orders import ACTIONS, NEVER_BYPASSED, people_of, read_order
from protocol.site.schema import Partition
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import texts_for

ENDED = {State.EXECUTED.value: "order.executed", State.REFUSED.value: "order.refused"}


def order(
    whole: Whole, person: Person, telling: Telling, language: str, now_ms: int, signed: Signed | None = None
) -> order_shapes.Order:
    """An order; the keys that may approve it stand there where `signed` is given and it waits for them."""
    row = whole.order
    line = read_order(row.line)
    wording = telling.wording(row.box, language, now_ms)
    return order_shapes.Order(
        id=row.id,
        site=row.site,
        box=row.box,
        action=row.action,
        args=dict(line.args),
        by=row.person,
        at=iso(row.drafted_ms),
        line=encode_base64url(row.line).decode("ascii"),
        needed=row.needed,
        approvals=[_approval(each, telling) for each in whole.approvals],
        state=row.state,  # type: ignore[arg-type]  # a word of our own table
        stale_at=iso(row.stale_ms),
        sent_at=_iso(row.sent_ms),
        settled_at=_iso(row.settled_ms),
        outcome=_outcome(row, telling, language, now_ms),
        you=person.id,
        keys=_keys(row, signed) if signed is not None and row.state == State.DRAFT else [],
        words=order_shapes.OrderWords(
            does=order_words.does(row.action, line.args, wording),
            state=wording.texts(order_words.STATES[State(row.state)]),
            by=telling.person(row.person) or "",
            site=whole.site_name,
        ),
    )


def request(row: RequestRow, telling: Telling, language: str, now_ms: int) -> order_shapes.Request:
    """A request."""
    wording = telling.wording(row.box, language, now_ms)
    outcome = None
    if row.answered_ms is not None:
        outcome = order_shapes.Outcome(
            kind="request.answered",
            at=iso(row.answered_ms),
            said=wording.reason(row.reason) if row.reason else "",
            facts=row.facts,
        )
    return order_shapes.Request(
        id=row.id,
        site=row.site,
        box=row.box,
        action=row.action,
        args=row.args,
        by=row.person,
        at=iso(row.at_ms),
        state=row.state,  # type: ignore[arg-type]  # a word of our own table
        outcome=outcome,
        words=order_shapes.RequestWords(
            does=order_words.asks(row.action, row.args, wording),
            state=wording.texts(order_words.REQUEST_STATES[RequestState(row.state)]),
            by=telling.person(row.person) or "",
        ),
    )


def points(
    box: BoxRow, signed: Signed | None, telling: Telling, language: str, now_ms: int
) -> Iterable[order_shapes.SitePoint]:
    """Every point of a box, as far as it can be believed now."""
    wording = telling.wording(box.id, language, now_ms)
    partitions = {} if signed is None else {each.id: each for each in signed.site.partition}
    guarded = frozenset() if signed is None else {each.id for each in signed.site.zone if each.type in NEVER_BYPASSED}
    for point in box.points:
        family, _, rest = point.id.partition("/")
        partition = partitions.get(rest) if family == "partition" else None
        state, since_ms = ("unknown", box.heard_ms) if box.silent else (point.state, point.since_ms)
        yield order_shapes.SitePoint(
            id=point.id,
            box=box.id,
            family=family,
            name=point.name,
            state=state,
            marks=[] if box.silent else list(point.marks),
            cause=texts_for(language)(N_("box silent")) if box.silent else _cause(point, wording.reason),
            since=iso(since_ms),
            age_s=max(0, now_ms - since_ms) // 1000,
            told=point.state,
            **_of_partition(partition),
            never_bypassed=family == "zone" and rest in guarded,
            words=wording.state(point.id, state),
        )


def happened(row: EventRow, telling: Telling, language: str, now_ms: int) -> tuple[str, str, str]:
    """An event of a site's guarding: when, at what, and what, in words."""
    wording = telling.wording(row.box, language, now_ms)
    said = wording.headline(row.kind, row.source, row.facts) or wording.title(row.kind)
    return iso(row.at_ms), wording.source(row.source, row.facts), said


def _cause(point: PointRow, said: Any) -> str:
    return said(point.cause, point.id) if point.cause else ""


def _of_partition(partition: Partition | None) -> dict[str, Any]:
    if partition is None:
        return {"partition_kind": None, "people": None, "zones": []}
    return {"partition_kind": partition.kind, "people": people_of(partition), "zones": list(partition.zones)}


def _approval(row: ApprovalRow, telling: Telling) -> order_shapes.Approval:
    return order_shapes.Approval(
        person=row.person,
        name=telling.person(row.person) or "",
        method="webauthn" if row.method == "webauthn" else "key_file",
        at=iso(row.at_ms),
    )


def _outcome(row: OrderRow, telling: Telling, language: str, now_ms: int) -> order_shapes.Outcome | None:
    kind = ENDED.get(row.state)
    if kind is None or row.settled_ms is None:
        return None
    facts = dict(row.facts)
    if facts.get("action") == "bypass" and facts.get("on") is False:
        facts["action"] = "bypass_end"  # what puts a zone back must not read like what takes it out
    said = telling.wording(row.box, language, now_ms).headline(kind, "box/orders", facts)
    return order_shapes.Outcome(kind=kind, at=iso(row.settled_ms), said=said, facts=row.facts)


def _keys(row: OrderRow, signed: Signed) -> list[order_shapes.RosterKey]:
    right = ACTIONS[row.action][1]
    return [
        order_shapes.RosterKey(
            person=person.id,
            name=person.name,
            id=key.id,
            kind=key.kind,
            public_key=key.public_key,
            rp_id=key.rp_id,
            origin=key.origin,
            credential=key.credential,
        )
        for person in signed.roster.people
        for key in person.keys
        if right in key.may
    ]


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
