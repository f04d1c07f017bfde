"""The installer's kit: what is in it, what is signed, and that nothing spoilt passes."""

from __future__ import annotations

import json
import resource
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.certificates import Role, thumbprint
from protocol.documents import claimed_payload
from provisioning.kit.checking import KitRefusedError, check_kit
from provisioning.kit.manifest import BESIDE, MANIFEST, SUMS, read_manifest
from provisioning.kit.wheels import requirements
from provisioning.kit.writing import KitError, contents, room_kib, signed, write_kit
from tests.bundles import settings
from tests.kits import BOX, SITE, WAYS, Office, facts, paper_office, paper_wheel, spoil
from tests.ledgers import NOW


@pytest.fixture(scope="module")
def office() -> Office:
    """One authority for all tests; none changes it."""
    return paper_office(NOW)


@pytest.fixture
def kit(office: Office, tmp_path: Path) -> Path:
    """A kit on a stick."""
    return office.kit(tmp_path / "stick")


def test_a_kit_is_whole_where_it_is_trusted(office: Office, kit: Path) -> None:
    """A look at it names the box, the signer and his fingerprint."""
    checked = check_kit(kit, office.root, NOW)
    assert (checked.manifest.site, checked.manifest.box) == (SITE, BOX)
    assert (checked.signer.id, checked.fingerprint) == ("prov-1", office.signed_by)


def test_the_manifest_names_every_file_and_comes_last(office: Office) -> None:
    """Nothing lies on the stick that is not signed, and an unfinished kit has no manifest."""
    order = office.order()
    files = signed(order, contents(order, office.parts), office.signer())
    named = {file.path for file in read_manifest(claimed_payload(files[MANIFEST])).files}
    assert named | BESIDE == set(files)
    assert list(files)[-1] == MANIFEST


def test_a_kit_holds_no_secret(office: Office, kit: Path) -> None:
    """No private key, no code; secrets of the site are named only; the engineer reads the settings."""
    texts = [place.read_bytes() for place in kit.rglob("*") if place.is_file()]
    assert not [text for text in texts if b"PRIVATE" in text or b"branchwatch:enrol" in text]
    assert tomllib.loads((kit / "site.toml").read_text()) == settings()
    assert settings()["camera"][0]["login"] == {"secret": "cameras"}
    assert facts(kit) == {"v": 1, "site": SITE, "box": BOX, "at": "192.0.2.7:8443"}
    pins = json.loads((kit / "pins.json").read_text())
    assert pins == [thumbprint(key.private_key.public_key()) for key in office.keys]


def test_a_code_is_on_the_stick_only_if_it_was_asked_for(office: Office, tmp_path: Path) -> None:
    """Its file is its owner's alone, and the manifest covers it."""
    kit = office.kit(tmp_path, code=b"branchwatch:enrol?v=1\n")
    assert (kit / "code.txt").stat().st_mode & 0o077 == 0
    check_kit(kit, office.root, NOW)


def test_openssl_and_sha256sum_say_the_same(office: Office, kit: Path) -> None:
    """The signature in DER is that of the manifest, over the very bytes that a JWS signs."""
    manifest = json.loads((kit / MANIFEST).read_text())
    signing_input = f"{manifest['signatures'][0]['protected']}.{manifest['payload']}".encode()
    key = office.keys[0].private_key.public_key()
    key.verify((kit / "manifest.sig.der").read_bytes(), signing_input, ECDSA(SHA256()))
    done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=kit, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_spoilt_kit_is_refused_and_what_is_wrong_is_named(office: Office, kit: Path, way: str) -> None:
    """One byte, one file too few or too many, a link: the answer is no, and the file stands in it."""
    path = spoil(kit, way)
    with pytest.raises(KitRefusedError) as refused:
        check_kit(kit, office.root, NOW)
    spoke_of = path if path != MANIFEST and "sum" not in way else ""
    assert spoke_of in str(refused.value)
    assert refused.value.code == 1


def test_everything_that_is_wrong_is_told_at_once(office: Office, kit: Path) -> None:
    """Who mends a stick does not come back for each file."""
    for way in ("changed enrol.json", "missing site.toml", "an extra file"):
        spoil(kit, way)
    with pytest.raises(KitRefusedError) as refused:
        check_kit(kit, office.root, NOW)
    assert all(name in str(refused.value) for name in ("enrol.json", "site.toml", "extra.txt"))


def test_a_kit_of_another_root_is_refused(office: Office, tmp_path: Path) -> None:
    """Whoever makes himself an authority makes no kit of ours; nor does he pass with our root beside his signature."""
    stranger = paper_office(NOW)
    with pytest.raises(KitRefusedError, match="does not come from this root"):
        check_kit(stranger.kit(tmp_path / "his"), office.root, NOW)
    with pytest.raises(KitRefusedError, match="does not come from this root"):
        check_kit(stranger.kit(tmp_path / "ours", root=office.root), office.root, NOW)
    with pytest.raises(KitRefusedError, match=r"root\.pem is another root"):
        check_kit(office.kit(tmp_path / "mixed", root=stranger.root), office.root, NOW)


@pytest.mark.parametrize("role", [Role.PERSON, Role.BOX, Role.COLLECTOR])
def test_only_a_provisioning_key_signs_kits(office: Office, tmp_path: Path, role: Role) -> None:
    """The boxes' issuer stands online: what it makes may not sign software for boxes."""
    name = "centre-1" if role is Role.COLLECTOR else "0755-031-a"
    key = office.authority.issue(role, name, site=SITE if role is Role.BOX else None, now=NOW)
    with pytest.raises(KitRefusedError, match="its certificate"):
        check_kit(office.kit(tmp_path, signer=office.signer(key)), office.root, NOW)


def test_a_key_that_the_kit_does_not_pin_does_not_sign_it(office: Office, tmp_path: Path) -> None:
    """A box would take this kit and then obey nobody who signed it."""
    kit = office.kit(tmp_path, pins=[thumbprint(office.keys[1].private_key.public_key())])
    with pytest.raises(KitRefusedError, match=r"pins\.json"):
        check_kit(kit, office.root, NOW)


def test_a_kit_ends_with_its_signer(office: Office, kit: Path) -> None:
    """After the signer's certificate nothing is installed from it."""
    late = office.keys[0].certificate.not_valid_after_utc + timedelta(days=1)
    with pytest.raises(KitRefusedError, match="its certificate has ended"):
        check_kit(kit, office.root, late)


def test_a_kit_that_is_there_is_not_written_over(office: Office, kit: Path) -> None:
    """Neither this site's nor anything else of that name."""
    with pytest.raises(KitError, match="is there already"):
        office.kit(kit.parent)
    check_kit(kit, office.root, NOW)


@contextmanager
def small_files() -> Iterator[None]:
    """A disk that is full after the first 2,000 bytes of each file; no longer than for what is tried: our report too
    may be a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_stick_without_room_holds_no_half_kit(office: Office, tmp_path: Path) -> None:
    """One sentence, and the folder is as it was."""
    with small_files(), pytest.raises(KitError, match="cannot be written: File too large; there is no kit"):
        write_kit({"install.sh": b"x", "wheels/big.whl": b"x" * 4000}, tmp_path / "kit-1")
    assert list(tmp_path.iterdir()) == []


def test_requirements_name_each_wheel_with_its_hash(office: Office) -> None:
    """pip on the box takes these bytes and no others."""
    lines = requirements(office.wheels).decode().splitlines()[1:]
    assert lines == [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in office.wheels]


def test_room_is_asked_for_what_is_unpacked() -> None:
    """More than the wheels themselves take."""
    wheel = paper_wheel()
    assert room_kib([wheel] * 2) * 1024 > 2 * (len(wheel.content) + wheel.installed_bytes)
