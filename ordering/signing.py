"""Approvals made on this machine, and looked at once more before they leave it. Pure.

The centre's list of keys only says under which name a key stands in the roster. What is signed is `ReadOrder.digest`,
which this machine computed. Flow: `ReadOrder` and key -> here -> `Console.approve`.
"""

from collections.abc import Iterable

from ordering.drafts import KeyHint
from ordering.keys import PersonalKey
from ordering.reading import ReadOrder
from ordering.refusal import RefusedError
from ordering.registering import RP_ID
from protocol.approvals import ApprovalError, sign_key_file, verify_approval, webauthn_approval
from protocol.messages import Approval
from protocol.roster import PersonKey
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.webauthn import LOCALHOST, Assertion


class NotSignedError(RefusedError):
    """No approval came about; the message says what would do."""


def sign_with_file(read: ReadOrder, key: PersonalKey, hints: Iterable[KeyHint]) -> Approval:
    """The approval of a key file.

    Raises:
        NotSignedError: the roster holds no such key that may approve this, or the centre knows none at all.
    """
    known = tuple(hints)
    if not known:  # the box took another bundle meanwhile, and the centre has not got it
        raise NotSignedError(
            N_(
                "the centre names no key that may approve this: the site file that the box works with now was not "
                "delivered to it, or gives nobody a right to {action}. Have it delivered, then give the order again"
            ),
            action=read.order.action,
        )
    hint = next((each for each in known if each.kind == "key_file" and each.public_key == key.public_key), None)
    if hint is None:
        raise NotSignedError(
            N_(
                "the box's roster has no key {path} that may approve this. Was it registered, accepted and "
                "delivered with a right to {action}? Look with: branchwatch order register --help"
            ),
            path=key.path,
            action=read.order.action,
        )
    return sign_key_file(read.line, read.order.id, hint.person, hint.id, key.private)


def sign_with_assertion(read: ReadOrder, credential: str, assertion: Assertion, hints: Iterable[KeyHint]) -> Approval:
    """The approval of a security key; `credential` is the id that the browser named.

    Raises:
        NotSignedError: a key that the roster does not hold for this, or an answer that does not hold.
    """
    hint = next((each for each in here(hints) if each.credential == credential), None)
    if hint is None:
        raise NotSignedError(N_("This security key is not in the box's roster for this order. Take another one."))
    approval = webauthn_approval(read.order.id, hint.person, hint.id, assertion)
    known = PersonKey(
        id=hint.id,
        kind="webauthn",
        public_key=hint.public_key,
        may=(),
        rp_id=RP_ID,
        origin=LOCALHOST,
        credential=credential,
    )
    try:
        verify_approval(approval, read.line, known)
    except ApprovalError as error:
        raise NotSignedError(
            N_("The security key's answer does not hold ({word}). Try again with a key that asks for PIN or finger."),
            word=error.word,
        ) from None
    return approval


def here(hints: Iterable[KeyHint]) -> tuple[KeyHint, ...]:
    """The security keys among them that were made for this machine's own page."""
    return tuple(each for each in hints if each.kind == "webauthn" and each.rp_id == RP_ID and each.credential)
