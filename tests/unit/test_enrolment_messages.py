"""Bodies of enrolment and renewal: each proves itself, and what is changed, swapped or foreign is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol.certificates import CertificateError, CertificateFault, Issuer, Role
from protocol.enrolment import (
    EnrolmentError,
    EnrolRequest,
    RecordAct,
    hash_of_secret,
    issued_in,
    key_kid,
    open_enrol,
    open_renew,
    seal_enrol,
    seal_renew,
    texts_of,
)
from protocol.envelope import EnvelopeType, Sealer
from protocol.timestamps import format_time
from provisioning.authority import Authority, new_key
from tests.ledgers import NOW, PaperBox, trust_of

SECRET = b"0123456789"
KEY, SEALING = new_key(), new_key()


def csr_of(key: ec.EllipticCurvePrivateKey, name: str = "0755-031-a") -> bytes:
    """A certificate signing request."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def body(
    key: ec.EllipticCurvePrivateKey = KEY,
    csr: bytes | None = None,
    kid: str | None = None,
    secret: bytes = SECRET,
    sealing: ec.EllipticCurvePrivateKey = SEALING,
) -> bytes:
    """A box's body, or one that is wrong in one place."""
    return seal_enrol(
        sealer=Sealer(key, kid or key_kid(key.public_key())),
        site="0755-031",
        box="0755-031-a",
        secret=secret,
        csr=csr or csr_of(key),
        sealing_key=sealing.public_key(),
        machine="0123456789abcdef",
    )


def test_an_enrolment_proves_its_key() -> None:
    """Key, sealing key, names and the hash of the secret come out; the secret itself does not."""
    proven = open_enrol(body())
    assert proven.key == KEY.public_key()
    assert proven.sealing_key == SEALING.public_key()
    assert (proven.request.box, proven.request.site) == ("0755-031-a", "0755-031")
    assert proven.secret_hash == hash_of_secret(SECRET)
    assert proven.request.secret not in repr(proven)


def test_a_key_that_the_sender_does_not_hold_is_refused() -> None:
    """Somebody else's request in one's own envelope, and one's own request under somebody else's name."""
    stranger = new_key()
    for wrong in (
        body(stranger, csr=csr_of(KEY)),
        body(stranger, csr=csr_of(KEY), kid=key_kid(KEY.public_key())),
        body(stranger, kid=key_kid(KEY.public_key())),
    ):
        with pytest.raises(EnrolmentError):
            open_enrol(wrong)


def test_a_request_with_a_bad_signature_is_refused() -> None:
    """The CSR, too, is proof; one changed byte ends it."""
    csr = csr_of(KEY)
    with pytest.raises(EnrolmentError):
        open_enrol(body(csr=csr[:-1] + bytes([csr[-1] ^ 1])))


def test_weak_requests_are_refused() -> None:
    """Another curve, one key for signing and sealing, a secret of another length."""
    other_curve = ec.generate_private_key(ec.SECP384R1())
    for wrong in (body(csr=csr_of(other_curve)), body(sealing=KEY), body(secret=b"123"), body(secret=b"")):
        with pytest.raises(EnrolmentError):
            open_enrol(wrong)


def test_no_other_envelope_is_taken_for_an_enrolment() -> None:
    """The same payload under another type, and a payload that is no enrolment."""
    sealer = Sealer(KEY, key_kid(KEY.public_key()))
    payload = msgspec.json.encode(
        {"v": 1, "site": "s", "box": "b", "secret": "x", "csr": "!", "sealing_key": "", "machine": ""}
    )
    for wrong in (sealer.seal(EnvelopeType.EVENTS, payload), sealer.seal(EnvelopeType.ENROL, payload), b"", b"a.b.c"):
        with pytest.raises(EnrolmentError):
            open_enrol(wrong)


def test_a_request_does_not_show_its_secret() -> None:
    """Whatever logs it shows names only."""
    request = EnrolRequest(v=1, site="s", box="b", secret="AAECAwQFBgcICQ", csr="", sealing_key="")
    assert request.secret not in repr(request)
    assert request.secret not in str(request)


AUTHORITY = Authority.create(now=NOW)


def renewal(box: PaperBox, name: str | None = None) -> bytes:
    """What a box sends."""
    return seal_renew(sealer=box.sealer, box=name or box.id, chain=box.chain, at=format_time(NOW))


def test_a_renewal_proves_its_certificate() -> None:
    """In time and after its end; whether it is granted is decided elsewhere."""
    box = PaperBox(AUTHORITY)
    for now in (NOW, NOW + timedelta(days=3 * 365)):
        assert open_renew(renewal(box), trust_of(AUTHORITY), now).identity.id == box.id


def test_a_renewal_for_another_is_refused() -> None:
    """Another box's name, another box's chain, another authority, a collector's certificate."""
    box, other = PaperBox(AUTHORITY), PaperBox(AUTHORITY, id="0755-032-a", site="0755-032")
    stolen = replace(other)
    stolen.credential, stolen.chain = box.credential, other.chain
    foreign = PaperBox(Authority.create(now=NOW))
    centre = PaperBox(AUTHORITY, id="centre-1", site="centre-1", role=Role.COLLECTOR)
    for wrong in (
        renewal(box, "0755-032-a"),
        seal_renew(sealer=box.sealer, box=other.id, chain=other.chain, at=format_time(NOW)),
        renewal(foreign),
        renewal(centre),
    ):
        with pytest.raises((EnrolmentError, CertificateError)):
            open_renew(wrong, trust_of(AUTHORITY), NOW)


def test_a_revoked_certificate_is_told_as_such() -> None:
    """The refusal must say so, because what follows is another box id."""
    box = PaperBox(AUTHORITY)
    revoked = AUTHORITY.revoke(box.credential.certificate, now=NOW)
    with pytest.raises(CertificateError) as caught:
        open_renew(renewal(box), trust_of(revoked), NOW)
    assert caught.value.fault is CertificateFault.REVOKED


def test_the_records_words_are_the_provisionings() -> None:
    """The centre reads lines that provisioning writes; both must mean the same acts."""
    from provisioning.record import Act

    assert {act.value for act in RecordAct} <= {act.value for act in Act}


def test_an_answer_plants_no_issuer_for_the_next_renewal() -> None:
    """An intruder on the enrolment machine puts his own certificate beside the issuer's: the box keeps neither.

    The second certificate of the stored chain is what the box believes at its next renewal.
    """
    authority, stranger = Authority.create(now=NOW), Authority.create(now=NOW)
    box = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW)
    leaf, issuer = (each.public_bytes(Encoding.DER) for each in authority.chain(box.certificate))
    planted = stranger.issuers[Issuer.BOXES].certificate.public_bytes(Encoding.DER)
    trust = trust_of(authority)
    assert issued_in(texts_of([leaf, issuer]), trust, NOW).chain == (leaf, issuer)
    for chain in ([leaf, planted, issuer], [leaf, issuer, planted], [leaf, leaf, issuer]):
        with pytest.raises(EnrolmentError, match="chain"):
            issued_in(texts_of(chain), trust, NOW)
