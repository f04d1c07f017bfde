"""The box's own key and certificate: what is wrong is said in one sentence with the file, never with the key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.identity import (
    BoxIdentity,
    load_enrolled_identity,
    load_identity,
    load_pins,
    renewed_identity,
)
from agent.identity_reading import IdentityError
from protocol.certificates import Role, kid_of
from protocol.envelope import EnvelopeType, open_envelope, read_envelope
from protocol.site.schema import Centre
from provisioning.authority import Authority
from provisioning.keeping import save_credential
from tests.ledgers import NOW

BOX, SITE = "0755-031-a", "0755-031"
ODD_KEY = """\
-----BEGIN EC PRIVATE KEY-----
MD4CAQEEDmLWgZ18T9oz9QiDBWBBoAcGBSuBBAAGoSADHgAEPbqMGW3F3MsSjfPw
/cnXtnjocPnHgl4ngoE4gQ==
-----END EC PRIVATE KEY-----
"""
"""A throw-away key on secp112r1, a curve that the library does not know."""


@pytest.fixture
def kit(tmp_path: Path) -> Callable[..., None]:
    """Write a credential into the folder, as an installer's kit does."""
    authority = Authority.create(now=NOW)

    def write(identity: str, role: Role = Role.BOX, site: str | None = SITE, by: Authority = authority) -> None:
        credential = by.issue(role, identity, site=site, now=NOW)
        save_credential(
            credential,
            name=identity,
            chain=by.chain(credential.certificate),
            root=authority.root.certificate,
            folder=tmp_path,
        )

    write(BOX)
    return write


def centre(certificate: str = f"{BOX}.pem", key: str = f"{BOX}.key", box: str = BOX) -> Centre:
    """`[centre]` of a site file beside the kit."""
    return Centre(box=box, brokers=("b:8883",), ca="root.pem", certificate=certificate, key=key, trust="root.pem")


def load(folder: Path, settings: Centre, site: str = SITE) -> BoxIdentity:
    """Load at the time of issue."""
    return load_identity(settings, site, folder, NOW)


@pytest.mark.usefixtures("kit")
def test_a_sound_kit_is_an_identity_that_seals(tmp_path: Path) -> None:
    """Relative paths start at the site file; what is sealed opens with the certificate's key."""
    identity = load(tmp_path, centre())
    assert (identity.box, identity.site, len(identity.chain)) == (BOX, SITE, 2)
    sealed = read_envelope(identity.sealer.seal(EnvelopeType.BEAT, b"x"), 10_000)
    from cryptography import x509

    public_key = x509.load_der_x509_certificate(identity.chain[0]).public_key()
    assert open_envelope(sealed, public_key, EnvelopeType.BEAT).payload == b"x"  # type: ignore[arg-type]
    assert identity.concern(NOW) is None


def test_every_fault_names_its_file_and_no_key(tmp_path: Path, kit: Callable[..., None]) -> None:
    """Missing, open to others, damaged, of another box, site, role or root: one sentence each."""
    kit("0755-032-a", site="0755-032")
    kit("centre-1", Role.COLLECTOR, None)
    kit("0755-033-a", by=Authority.create(now=NOW), site="0755-033")
    secret = (tmp_path / f"{BOX}.key").read_text().splitlines()[1]
    (tmp_path / "broken.key").write_text(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")
    (tmp_path / "broken.key").chmod(0o600)
    (tmp_path / "odd.key").write_text(ODD_KEY)
    (tmp_path / "odd.key").chmod(0o600)
    (tmp_path / "open.key").write_bytes((tmp_path / f"{BOX}.key").read_bytes())
    (tmp_path / "open.key").chmod(0o640)
    faults = {
        "nothing.key cannot be read": (centre(key="nothing.key"), SITE),
        "open.key can be read by others (mode 640)": (centre(key="open.key"), SITE),
        "odd.key is no private key": (centre(key="odd.key"), SITE),
        "broken.key is no private key": (centre(key="broken.key"), SITE),
        "root.pem is no private key": (centre(key="root.pem"), SITE),
        f"{BOX}.key is no certificate": (centre(certificate=f"{BOX}.key"), SITE),
        "the certificate of 0755-032-a": (centre(certificate="0755-032-a.pem"), SITE),
        "for site 0755-031": (centre(), "0755-999"),
        "is not a box's certificate": (centre(certificate="centre-1.pem"), SITE),
        "does not come from the pinned root": (centre(certificate="0755-033-a.pem"), SITE),
        "0755-032-a.key does not belong": (centre(key="0755-032-a.key"), SITE),
        "holds only the root": (centre(certificate="root.pem"), SITE),
    }
    (tmp_path / "root.pem").chmod(0o600)
    for sentence, (settings, site) in faults.items():
        with pytest.raises(IdentityError) as caught:
            load(tmp_path, settings, site)
        assert sentence in str(caught.value)
        assert secret not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.usefixtures("kit")
def test_dates_are_a_concern_and_never_stop_the_guard(tmp_path: Path) -> None:
    """A dead clock battery or an ended certificate is told; the branch is guarded all the same."""
    for shift, words in ((-900, "before its certificate begins"), (900, "ended on"), (710, "ends on")):
        now = NOW + timedelta(days=shift)
        concern = load_identity(centre(), SITE, tmp_path, now).concern(now)
        assert concern is not None
        assert words in concern


@pytest.mark.usefixtures("kit")
def test_a_credential_from_systemd_may_show_an_access_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd shows its access list as rights of the group; elsewhere, or open to all, such a key is refused."""
    (tmp_path / f"{BOX}.key").chmod(0o440)
    with pytest.raises(IdentityError, match="mode 440"):
        load(tmp_path, centre())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "other"))
    with pytest.raises(IdentityError, match="mode 440"):
        load(tmp_path, centre())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load(tmp_path, centre()).box == BOX
    (tmp_path / f"{BOX}.key").chmod(0o444)
    with pytest.raises(IdentityError, match="mode 444"):
        load(tmp_path, centre())


def enrolled(state: Path) -> Path:
    """The kit's credential where enrolment puts it; returns `identity/`."""
    folder = state / "identity"
    folder.mkdir(exist_ok=True)
    for name, file in (("box.pem", f"{BOX}.pem"), ("signing.key", f"{BOX}.key"), ("root.pem", "root.pem")):
        (folder / name).write_bytes((state / file).read_bytes())
        (folder / name).chmod(0o600)
    (folder / "pins.json").write_text(f'["{"a" * 64}"]')
    return folder


@pytest.mark.usefixtures("kit")
def test_an_enrolled_box_is_known_by_its_certificate_alone(tmp_path: Path) -> None:
    """`agent run --state`: no site file names box or site; the kit's pins are those that the first bundle must bear."""
    enrolled(tmp_path)
    identity = load_enrolled_identity(tmp_path, NOW)
    assert (identity.box, identity.site, len(identity.chain)) == (BOX, SITE, 2)
    assert load_pins(tmp_path) == frozenset({"a" * 64})


@pytest.mark.usefixtures("kit")
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("box.pem", None, "is not enrolled; next step: branchwatch agent enrol"),
        ("signing.key", None, "signing.key cannot be read"),
        ("signing.key", b"", "is no private key"),
        ("root.pem", b"-----BEGIN", "root.pem is no certificate"),
        ("pins.json", None, "pins.json cannot be read"),
        ("pins.json", b"[]", "pins.json is damaged"),
        ("pins.json", b'["abc"]', "pins.json is damaged"),
        ("pins.json", b"{", "pins.json is damaged"),
        ("pins.json", b"x" * 70_000, "is larger than 64 KiB"),
    ],
)
def test_a_faulty_folder_of_an_enrolled_box_is_named(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    """One sentence with the file and what to do."""
    file = enrolled(tmp_path) / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    with pytest.raises(IdentityError) as caught:
        load_pins(tmp_path) if name == "pins.json" else load_enrolled_identity(tmp_path, NOW)
    assert sentence in str(caught.value)


def test_a_renewed_certificate_is_taken_up_and_nothing_else(tmp_path: Path) -> None:
    """The same key, box and site under a new certificate; a damaged, foreign or another key's file changes nothing."""
    authority, now = Authority.create(now=NOW), NOW + timedelta(hours=1)
    credential = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW)
    other = authority.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW)
    folder = tmp_path / "identity"
    save_credential(
        credential,
        name="box",
        chain=authority.chain(credential.certificate),
        root=authority.root.certificate,
        folder=folder,
    )
    (folder / "box.key").rename(folder / "signing.key")
    identity = load_enrolled_identity(tmp_path, now)
    assert renewed_identity(identity, now) is None
    fresh = authority.chain(authority.renew(credential.certificate, now=now))
    file = folder / "box.pem"
    whole = file.read_bytes()
    foreign = authority.chain(other.certificate)
    elsewhere = Authority.create(now=NOW)
    strange = elsewhere.chain(elsewhere.issue(Role.BOX, "0755-031-a", site="0755-031", now=NOW).certificate)
    for chain in (foreign, strange):
        file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
        with pytest.raises(IdentityError):
            renewed_identity(identity, now)
    for content in (b"", whole[:300]):
        file.write_bytes(content)
        with pytest.raises(IdentityError):
            renewed_identity(identity, now)
    file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in fresh))
    taken = renewed_identity(identity, now)
    assert taken is not None
    assert (taken.box, taken.site, taken.not_after) == ("0755-031-a", "0755-031", fresh[0].not_valid_after_utc)
    assert taken.sealer.kid == kid_of(fresh[0])
