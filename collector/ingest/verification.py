"""Trust is a type: only this file makes `VerifiedEvents` and their siblings, and nothing after it accepts bytes.

Pure. An envelope is verified when its signature is that of an identity that leads to our root, when that identity is
the box of the topic, and when everything inside speaks for that box and its site. Flow: `Parsed` and the identity of
its `kid` -> here -> placement in the ledger, or quarantine.
"""

from base64 import b64decode
from datetime import datetime

import msgspec

from collector.ingest.parsing import TYPES, Parsed, reason_of
from collector.ingest.received import Reason, Received, Rejection
from protocol.certificates import CertificateError, CertificateFault, Role, Trust, VerifiedIdentity, kid_of_der
from protocol.envelope import EnvelopeError, Opened, open_envelope
from protocol.ledger import line_hash
from protocol.limits import MAX_EVENTS_PER_ENVELOPE
from protocol.messages import (
    Beat,
    Birth,
    Death,
    Event,
    MessageError,
    decode_beat,
    decode_birth,
    decode_death,
    decode_event,
)
from protocol.topics import Up


class VerifiedEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one envelope: authentic, of one lane, in rising order. `hashes[i]` is that of `events[i]`."""

    box: str
    site: str
    lane: str
    kid: str
    expired: bool
    events: tuple[Event, ...]
    hashes: tuple[str, ...]
    received: Received


class VerifiedBeat(msgspec.Struct, frozen=True, kw_only=True):
    """An authentic beat."""

    beat: Beat
    received: Received


class VerifiedBirth(msgspec.Struct, frozen=True, kw_only=True):
    """An authentic birth and the identity that it introduces."""

    birth: Birth
    identity: VerifiedIdentity
    received: Received


class VerifiedDeath(msgspec.Struct, frozen=True, kw_only=True):
    """An authentic will."""

    death: Death
    received: Received


Verified = VerifiedEvents | VerifiedBeat | VerifiedBirth | VerifiedDeath

_REASONS = {
    CertificateFault.REVOKED: Reason.REVOKED,
    CertificateFault.NOT_YET_VALID: Reason.NOT_YET_VALID,
}


def reason_of_certificate(fault: CertificateFault) -> Reason:
    """The ingest's word for a fault of a certificate."""
    return _REASONS.get(fault, Reason.UNTRUSTED)


def open_signed(parsed: Parsed, identity: VerifiedIdentity) -> Opened | Rejection:
    """Check the signature and that the box may speak on this topic: the costly half, fit for any thread."""
    if identity.id != parsed.box:
        return _reject(parsed, Reason.FOREIGN_BOX, identity.id)
    try:
        return open_envelope(parsed.unverified, identity.public_key, TYPES[parsed.up])
    except EnvelopeError as error:
        return _reject(parsed, reason_of(error))


def verify(parsed: Parsed, opened: Opened, identity: VerifiedIdentity, now: datetime) -> Verified | Rejection:
    """Read what was signed and check that it speaks for its signer only."""
    try:
        if parsed.up is Up.EVENT:
            return _verify_events(parsed, opened, identity, now)
        if parsed.up is Up.BEAT:
            beat = decode_beat(opened.payload)
            return VerifiedBeat(beat=beat, received=parsed.received) if beat.box == identity.id else _foreign(parsed)
        if parsed.up is Up.DEATH:
            death = decode_death(opened.payload)
            return (
                VerifiedDeath(death=death, received=parsed.received) if death.box == identity.id else _foreign(parsed)
            )
        return _verify_birth(parsed, decode_birth(opened.payload), identity)
    except MessageError as error:
        return _reject(parsed, Reason.MALFORMED, str(error))


def introduced_by(parsed: Parsed, trust: Trust, now: datetime) -> VerifiedIdentity | Rejection:
    """The identity that a birth brings with it, checked up to the root; its signature is checked afterwards."""
    try:
        birth = decode_birth(parsed.unverified.claimed_payload)
        chain = [b64decode(text, validate=True) for text in birth.x5c]  # RFC 7515 section 4.1.6: not base64url
        if kid_of_der(chain[0]) != parsed.unverified.kid:
            return _reject(parsed, Reason.UNKNOWN_KEY, "the birth brings another key's certificate")
        return trust.identify(chain, now, Role.BOX, expired_ok=True)
    except MessageError as error:
        return _reject(parsed, Reason.MALFORMED, str(error))
    except ValueError:
        return _reject(parsed, Reason.MALFORMED, "x5c is no base64")
    except CertificateError as error:
        return _reject(parsed, reason_of_certificate(error.fault), error.fault.value)


def _verify_events(
    parsed: Parsed, opened: Opened, identity: VerifiedIdentity, now: datetime
) -> VerifiedEvents | Rejection:
    lines = opened.payload.split(b"\n")
    if len(lines) > MAX_EVENTS_PER_ENVELOPE:
        return _reject(parsed, Reason.MALFORMED, "too many lines")
    events = tuple([decode_event(line) for line in lines])
    lane, before = events[0].lane, 0
    for event in events:
        if event.box != identity.id:
            return _foreign(parsed)
        if event.site != identity.site:
            return _reject(parsed, Reason.FOREIGN_SITE, event.site)
        if event.lane is not lane or event.seq <= before:
            return _reject(parsed, Reason.MALFORMED, "lines of one lane in rising order are wanted")
        before = event.seq
    return VerifiedEvents(
        box=identity.id,
        site=events[0].site,
        lane=lane.value,
        kid=identity.kid,
        expired=identity.expired(now),
        events=events,
        hashes=tuple([line_hash(line) for line in lines]),
        received=parsed.received,
    )


def _verify_birth(parsed: Parsed, birth: Birth, identity: VerifiedIdentity) -> VerifiedBirth | Rejection:
    if birth.box != identity.id:
        return _foreign(parsed)
    if birth.site.id != identity.site:
        return _reject(parsed, Reason.FOREIGN_SITE, birth.site.id)
    return VerifiedBirth(birth=birth, identity=identity, received=parsed.received)


def _foreign(parsed: Parsed) -> Rejection:
    return _reject(parsed, Reason.FOREIGN_BOX)


def _reject(parsed: Parsed, reason: Reason, detail: str = "") -> Rejection:
    return Rejection(reason=reason, claimed_box=parsed.box, received=parsed.received, detail=detail)
