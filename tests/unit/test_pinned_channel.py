"""Who may be spoken to at enrolment: only who holds the boxes' issuing key, whatever else is shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import CertificateError, Issuer, Role
from protocol.pinned_channel import ChannelError, ChannelFault, check_channel, issuer_pin, pin_of
from provisioning.authority import Authority, new_key
from provisioning.enrolment.channel import channel_certificate
from provisioning.issuing import Credential
from tests.ledgers import NOW, trust_of

AUTHORITY = Authority.create(now=NOW)
OTHER = Authority.create(now=NOW)
BOXES = AUTHORITY.issuers[Issuer.BOXES]
PIN = pin_of(BOXES.certificate)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _server(issuer: Credential = BOXES) -> x509.Certificate:
    return channel_certificate(new_key().public_key(), issuer=issuer, serial=7, now=NOW)


def _fault(leaf: bytes, issuer: bytes, pin: bytes = PIN, after: timedelta = timedelta(0)) -> ChannelFault:
    with pytest.raises(ChannelError) as caught:
        check_channel(leaf, issuer, pin, NOW + after)
    return caught.value.fault


@pytest.mark.parametrize("pin", [PIN, PIN[:16]], ids=["full", "128 bits"])
def test_the_enrolment_is_recognised(pin: bytes) -> None:
    """By the pin of a code and by the full one that a box and a centre know."""
    found = check_channel(_der(_server()), _der(BOXES.certificate), pin, NOW)
    assert found.issuer == BOXES.certificate
    assert found.begins <= NOW


def test_a_man_in_the_middle_has_no_way() -> None:
    """Another issuer; the true issuer's certificate with a leaf of another; a leaf that only bears its name."""
    theirs = OTHER.issuers[Issuer.BOXES]
    assert _fault(_der(_server(theirs)), _der(theirs.certificate)) is ChannelFault.OTHER_ISSUER
    assert _fault(_der(_server(theirs)), _der(BOXES.certificate)) is ChannelFault.NOT_SIGNED
    same_name = Credential(certificate=BOXES.certificate, private_key=new_key())
    assert _fault(_der(_server(same_name)), _der(BOXES.certificate)) is ChannelFault.NOT_SIGNED
    another = AUTHORITY.issuers[Issuer.CENTRE]
    assert _fault(_der(_server(another)), _der(another.certificate)) is ChannelFault.OTHER_ISSUER


def test_a_stolen_box_cannot_pose_as_the_enrolment() -> None:
    """A box's own certificate comes from the pinned issuer too; it is for clients only."""
    box = AUTHORITY.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW).certificate
    assert _fault(_der(box), _der(BOXES.certificate)) is ChannelFault.WRONG_USE


def test_the_servers_certificate_makes_no_box() -> None:
    """It names no role: the centre takes nothing that its key seals, and a box's verifier refuses its use."""
    with pytest.raises(CertificateError):
        trust_of(AUTHORITY).identify([_der(_server()), _der(BOXES.certificate)], NOW, *Role)


def test_a_broker_is_not_the_enrolment() -> None:
    """It is for servers, but of the centre's issuer; so is the centre's issuer itself."""
    broker = AUTHORITY.issue(Role.BROKER, "broker-1", now=NOW).certificate
    assert _fault(_der(broker), _der(BOXES.certificate)) is ChannelFault.NOT_SIGNED


def test_an_old_server_certificate_is_refused() -> None:
    """After two days a stolen key of the server is worth nothing."""
    leaf, issuer = _der(_server()), _der(BOXES.certificate)
    assert _fault(leaf, issuer, after=timedelta(days=2, seconds=1)) is ChannelFault.ENDED
    assert _fault(leaf, issuer, after=-timedelta(days=900)) is ChannelFault.NOT_YET_VALID


def test_a_box_whose_clock_is_years_behind_still_finds_the_enrolment() -> None:
    """Out of its carton it may believe any year; it learns that it is not earlier than the certificate's begin."""
    early = NOW - timedelta(days=900)
    found = check_channel(_der(_server()), _der(BOXES.certificate), PIN, early, slow_clock_ok=True)
    assert found.begins > early


def test_a_certificate_for_two_uses_is_refused() -> None:
    """Only what was made for this one purpose counts."""
    builder = (
        x509.CertificateBuilder(
            subject_name=BOXES.certificate.subject,
            issuer_name=BOXES.certificate.subject,
            public_key=new_key().public_key(),
            serial_number=9,
        )
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    uses = x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH, x509.OID_CLIENT_AUTH])
    both = builder.add_extension(uses, critical=False).sign(BOXES.private_key, hashes.SHA256())
    assert _fault(_der(both), _der(BOXES.certificate)) is ChannelFault.WRONG_USE
    none = builder.sign(BOXES.private_key, hashes.SHA256())
    assert _fault(_der(none), _der(BOXES.certificate)) is ChannelFault.MALFORMED


@pytest.mark.parametrize("junk", [b"", b"\x30\x03\x02\x01\x01", b"x" * 9000])
def test_junk_is_told_as_such(junk: bytes) -> None:
    """Whatever a peer shows, the answer is a fault of the channel and nothing else."""
    assert _fault(junk, _der(BOXES.certificate)) is ChannelFault.MALFORMED
    assert _fault(_der(_server()), junk) is ChannelFault.MALFORMED


def test_a_pin_of_any_other_length_is_our_own_mistake() -> None:
    """An empty pin would let everybody in."""
    for pin in (b"", PIN[:8]):
        with pytest.raises(ValueError, match="16 or 32"):
            check_channel(_der(_server()), _der(BOXES.certificate), pin, NOW)


def test_whoever_knows_the_root_can_make_the_pin() -> None:
    """The centre has no code: the root says which certificate is the issuer of boxes."""
    root = AUTHORITY.root.certificate
    assert issuer_pin(_der(BOXES.certificate), root, NOW) == PIN
    foreign = [OTHER.issuers[Issuer.BOXES].certificate, AUTHORITY.issuers[Issuer.CENTRE].certificate, root, _server()]
    for certificate in foreign:
        with pytest.raises(ChannelError):
            issuer_pin(_der(certificate), root, NOW)
    with pytest.raises(ChannelError):
        issuer_pin(_der(BOXES.certificate), root, NOW + timedelta(days=365 * 30))
