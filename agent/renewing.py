"""A new certificate for the same key, without a person: whether it is time, and asking for it (docs/trust.md 5.5).

The old certificate stays until the new one was checked, and is replaced by one rename; the running agent sees the new
file by itself. Flow: renewal timer -> enrol_words.py -> here -> enrolment_link.py.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from agent.enrolling import ENROLMENT_PORT, EnrolInputError, FaultyAnswerError, chain_pem
from agent.enrolment_link import Reply, open_link
from agent.enrolment_refused import refused
from agent.identity import BoxIdentity, load_enrolled_identity
from agent.identity_files import PUBLIC, identity_files
from agent.identity_reading import CERTIFICATE
from protocol.certificates import CertificateError, Trust, VerifiedIdentity, read_certificate
from protocol.enrolment import RENEW_PATH, EnrolmentError, RenewAnswer, decode, issued_in, seal_renew
from protocol.pinned_channel import pin_of
from protocol.site.addresses import AddressError, parse_address
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time, parse_time

DUE_AFTER: Final = 2 / 3
JITTER: Final = 1 / 10
"""Of the certificate's life: boxes that were enrolled on one day do not all come back on one day."""


class Outcome(StrEnum):
    """What became of it."""

    NOT_DUE = "not_due"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The outcome; `until` is the end of the certificate now in force, `due` when the next one is asked for."""

    outcome: Outcome
    until: datetime
    due: datetime


def renewal_at(not_before: datetime, not_after: datetime, box: str) -> datetime:
    """From when on a box asks: two thirds of the life, and up to a tenth more, the same for each certificate."""
    share = int.from_bytes(sha256(box.encode()).digest()[:4]) / 2**32
    return not_before + (not_after - not_before) * (DUE_AFTER + JITTER * share)


def renewal_due(not_before: datetime, not_after: datetime, box: str, now: datetime) -> bool:
    """Whether it is time."""
    return now >= renewal_at(not_before, not_after, box)


def renew(state: Path, at: str, *, now: datetime, anyway: bool) -> Renewal:
    """Ask for a new certificate if it is time, or `anyway`, and put it in the old one's place.

    Raises:
        IdentityError: this box is not enrolled, or its identity is damaged.
        EnrolInputError: an address that is none.
        UnreachableError, StrangerError: see `open_link`.
        RefusedError: the enrolment says no.
        FaultyAnswerError: what it says cannot be taken; the old certificate stays.
    """
    identity = load_enrolled_identity(state, now)
    if not anyway and not renewal_due(identity.not_before, identity.not_after, identity.box, now):
        return _outcome(Outcome.NOT_DUE, identity.not_before, identity.not_after, identity.box)
    try:
        host, port = parse_address(at, ENROLMENT_PORT)
    except AddressError as error:
        raise EnrolInputError(N_("the enrolment's address {fault}: {at}"), fault=error.said, at=at) from None
    with identity_files(state) as files:
        with open_link(host, port, pin_of(read_certificate(identity.chain[1])), now) as link:
            body = seal_renew(sealer=identity.sealer, box=identity.box, chain=identity.chain, at=format_time(now))
            answer = _answer(link.post(RENEW_PATH, body))
        fresh = _checked(answer, identity, max(now, link.channel.begins, parse_time(answer.at)))
        files.write(CERTIFICATE, chain_pem(fresh.chain), PUBLIC)
    return _outcome(Outcome.RENEWED, fresh.not_before, fresh.not_after, fresh.id)


def _outcome(outcome: Outcome, not_before: datetime, not_after: datetime, box: str) -> Renewal:
    return Renewal(outcome=outcome, until=not_after, due=renewal_at(not_before, not_after, box))


def _answer(reply: Reply) -> RenewAnswer:
    if reply.status != 200:
        raise refused(reply)
    try:
        return decode(reply.body, RenewAnswer)
    except EnrolmentError:
        raise FaultyAnswerError(
            N_("the enrolment's answer cannot be read; this box and the bank have versions too different")
        ) from None


def _checked(answer: RenewAnswer, old: BoxIdentity, now: datetime) -> VerifiedIdentity:
    try:
        fresh = issued_in(answer.chain, Trust(old.root), now)
    except (EnrolmentError, CertificateError) as error:
        raise FaultyAnswerError(N_("the certificate that came does not hold: {fault}"), fault=str(error)) from None
    own = read_certificate(old.chain[0]).public_key()
    if (fresh.id, fresh.site) != (old.box, old.site) or fresh.public_key != own:
        raise FaultyAnswerError(N_("the certificate that came is for another box, site or key"))
    if fresh.not_after < old.not_after:
        raise FaultyAnswerError(N_("the certificate that came ends before the one in force"))
    return fresh
