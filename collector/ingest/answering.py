"""A box's answers joined to what was asked of it, in the transaction of the answer's event (docs/guarding.md 4.4).

Only the very box that an order or request was for can answer it. Flow: `order.executed`, `order.refused` and
`request.answered` -> here -> rows of orders and requests, entries of the journal.
"""

from typing import Any

import msgspec

from collector.ingest.ending import over_answered
from collector.ingest.work import Said, Work
from collector.orders.lifecycle import State, after, move_of
from collector.orders.requests import SERVED, RequestState
from collector.storage import orders, requests
from collector.storage.journal import Entry
from collector.storage.orders import OrderRow
from collector.storage.records import Topic
from collector.storage.requests import RequestRow

MAX_REASON = 64
"""Characters kept of a box's reason; its own words have some 20."""


def join_answers(work: Work, collector: str) -> None:
    """Bring orders and requests to where their boxes say that they are."""
    to_orders = [said for said in work.said if said.kind != "request.answered"]
    to_requests = [said for said in work.said if said.kind == "request.answered"]
    if to_orders:
        _join_orders(work, to_orders, collector)
    if to_requests:
        _join_requests(work, to_requests, collector)
        over_answered(work, to_requests)


def _join_orders(work: Work, answers: list[Said], collector: str) -> None:
    rows = orders.orders_of(work.connection, [said.id for said in answers])
    changed: dict[str, OrderRow] = {}
    for said in answers:
        row = rows.get(said.id)
        move = move_of(said.kind, said.reason)
        if row is None or row.box != said.box or move is None:
            continue
        state = after(State(row.state), move)
        if state is None:
            continue
        row = msgspec.structs.replace(
            row,
            state=state.value,
            again_ms=None,
            settled_ms=work.now_ms,
            reason=said.reason[:MAX_REASON],
            facts=said.facts,
            event_id=said.event_id,
        )
        rows[row.id] = changed[row.id] = row
        work.entries.append(_entry(Topic.ORDER, row, state.value, collector, said))
    orders.save_orders(work.connection, changed.values())


def _join_requests(work: Work, answers: list[Said], collector: str) -> None:
    rows = requests.requests_of(work.connection, [said.id for said in answers])
    changed: dict[str, RequestRow] = {}
    for said in answers:
        row = rows.get(said.id)
        if row is None or row.box != said.box or row.state in (RequestState.ANSWERED, RequestState.REFUSED):
            continue
        state = RequestState.ANSWERED if said.reason == SERVED else RequestState.REFUSED
        row = msgspec.structs.replace(
            row,
            state=state.value,
            reason=said.reason[:MAX_REASON],
            answered_ms=work.now_ms,
            facts=said.facts,
            event_id=said.event_id,
        )
        rows[row.id] = changed[row.id] = row
        work.entries.append(_entry(Topic.REQUEST, row, state.value, collector, said))
    requests.save_requests(work.connection, changed.values())


def _entry(topic: Topic, row: OrderRow | RequestRow, action: str, collector: str, said: Said) -> Entry:
    facts: dict[str, Any] = {"event": said.event_id, **({"reason": said.reason[:MAX_REASON]} if said.reason else {})}
    return Entry(topic=topic, subject=row.id, action=action, site=row.site, person=collector, facts=facts)
