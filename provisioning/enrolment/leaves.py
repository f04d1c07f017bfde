"""Readmissions: a person's leave to renew one ended certificate, once (docs/trust.md 5.6). Pure.

A provisioning key may give one. A person may if the roster that the bank signed for that very box says so; without
that roster nobody's key but the provisioning's counts. Flow: `provision readmit` -> `readmit/<box>.json` -> desk.py.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec

from protocol.bundle import Bundle, BundleError, read_bundle
from protocol.certificates import Role, Trust, VerifiedIdentity, thumbprint
from protocol.documents import DocumentError, Signer, claimed_payload, open_document, sign_document
from protocol.enrolment import EnrolmentError, Readmission, decode
from protocol.envelope import EnvelopeType
from protocol.roster import Right, read_person_key
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time, parse_time
from provisioning.record import Act, Deed
from provisioning.refusal import RefusedError

SIGNERS: Final = (Role.PROVISIONING, Role.PERSON)


class LeaveError(RefusedError):
    """A readmission that does not hold, or would not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A readmission that holds; `deed` is what the record says of its use."""

    deed: Deed


def name_of(document: bytes) -> str:
    """What the record calls a leave that was used: SHA-256 of what is signed; its frame may be written in many ways.

    Raises:
        LeaveError: it is none.
    """
    try:
        return sha256(claimed_payload(document)).hexdigest()
    except DocumentError as error:
        raise LeaveError(N_("it is no readmission that holds: {fault}"), fault=str(error)) from None


def sign_leave(box: str, key: str, *, until: datetime, now: datetime, signer: Signer) -> bytes:
    """The document: `key` is the thumbprint of the box's signing key."""
    leave = Readmission(v=1, box=box, key=key, until=format_time(until), at=format_time(now))
    return sign_document(EnvelopeType.READMISSION, msgspec.json.encode(leave), [signer])


def leave_in(document: bytes, of: VerifiedIdentity, *, trust: Trust, bundle: bytes | None, now: datetime) -> Leave:
    """The leave in a document, for the box that asks; `bundle` is the signed one that lies ready for it.

    Raises:
        LeaveError: it does not hold; the message says why.
    """
    try:
        opened = open_document(document, EnvelopeType.READMISSION, trust, now, *SIGNERS)
        leave = decode(opened.payload, Readmission)
    except (DocumentError, EnrolmentError) as error:
        raise LeaveError(N_("it is no readmission that holds: {fault}"), fault=str(error)) from None
    if leave.box != of.id or leave.key != thumbprint(of.public_key):
        raise LeaveError(N_("it is for another box or another key"))
    if now > parse_time(leave.until):
        raise LeaveError(N_("it ended on {until}"), until=leave.until)
    held = roster_bundle(bundle, trust, now, of.id) if _has_person(opened.signers) else None
    for signer in opened.signers:
        check_signer(signer, held, now)
    facts = {
        "id": of.id,
        "site": of.site or "",
        "key": leave.key,
        "document": name_of(document),
        "by": " ".join(signer.id for signer in opened.signers),
        "until": leave.until,
    }
    return Leave(deed=Deed(act=Act.READMITTED, facts=facts))


def check_signer(signer: VerifiedIdentity, bundle: Bundle | None, now: datetime) -> None:
    """Whether a signer's leave would count.

    Raises:
        LeaveError: a person to whom the box's roster does not give the right, or whose roster has ended.
    """
    if signer.role is Role.PROVISIONING:
        return
    if bundle is None:
        raise LeaveError(
            N_("no signed site file lies ready for this box, so no roster says that {person} may readmit it"),
            person=signer.id,
        )
    if now > parse_time(bundle.roster.not_after):
        raise LeaveError(N_("the box's roster ended on {until}"), until=bundle.roster.not_after)
    mine = [key for person in bundle.roster.people if person.id == signer.id for key in person.keys]
    own = thumbprint(signer.public_key)
    if not any(thumbprint(read_person_key(key.public_key)) == own and Right.READMIT in key.may for key in mine):
        raise LeaveError(N_('the box\'s roster does not give {person} the right "readmit"'), person=signer.id)


def roster_bundle(document: bytes | None, trust: Trust, now: datetime, box: str) -> Bundle | None:
    """The bundle that lies ready, if a provisioning key signed it for this box: the folder alone proves nothing.

    Raises:
        LeaveError: it lies there and does not hold.
    """
    if document is None:
        return None
    try:
        bundle = read_bundle(open_document(document, EnvelopeType.SITE, trust, now, Role.PROVISIONING).payload)
    except (DocumentError, BundleError) as error:
        raise LeaveError(N_("the site file that lies ready does not hold: {fault}"), fault=str(error)) from None
    return bundle if bundle.box == box else None


def _has_person(signers: tuple[VerifiedIdentity, ...]) -> bool:
    return any(signer.role is Role.PERSON for signer in signers)
