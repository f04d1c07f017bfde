"""Who is who: certificates are believed for one id, one role, from the right issuer, in their time."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.certificates import CertificateError, CertificateFault, Issuer, Role, kid_of
from provisioning.authority import Authority
from provisioning.issuing import Credential
from tests.ledgers import NOW, der_chain, trust_of

AUTHORITY = Authority.create(now=NOW)
BOX = AUTHORITY.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW)


def _fault(authority: Authority, chain: tuple[bytes, ...], *, role: Role = Role.BOX, days: float = 0) -> str | None:
    try:
        trust_of(authority).identify(chain, NOW + timedelta(days=days), role)
    except CertificateError as error:
        return error.fault
    return None


CLIENT: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,)


def _rogue_leaf(
    signer: Credential,
    role: Role,
    usages: Iterable[x509.ObjectIdentifier] = CLIENT,
    also: Role | None = None,
    name: str = "centre-evil",
) -> x509.Certificate:
    """A certificate that an issuer's stolen key could make, whatever our own profiles allow."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.DNSName(name),
        x509.UniformResourceIdentifier(f"urn:branchwatch:role:{role}"),
        x509.UniformResourceIdentifier("urn:branchwatch:site:0755-031"),
        *([x509.UniformResourceIdentifier(f"urn:branchwatch:role:{also}")] if also else []),
    ]
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.certificate.public_key())  # type: ignore[arg-type]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(signer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(own, critical=False)
        .sign(signer.private_key, hashes.SHA256())
    )


def test_a_box_is_known_by_its_chain() -> None:
    """An honest chain gives id, role, site, key and `kid`."""
    found = trust_of(AUTHORITY).identify(der_chain(AUTHORITY, BOX.certificate), NOW, Role.BOX)
    assert (found.id, found.role, found.site) == ("0755-031-a", Role.BOX, "0755-031")
    assert found.kid == kid_of(BOX.certificate)
    assert not found.expired(NOW)


def test_another_banks_box_is_a_stranger() -> None:
    """A chain up to another root is untrusted."""
    other = Authority.create(now=NOW)
    stranger = other.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW)
    assert _fault(AUTHORITY, der_chain(other, stranger.certificate)) == CertificateFault.UNTRUSTED


def test_a_box_is_no_collector() -> None:
    """An honest box's certificate is refused where a collector's is asked for."""
    chain = der_chain(AUTHORITY, BOX.certificate)
    assert _fault(AUTHORITY, chain, role=Role.COLLECTOR) == CertificateFault.WRONG_ROLE


def test_a_stolen_box_issuer_makes_no_collectors() -> None:
    """A certificate of role collector signed by the boxes' issuing key is refused (WIRE 3.1)."""
    issuer = AUTHORITY.issuers[Issuer.BOXES]
    rogue = _rogue_leaf(issuer, Role.COLLECTOR)
    chain = (rogue.public_bytes(Encoding.DER), issuer.certificate.public_bytes(Encoding.DER))
    assert _fault(AUTHORITY, chain, role=Role.COLLECTOR) == CertificateFault.WRONG_ROLE


def test_a_stolen_box_issuer_makes_no_box_with_a_collectors_name() -> None:
    """Ids of collectors, and only these, begin with `centre-`: brokers give rights by name, the audit excuses by it."""
    issuer = AUTHORITY.issuers[Issuer.BOXES]
    rogue = _rogue_leaf(issuer, Role.BOX)
    chain = (rogue.public_bytes(Encoding.DER), issuer.certificate.public_bytes(Encoding.DER))
    assert _fault(AUTHORITY, chain) == CertificateFault.WRONG_NAME


def test_a_box_is_no_issuer() -> None:
    """A certificate signed by a box's own key is untrusted, the box's chain beside it or not."""
    rogue = _rogue_leaf(BOX, Role.BOX)
    chain = (rogue.public_bytes(Encoding.DER), *der_chain(AUTHORITY, BOX.certificate))
    assert _fault(AUTHORITY, chain) == CertificateFault.UNTRUSTED


def test_time_is_checked_and_an_ended_one_can_be_asked_for() -> None:
    """Before its time and after its end refused; with `expired_ok` an ended one is known and flagged (WIRE 2.5)."""
    chain = der_chain(AUTHORITY, BOX.certificate)
    late = BOX.certificate.not_valid_after_utc + timedelta(days=1)
    assert _fault(AUTHORITY, chain, days=-30) == CertificateFault.NOT_YET_VALID
    assert _fault(AUTHORITY, chain, days=(late - NOW).days + 1) == CertificateFault.EXPIRED
    found = trust_of(AUTHORITY).identify(chain, late, Role.BOX, expired_ok=True)
    assert found.expired(late)


def test_a_revoked_certificate_is_refused_even_when_ended() -> None:
    """The issuer's list counts whether or not the certificate's time is over."""
    revoked = AUTHORITY.revoke(BOX.certificate, now=NOW)
    chain = der_chain(AUTHORITY, BOX.certificate)
    assert _fault(revoked, chain) == CertificateFault.REVOKED
    with pytest.raises(CertificateError):
        trust_of(revoked).identify(chain, NOW + timedelta(days=4000), Role.BOX, expired_ok=True)


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x03abc",), (b"x" * 9000,), (b"\x30",) * 5])
def test_rubbish_is_malformed(chain: tuple[bytes, ...]) -> None:
    """Empty, oversized and broken chains are named as such."""
    assert _fault(AUTHORITY, chain) == CertificateFault.MALFORMED


@pytest.mark.parametrize("which", [0, 1], ids=["leaf", "issuer"])
def test_no_altered_byte_makes_anybody_else(which: int) -> None:
    """A chain comes from anybody: whatever byte of it is changed, it is refused, or still says the very same."""
    chain, trust = der_chain(AUTHORITY, BOX.certificate), trust_of(AUTHORITY)
    honest = trust.identify(chain, NOW, Role.BOX)
    for place in range(len(chain[which])):
        # A version that is none, an id of another type, a wrong length: the library meets some with errors of its own.
        for change in (0x01, 0x0F, 0xFF):
            altered = bytearray(chain[which])
            altered[place] ^= change
            changed = [*chain[:which], bytes(altered), *chain[which + 1 :]]
            try:
                found = trust.identify(changed, NOW, Role.BOX, expired_ok=True)
            except CertificateError:
                continue
            # The count of unused bits of a signature that ends in zeros (X.690 section 8.6) is nobody's to protect.
            assert (found.id, found.site, found.serial) == (honest.id, honest.site, honest.serial)
            assert found.public_key == honest.public_key


@pytest.mark.parametrize("role", [Role.PERSON, Role.PROVISIONING])
def test_people_and_provisioning_are_known_by_their_chains(role: Role) -> None:
    """Keys that sign documents are recognised for exactly their role, though they are for neither client nor server."""
    signer = AUTHORITY.issue(role, "p-1", now=NOW)
    chain = der_chain(AUTHORITY, signer.certificate)
    found = trust_of(AUTHORITY).identify(chain, NOW, role)
    assert (found.id, found.role, found.site) == ("p-1", role, None)
    others = [each for each in Role if each is not role]
    assert {_fault(AUTHORITY, chain, role=each) for each in others} == {CertificateFault.WRONG_ROLE}


@pytest.mark.parametrize("role", [Role.PERSON, Role.PROVISIONING])
def test_signers_are_subject_to_everything_else(role: Role) -> None:
    """Time, revocation and the root count for them as for boxes."""
    signer = AUTHORITY.issue(role, "p-1", now=NOW)
    chain = der_chain(AUTHORITY, signer.certificate)
    assert _fault(AUTHORITY, chain, role=role, days=3 * 365 + 1) == CertificateFault.EXPIRED
    assert _fault(AUTHORITY.revoke(signer.certificate, now=NOW), chain, role=role) == CertificateFault.REVOKED
    assert _fault(Authority.create(now=NOW), chain, role=role) == CertificateFault.UNTRUSTED


DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


@pytest.mark.parametrize(
    ("issuer", "usages", "fault"),
    [
        (Issuer.PROVISIONING, [DOCUMENTS], None),
        (Issuer.BOXES, [DOCUMENTS], CertificateFault.UNTRUSTED),
        (Issuer.CENTRE, [DOCUMENTS], CertificateFault.UNTRUSTED),
        (Issuer.BOXES, [ExtendedKeyUsageOID.CLIENT_AUTH], CertificateFault.UNTRUSTED),
        (Issuer.PROVISIONING, [ExtendedKeyUsageOID.CLIENT_AUTH], CertificateFault.UNTRUSTED),
        (Issuer.PROVISIONING, [DOCUMENTS, ExtendedKeyUsageOID.CLIENT_AUTH], CertificateFault.UNTRUSTED),
    ],
)
def test_only_the_provisioning_issuer_makes_signers(
    issuer: Issuer, usages: list[x509.ObjectIdentifier], fault: CertificateFault | None
) -> None:
    """A stolen boxes' or centre's key makes no officer, and a signer's certificate is for documents alone."""
    signer = AUTHORITY.issuers[issuer]
    rogue = _rogue_leaf(signer, Role.PERSON, usages, name="p-1")
    chain = (rogue.public_bytes(Encoding.DER), signer.certificate.public_bytes(Encoding.DER))
    assert _fault(AUTHORITY, chain, role=Role.PERSON) == fault


def test_an_issuer_for_documents_makes_no_boxes() -> None:
    """The provisioning issuer's key, stolen, makes nobody who connects; nor is a role believed beside another one."""
    signer = AUTHORITY.issuers[Issuer.PROVISIONING]
    for usages in ([DOCUMENTS], [ExtendedKeyUsageOID.CLIENT_AUTH]):
        rogue = _rogue_leaf(signer, Role.BOX, usages, name="b-1")
        chain = (rogue.public_bytes(Encoding.DER), signer.certificate.public_bytes(Encoding.DER))
        assert _fault(AUTHORITY, chain, role=Role.BOX) == CertificateFault.UNTRUSTED


def test_nobody_has_two_roles() -> None:
    """A certificate that says person and provisioning is neither."""
    signer = AUTHORITY.issuers[Issuer.PROVISIONING]
    rogue = _rogue_leaf(signer, Role.PERSON, [DOCUMENTS], also=Role.PROVISIONING, name="p-1")
    chain = (rogue.public_bytes(Encoding.DER), signer.certificate.public_bytes(Encoding.DER))
    for role in (Role.PERSON, Role.PROVISIONING):
        assert _fault(AUTHORITY, chain, role=role) == CertificateFault.WRONG_ROLE
