"""What people do with orders: draw up, approve, withdraw; each one transaction with its journal entry.

An order that has its approvals is committed as sent and handed to the ingest's thread in the same breath; if the
process dies between the two, the next look of any collector sends it again (ingest/ordering.py). Flow: console -> here
-> orders, approvals, journal; `post` -> broker.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from collector.orders.approving import check_approval
from collector.orders.boxes import Signed, addressee, is_obeyed, signed_for
from collector.orders.drafting import draft, may_withdraw
from collector.orders.lifecycle import SEND_AGAIN, Move, State, after
from collector.orders.posting import OrderPost, Post
from collector.orders.refusing import NotDoneError
from collector.people import Person
from collector.storage import orders, writing
from collector.storage.bundles import configs_of
from collector.storage.journal import Entry, write_journal
from collector.storage.orders import ApprovalRow, OrderRow, Whole
from collector.storage.records import Topic
from collector.storage.store import Store, Transaction
from collector.times import unix_ms
from protocol.ids import new_event_id
from protocol.messages import Approval, encode
from protocol.orders import join_order, read_order

MOST_DRAFTS: Final = 120
"""Orders that one person draws up within WINDOW; the closing time of a large city, one by one, is some hundred."""
WINDOW: Final = timedelta(minutes=10)
_MS: Final = timedelta(milliseconds=1)


class OrderService:
    """Every method may raise NotDoneError, and then nothing was changed."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        changed: Callable[[], None],
        post: Callable[[Post], None],
    ) -> None:
        self._store, self._now, self._random, self._changed, self._post = store, now, random, changed, post

    def draft(self, site: str, action: str, args: Mapping[str, Any], person: Person) -> str:
        """Draw an order up for the box of a site; returns its id."""
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            number = writing.lock_counters(connection) + 1
            if orders.count_drafted(connection, person.id, now_ms - WINDOW // _MS) >= MOST_DRAFTS:
                raise NotDoneError("too_many", count=MOST_DRAFTS)
            to = addressee(connection, site, person, now_ms)
            order_id = new_event_id(now_ms, self._random(10))
            row = draft(to, person, action, args, order_id=order_id, number=number, now_ms=now_ms)
            writing.save_counter(connection, number)
            orders.add_order(connection, row)
            facts = {"action": action, "args": read_order(row.line).args}
            write_journal(connection, [_entry(row, "draft", person, facts)], now_ms)
        self._changed()
        return order_id

    def approve(self, approval: Approval, person: Person) -> None:
        """Take a person's approval; with enough of them the order goes on its way at once.

        A second approval of the same person counts as the first one and changes nothing.
        """
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            writing.lock_counters(connection)
            row = self._order(connection, approval.order, person)
            if person.id not in (approval.person, row.person):
                raise NotDoneError("other_person")
            there = orders.approvals_of(connection, [row.id]).get(row.id, ())
            if any(each.person == approval.person for each in there):
                return
            self._waits(connection, row, now_ms)
            self._check(connection, row, approval)
            fresh = ApprovalRow(
                order_id=row.id,
                person=approval.person,
                method=approval.method,
                line=encode(approval),
                at_ms=now_ms,
                brought_by=person.id,
            )
            orders.add_approval(connection, fresh)
            facts = {"method": approval.method} | ({} if person.id == approval.person else {"brought_by": person.id})
            entries = [_entry(row, "approve", approval.person, facts)]
            approved = (*there, fresh)
            sent = _sent(row, now_ms) if len(approved) >= row.needed else None
            if sent is not None:
                orders.save_orders(connection, [sent])
                entries.append(_entry(sent, "send", person, {"people": [each.person for each in approved]}))
            write_journal(connection, entries, now_ms)
        if sent is not None:
            payload = join_order(sent.line, tuple(each.line for each in approved))
            self._post(OrderPost(box=sent.box, payload=payload))
        self._changed()

    def withdraw(self, order_id: str, person: Person) -> None:
        """Take an order back that was not sent; its drafter's, or a shift leader's or officer's of the unit."""
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            writing.lock_counters(connection)
            row = self._order(connection, order_id, person)
            if not may_withdraw(person, row.person):
                raise NotDoneError("not_allowed")
            state = after(State(row.state), Move.WITHDRAW)
            if state is None:
                raise NotDoneError(row.state)
            row = msgspec.structs.replace(row, state=state.value, settled_ms=now_ms)
            orders.save_orders(connection, [row])
            write_journal(connection, [_entry(row, "withdraw", person, {})], now_ms)
        self._changed()

    def whole(self, order_id: str, person: Person) -> Whole | None:
        """One order of this person's unit."""
        with self._store.read() as reading:
            return orders.order_whole(reading, order_id, person.sight)

    def signed(self, row: OrderRow) -> Signed | None:
        """What the bundle says that the box of a draft works with now; None of an order that waits for nobody."""
        if row.state != State.DRAFT:
            return None
        with self._store.read() as reading:
            config = configs_of(reading.connection, [row.box]).get(row.box)
        return None if config is None else self.signed_of(row.box, config.hash)

    def signed_of(self, box: str, digest: str) -> Signed | None:
        """What the bundle of this hash says; None where it was never delivered here."""
        with self._store.read() as reading:
            return signed_for(reading.connection, box, digest)

    def is_obeyed(self, person: Person) -> bool:
        """Whether any box obeys this person; asks every bundle that was delivered, so call it off the loop."""
        with self._store.read() as reading:
            return is_obeyed(reading, person.id)

    def _order(self, connection: Transaction, order_id: str, person: Person) -> OrderRow:
        row = orders.order_in(connection, order_id, person.unit)
        if row is None:
            raise NotDoneError("no_order")
        return row

    def _waits(self, connection: Transaction, row: OrderRow, now_ms: int) -> None:
        """Nothing for a draft that its box could still obey."""
        if row.state != State.DRAFT:
            raise NotDoneError(row.state)
        if row.stale_ms <= now_ms:
            raise NotDoneError("stale")
        box = writing.box_states(connection, [row.box])[row.box]
        if box.forked:
            raise NotDoneError("forked", box=row.box)
        if box.run != row.run:
            raise NotDoneError("restarted")

    def _check(self, connection: Transaction, row: OrderRow, approval: Approval) -> None:
        config = configs_of(connection, [row.box]).get(row.box)
        signed = signed_for(connection, row.box, config.hash if config is not None else "")
        if signed is None:
            raise NotDoneError("unknown_bundle", version=config.version if config is not None else 0)
        check_approval(row, approval, signed.roster)


def _sent(row: OrderRow, now_ms: int) -> OrderRow:
    return msgspec.structs.replace(
        row, state=State.SENT.value, sent_ms=now_ms, sends=1, again_ms=now_ms + SEND_AGAIN // _MS
    )


def _entry(row: OrderRow, action: str, person: Person | str, facts: dict[str, Any]) -> Entry:
    who = person if isinstance(person, str) else person.id
    return Entry(topic=Topic.ORDER, subject=row.id, action=action, site=row.site, person=who, facts=facts)
