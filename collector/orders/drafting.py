"""The order's line: exactly the bytes that people will sign and the box will read. Pure; time and randomness come in.

It names the box, its newest order challenge and the roster that its approvers stand in (WIRE 4.2), and is never written
anew: whoever signs, signs these bytes. Flow: what a person asks, and the box -> here -> a row of `orders`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collector.orders.boxes import Addressee, needs_signed
from collector.orders.lifecycle import LIFE, State
from collector.orders.refusing import NotDoneError
from collector.people import Person, PersonRole
from collector.storage.orders import OrderRow
from collector.times import moment
from protocol.messages import Order, encode
from protocol.orders import OrderFaultError, forbidden_bypass, needed_people, read_args
from protocol.timestamps import format_time

DRAFTERS: Final = frozenset({PersonRole.SECURITY_OFFICER, PersonRole.SHIFT_LEADER, PersonRole.OPERATOR})
"""Who may draw an order up: a draft obeys nobody, so this only keeps the list clean."""
WITHDRAWERS: Final = frozenset({PersonRole.SECURITY_OFFICER, PersonRole.SHIFT_LEADER})
"""Who may also withdraw another person's draft."""
TESTERS: Final = DRAFTERS | {PersonRole.ENGINEER}

_LIFE_MS: Final = round(LIFE.total_seconds() * 1000)


def may_draft(person: Person, action: str) -> bool:
    """Whether this person's roles let him draw up such an order."""
    return not person.roles.isdisjoint(TESTERS if action == "run_test" else DRAFTERS)


def may_withdraw(person: Person, drafter: str) -> bool:
    """Whether this person may take a draft back."""
    return person.id == drafter or not person.roles.isdisjoint(WITHDRAWERS)


def draft(
    to: Addressee, person: Person, action: str, args: Mapping[str, Any], *, order_id: str, number: int, now_ms: int
) -> OrderRow:
    """A new order, which waits for its approvals.

    Raises:
        NotDoneError: not this person's to ask, not what the site has, or the box has said nothing fresh.
    """
    if not may_draft(person, action):
        raise NotDoneError("not_allowed")
    signed = needs_signed(to)
    try:
        read = read_args(action, args)
        needed = needed_people(signed.site, action, read)
    except OrderFaultError as error:
        raise NotDoneError(error.reason) from None
    if never := forbidden_bypass(signed.site, read):
        raise NotDoneError(never)
    box = to.box
    stale_ms = min(box.challenge_ms, now_ms) + _LIFE_MS
    if not box.order_challenge or stale_ms <= now_ms:
        raise NotDoneError("no_challenge")
    line = encode(
        Order(
            v=1,
            id=order_id,
            box=box.id,
            challenge=box.order_challenge,
            roster_version=signed.roster.version,
            action=action,
            at=format_time(moment(now_ms)),
            by=person.id,
            args=msgspec.to_builtins(read),
            expires=format_time(moment(now_ms + _LIFE_MS)),
        )
    )
    return OrderRow(
        id=order_id,
        number=number,
        site=box.site,
        box=box.id,
        run=box.run,
        action=action,
        person=person.id,
        line=line,
        needed=needed,
        state=State.DRAFT.value,
        drafted_ms=now_ms,
        stale_ms=stale_ms,
    )
