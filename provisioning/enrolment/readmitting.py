"""Laying a readmission into the enrolment's folder: judged here as it will be when it is used.

Flow: `provision readmit` -> here -> `readmit/<box>.json` -> desk.py.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import CertificateError, CertificateFault, Role, Trust, kid_of
from protocol.documents import Signer
from protocol.envelope import Sealer
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said
from provisioning.answer import SAYS_NO
from provisioning.enrolment.book import open_book
from provisioning.enrolment.folder import READMIT, Enrolment, bundle_of, lay
from provisioning.enrolment.leaves import SIGNERS, check_signer, roster_bundle, sign_leave
from provisioning.enrolment.revoked import Revoked
from provisioning.keeping import load_chain, load_pair
from provisioning.passphrase import Ask
from provisioning.refusal import RefusedError
from provisioning.signers import CERTIFICATE_FAULTS

MAX_LEAVE: Final = timedelta(days=30)
_FAULTS: Final = {
    **CERTIFICATE_FAULTS,
    CertificateFault.WRONG_ROLE: N_("it is neither a provisioning key nor a person's"),
}


class ReadmitError(RefusedError):
    """No leave is given; the message says why."""

    code = SAYS_NO


@dataclass(frozen=True, kw_only=True)
class Readmitted:
    """A leave that lies ready."""

    path: Path
    by: str
    until: datetime


def readmit(enrolment: Enrolment, box: str, *, key: Path, ask: Ask, valid: timedelta, now: datetime) -> Readmitted:
    """Give leave to renew the ended certificate of a box, by the key in `NAME.key`, its chain beside it in `NAME.pem`.

    Raises:
        ReadmitError: an unknown or revoked box, a life too long, a key that may not sign this.
        LeaveError: a person to whom the box's roster does not give the right.
        KeepingError: a file of the key is missing or damaged, or its passphrase wrong.
    """
    if not timedelta(0) < valid <= MAX_LEAVE:
        raise ReadmitError(N_("a leave holds at most {days} days, and more than no time"), days=MAX_LEAVE.days)
    revoked = Revoked(enrolment.folder, enrolment.issuer.certificate)
    with open_book(enrolment.folder) as book, book.turn() as turn:
        thumbprint = turn.key_of_box(box)
        taken_back = thumbprint is not None and revoked.any_of(turn.serials_of(thumbprint))
    if thumbprint is None:
        raise ReadmitError(N_("{box} was never enrolled here"), box=box)
    if taken_back:
        raise ReadmitError(
            N_(
                "{box} is revoked and stays so; next step: branchwatch provision replace, which gives the site a new id"
            ),
            box=box,
        )
    certificates = load_chain(key.with_suffix(".pem"))
    chain = tuple(each.public_bytes(Encoding.DER) for each in certificates)
    trust = Trust(enrolment.root, revoked.lists())
    try:
        identity = trust.identify(chain, now, *SIGNERS)
    except CertificateError as error:
        fault = said(_FAULTS[error.fault])
        raise ReadmitError(N_("{path} may not readmit a box: {fault}"), path=key, fault=fault) from None
    person = identity.role is Role.PERSON
    held = roster_bundle(bundle_of(enrolment.folder, box), trust, now, box) if person else None
    check_signer(identity, held, now)
    pair = load_pair(key.parent, key.stem, ask)
    signer = Signer(sealer=Sealer(pair.private_key, kid_of(pair.certificate)), chain=chain)
    document = sign_leave(box, thumbprint, until=now + valid, now=now, signer=signer)
    return Readmitted(path=lay(enrolment.folder, READMIT, box, document), by=identity.id, until=now + valid)
