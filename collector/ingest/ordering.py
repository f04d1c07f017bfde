"""Orders that nothing answered: sent again while they are fresh, given up when their time is over. Inside the tick.

Whichever collector looks first sends: the box takes an order's id once and calls the second one `repeated`. Flow: rows
of orders and requests -> here -> payloads to publish after the commit, entries of the journal.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from collector.ingest.work import Work
from collector.orders.lifecycle import MOST_SENDINGS, SEND_AGAIN, Move, State, after
from collector.orders.posting import OrderPost
from collector.orders.requests import ANSWER_WITHIN, RequestState
from collector.storage import orders, requests
from collector.storage.journal import Entry
from collector.storage.orders import ApprovalRow, OrderRow
from collector.storage.records import Topic
from protocol.orders import join_order

AT_ONCE: Final = 200
"""Rows of one look."""

_MS: Final = timedelta(milliseconds=1)
_OPEN: Final = tuple(state.value for state in State if after(state, Move.LAPSE) is not None)


def look_at_orders(work: Work, collector: str) -> list[OrderPost]:
    """Give up what is too old; what is to be sent again now."""
    over = orders.lapsed(work.connection, _OPEN, work.now_ms, AT_ONCE)
    orders.save_orders(work.connection, [_lapsed(row, work.now_ms) for row in over])
    work.entries.extend(_entry(Topic.ORDER, row.id, row.site, State.STALE.value, collector) for row in over)
    again = orders.due_again(work.connection, State.SENT.value, work.now_ms, AT_ONCE)
    orders.save_orders(work.connection, [_sent_again(row, work.now_ms) for row in again])
    brought = orders.approvals_of(work.connection, [row.id for row in again]) if again else {}
    _give_up_requests(work, collector)
    return [_post(row, brought) for row in again]


def _give_up_requests(work: Work, collector: str) -> None:
    before_ms = work.now_ms - ANSWER_WITHIN // _MS
    rows = requests.unanswered(work.connection, RequestState.SENT.value, before_ms, AT_ONCE)
    state = RequestState.UNANSWERED.value
    requests.save_requests(work.connection, [msgspec.structs.replace(row, state=state) for row in rows])
    work.entries.extend(_entry(Topic.REQUEST, row.id, row.site, state, collector) for row in rows)


def _lapsed(row: OrderRow, now_ms: int) -> OrderRow:
    state = after(State(row.state), Move.LAPSE) or State.STALE
    return msgspec.structs.replace(row, state=state.value, again_ms=None, settled_ms=now_ms)


def _sent_again(row: OrderRow, now_ms: int) -> OrderRow:
    sends = row.sends + 1
    again_ms = now_ms + SEND_AGAIN // _MS if sends < MOST_SENDINGS else None
    return msgspec.structs.replace(row, sends=sends, again_ms=again_ms)


def _post(row: OrderRow, brought: Mapping[str, tuple[ApprovalRow, ...]]) -> OrderPost:
    return OrderPost(box=row.box, payload=join_order(row.line, tuple(each.line for each in brought.get(row.id, ()))))


def _entry(topic: Topic, subject: str, site: str, action: str, collector: str) -> Entry:
    return Entry(topic=topic, subject=subject, action=action, site=site, person=collector)
