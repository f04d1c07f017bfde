"""What the authority issues, what it refuses, and how its files stand on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from protocol.certificates import CertificateError, CertificateFault, Issuer, Role, Trust
from provisioning import command
from provisioning.authority import Authority
from provisioning.issuing import Credential, IssueRefusedError
from provisioning.keeping import KeepingError, load_authority, load_certificate, save_authority, write_whole
from tests.clock import Clock


@pytest.fixture
def authority(clock: Clock) -> Authority:
    """A new authority."""
    return Authority.create(now=clock.now())


def chain_of(authority: Authority, credential: Credential) -> list[bytes]:
    """The chain in DER as a birth carries it."""
    return [certificate.public_bytes(Encoding.DER) for certificate in authority.chain(credential.certificate)]


def trust_of(authority: Authority) -> Trust:
    """What a collector trusts."""
    return Trust(authority.root.certificate, authority.crls.values())


@pytest.mark.parametrize(
    ("role", "identity", "site"),
    [
        (Role.BOX, "0755-031-a", "0755-031"),
        (Role.BOX, "1", "1"),
        (Role.BOX, "a" * 32, "b" * 32),
        (Role.COLLECTOR, "centre-1", None),
        (Role.BROKER, "broker-1", None),
    ],
)
def test_what_is_issued_is_recognised(
    authority: Authority, clock: Clock, role: Role, identity: str, site: str | None
) -> None:
    """A certificate is taken by the shared check for exactly the role, id and site it was issued for."""
    credential = authority.issue(role, identity, site=site, now=clock.now())
    found = trust_of(authority).identify(chain_of(authority, credential), clock.now(), role)
    assert (found.id, found.role, found.site) == (identity, role, site)


def test_a_boxes_certificate_is_for_clients_only(authority: Authority, clock: Clock) -> None:
    """The library's own verifier takes a box as a client and refuses it as a server."""
    box = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=clock.now())
    leaf, *others = authority.chain(box.certificate)
    builder = PolicyBuilder().store(Store([authority.root.certificate])).time(clock.now())
    assert builder.build_client_verifier().verify(leaf, others).subjects
    with pytest.raises(VerificationError):
        builder.build_server_verifier(x509.DNSName("0755-031-a")).verify(leaf, others)


@pytest.mark.parametrize("role", [Role.PERSON, Role.PROVISIONING])
def test_people_sign_documents_and_open_no_connection(authority: Authority, clock: Clock, role: Role) -> None:
    """A person's certificate has neither client nor server use."""
    person = authority.issue(role, "p-1", now=clock.now())
    usages = person.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [usage.dotted_string for usage in usages] == ["1.3.6.1.5.5.7.3.36"]


def test_issuers_make_no_further_issuers(authority: Authority) -> None:
    """Each issuer has path length 0, names itself by a URI, and the boxes' issuer is for client use only."""
    for issuer, credential in authority.issuers.items():
        extensions = credential.certificate.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"urn:branchwatch:issuer:{issuer}"]
    boxes = authority.issuers[Issuer.BOXES].certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(boxes.value) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_same_keys_serials_and_time_give_the_same_bytes(clock: Clock) -> None:
    """Vectors can be made again: nothing in a certificate comes from chance or from a clock of its own."""

    def keys() -> Iterator[ec.EllipticCurvePrivateKey]:
        for number in range(1, 100):
            yield ec.derive_private_key(number, ec.SECP256R1())

    def make() -> list[bytes]:
        key, serial = keys(), iter(range(1, 100))
        authority = Authority.create(now=clock.now(), key=lambda: next(key), serial=lambda: next(serial))
        box = authority.issue(
            Role.BOX,
            "0755-031-a",
            site="0755-031",
            now=clock.now(),
            key=lambda: next(key),
            serial=lambda: next(serial),
        )
        crls = [crl.public_bytes(Encoding.DER) for crl in authority.crls.values()]
        return [*chain_of(authority, box), authority.root.certificate.public_bytes(Encoding.DER), *crls]

    assert make() == make()


@pytest.mark.parametrize(
    ("role", "identity", "site", "hosts", "reason"),
    [
        (Role.BOX, "0755-031-A", "0755-031", (), "no id"),
        (Role.BOX, "a" * 33, "0755-031", (), "no id"),
        (Role.BOX, "+", "0755-031", (), "no id"),
        (Role.BOX, "0755-031-a", "0755/031", (), "no site id"),
        (Role.BOX, "0755-031-a", None, (), "needs its site"),
        (Role.BOX, "centre-1", "0755-031", (), "begin with"),
        (Role.BROKER, "centre-1", None, (), "begin with"),
        (Role.PERSON, "centre-1", None, (), "begin with"),
        (Role.COLLECTOR, "collector-1", None, (), "begin with"),
        (Role.COLLECTOR, "centre-1", "0755-031", (), "no site"),
        (Role.BOX, "0755-031-a", "0755-031", ("example.test",), "host name"),
    ],
)
def test_a_wrong_name_is_refused(
    authority: Authority, clock: Clock, role: Role, identity: str, site: str | None, hosts: tuple[str, ...], reason: str
) -> None:
    """No certificate with a name that is no id, that belongs to another role, or without the site it needs."""
    with pytest.raises(IssueRefusedError, match=reason):
        authority.issue(role, identity, site=site, hosts=hosts, now=clock.now())


def test_another_curve_is_refused(authority: Authority, clock: Clock) -> None:
    """Keys are P-256 and nothing else."""
    with pytest.raises(IssueRefusedError, match="P-256"):
        authority.issue(
            Role.COLLECTOR, "centre-1", now=clock.now(), key=lambda: ec.generate_private_key(ec.SECP384R1())
        )


def test_a_leaf_never_outlives_its_issuer(authority: Authority, clock: Clock) -> None:
    """A box enrolled late in its issuer's life gets a shorter certificate, not one that is longer than its issuer's."""
    late = clock.advance(timedelta(days=9 * 365))
    box = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=late)
    assert box.certificate.not_valid_after_utc == authority.issuers[Issuer.BOXES].certificate.not_valid_after_utc


def test_a_revoked_certificate_is_refused_and_its_neighbour_is_not(authority: Authority, clock: Clock) -> None:
    """Revocation names one serial number of one issuer, in a list that holds for seven days and counts upward."""
    box = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=clock.now())
    other = authority.issue(Role.BOX, "0755-032-a", site="0755-032", now=clock.now())
    revoked = authority.revoke(box.certificate, now=clock.now())
    with pytest.raises(CertificateError) as refusal:
        trust_of(revoked).identify(chain_of(authority, box), clock.now(), Role.BOX)
    assert refusal.value.fault is CertificateFault.REVOKED
    assert trust_of(revoked).identify(chain_of(authority, other), clock.now(), Role.BOX).id == "0755-032-a"
    crl = revoked.crls[Issuer.BOXES]
    assert crl.next_update_utc == clock.now() + timedelta(days=7)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    assert revoked.revoke(box.certificate, now=clock.now()) is revoked


def test_renewed_lists_keep_what_they_name(authority: Authority, clock: Clock) -> None:
    """A renewed list has a new date and forgets nobody."""
    box = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=clock.now())
    revoked = authority.revoke(box.certificate, now=clock.now())
    later = clock.advance(timedelta(days=6))
    crl = revoked.renew_crls(now=later).crls[Issuer.BOXES]
    assert crl.next_update_utc == later + timedelta(days=7)
    assert crl.get_revoked_certificate_by_serial_number(box.certificate.serial_number) is not None


def test_anothers_certificate_is_not_ours_to_revoke(authority: Authority, clock: Clock) -> None:
    """An authority of the same name does not take back what it did not issue."""
    stranger = Authority.create(now=clock.now()).issue(Role.COLLECTOR, "centre-1", now=clock.now())
    with pytest.raises(IssueRefusedError, match="not issued by this authority"):
        authority.revoke(stranger.certificate, now=clock.now())


def test_a_saved_authority_comes_back_whole_and_private(authority: Authority, tmp_path: Path) -> None:
    """Saved and loaded it is the same; keys are readable by their owner only; nothing unfinished lies about."""
    folder = tmp_path / "ca"
    save_authority(authority, folder)
    loaded = load_authority(folder)
    assert loaded.root.certificate == authority.root.certificate
    assert {issuer: crl.tbs_certlist_bytes for issuer, crl in loaded.crls.items()} == {
        issuer: crl.tbs_certlist_bytes for issuer, crl in authority.crls.items()
    }
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.key")} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_an_authority_is_never_overwritten(authority: Authority, clock: Clock, tmp_path: Path) -> None:
    """Every certificate of a fleet hangs on the root, so a second `new` in the same folder is refused."""
    save_authority(authority, tmp_path / "ca")
    with pytest.raises(KeepingError, match="already holds an authority"):
        save_authority(Authority.create(now=clock.now()), tmp_path / "ca")
    assert load_authority(tmp_path / "ca").root.certificate == authority.root.certificate


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("boxes/boxes.key", b"nonsense", "no private key"),
        ("boxes/boxes.pem", b"nonsense", "no certificate"),
        ("centre.crl", b"nonsense", "no revocation list"),
        ("centre.crl", None, "cannot be read"),
    ],
)
def test_a_damaged_file_is_named(
    authority: Authority, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    """A missing or damaged file of an authority is named in the refusal."""
    save_authority(authority, tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(KeepingError, match=f"{name}.*{reason}"):
        load_authority(tmp_path)


def test_a_key_of_another_certificate_is_found(authority: Authority, tmp_path: Path) -> None:
    """Keys swapped between two issuers are found when the authority is loaded, not when a box is refused."""
    save_authority(authority, tmp_path)
    write_whole(tmp_path / "boxes" / "boxes.key", (tmp_path / "centre.key").read_bytes(), 0o600)
    with pytest.raises(KeepingError, match="does not belong"):
        load_authority(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A write that fails changes nothing and leaves no temporary file."""
    target = tmp_path / "root.pem"
    target.mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(OSError, match=r"root\.pem"):
        write_whole(target, b"new", 0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["root.pem"]


def test_the_commands_make_issue_and_revoke(tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """The three commands of an installer's day leave files that the shared check takes, then refuses."""
    ca, kit = str(tmp_path / "ca"), str(tmp_path / "kit")
    assert command.main(["authority", "new", "--no-passphrase", "--dir", ca]) == 0
    assert command.main(["issue", "box", "0755-031-a", "0755-032-a", "--dir", ca, "--out", kit]) == 0
    text = (tmp_path / "kit" / "0755-032-a.pem").read_bytes()
    chain = [part.public_bytes(Encoding.DER) for part in x509.load_pem_x509_certificates(text)]
    now = load_certificate(tmp_path / "kit" / "0755-032-a.pem").not_valid_before_utc + timedelta(hours=1)
    assert trust_of(load_authority(tmp_path / "ca")).identify(chain, now, Role.BOX).site == "0755-032"
    assert command.main(["revoke", f"{kit}/0755-032-a.pem", "--dir", ca]) == 0
    with pytest.raises(CertificateError):
        trust_of(load_authority(tmp_path / "ca")).identify(chain, now, Role.BOX)
    assert "0755-032-a" in capsys.readouterr().out


def test_a_key_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Issuing again into the same folder would destroy the key that a box already works with (WIRE 1.4)."""
    ca, kit = str(tmp_path / "ca"), str(tmp_path / "kit")
    command.main(["authority", "new", "--no-passphrase", "--dir", ca])
    issue = ["issue", "box", "0755-031-a", "--dir", ca, "--out", kit]
    assert command.main(issue) == 0
    key = (tmp_path / "kit" / "0755-031-a.key").read_bytes()
    assert command.main(issue) == 2
    assert (tmp_path / "kit" / "0755-031-a.key").read_bytes() == key
    assert "already holds a key of 0755-031-a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["issue", "box", "0755-031-a", "--dir", "{}/none", "--out", "{}/kit"], "provision authority new"),
        (["revoke", "{}/none.pem", "--dir", "{}/ca"], "none.pem"),
        (["issue", "box", "UPPER-a", "--dir", "{}/ca", "--out", "{}/kit"], "no id"),
        (["authority", "new", "--no-passphrase", "--dir", "{}/ca"], "already holds"),
        (["issue", "broker", "b", "--host", "主机", "--dir", "{}/ca", "--out", "{}/kit"], "no host name"),
        (["issue", "broker", "b", "--host", "two words", "--dir", "{}/ca", "--out", "{}/kit"], "no host name"),
    ],
)
def test_wrong_input_gets_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """Wrong input ends with exit code 2 and one sentence that names the place and the next step."""
    command.main(["authority", "new", "--no-passphrase", "--dir", str(tmp_path / "ca")])
    assert command.main([word.format(tmp_path) for word in arguments]) == 2
    assert sentence in capsys.readouterr().err
