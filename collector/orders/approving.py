"""Whether an approval looks like one that the box will count: a quick answer for the person, believed by nobody. Pure.

The box judges the same again, with its own roster, its own clock and its own count (docs/guarding.md 4.2).
"""

from collector.orders.refusing import NotDoneError
from collector.storage.orders import OrderRow
from protocol.approvals import ApprovalError, verify_approval
from protocol.messages import Approval
from protocol.orders import ACTIONS
from protocol.roster import Roster


def check_approval(order: OrderRow, approval: Approval, roster: Roster) -> None:
    """Check an approval against the roster that was delivered for the box.

    Raises:
        NotDoneError: in the box's own words: `unknown_person`, `unknown_key`, `bad_signature`, `right_missing`.
    """
    if approval.order != order.id:
        raise NotDoneError("other_order")
    person = next((each for each in roster.people if each.id == approval.person), None)
    if person is None:
        raise NotDoneError("unknown_person")
    key = next((each for each in person.keys if each.id == approval.credential), None)
    if key is None:
        raise NotDoneError("unknown_key")
    try:
        verify_approval(approval, order.line, key)
    except ApprovalError as error:
        raise NotDoneError("bad_signature", why=error.word) from None
    if ACTIONS[order.action][1] not in key.may:
        raise NotDoneError("right_missing")
