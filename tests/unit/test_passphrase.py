"""Keys under a passphrase, and where a passphrase may come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protocol.certificates import Issuer, Role
from protocol.key_lock import SCRYPT_N, SCRYPT_P, SCRYPT_R, KeyLockError, is_locked, lock_key, unlock_key
from provisioning import command
from provisioning.authority import Authority
from provisioning.keeping import KeepingError, load_authority, load_issuer, save_authority
from provisioning.passphrase import PassphraseError, new_passphrase, passphrase_from
from tests.clock import Clock

PHRASE = "correct horse battery 电池".encode()


def descriptor_of(content: bytes) -> int:
    """A descriptor from which `content` can be read, as a shell's `3< file` gives it."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


@pytest.fixture
def ca(tmp_path: Path, clock: Clock) -> Path:
    """The folder of an authority under PHRASE."""
    save_authority(Authority.create(now=clock.now()), tmp_path / "ca", PHRASE)
    return tmp_path / "ca"


def test_a_locked_key_opens_with_its_passphrase_only() -> None:
    """The library's own reader opens it; another passphrase, none, or a changed byte does not."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = lock_key(key, PHRASE, os.urandom)
    assert is_locked(pem)
    opened = load_pem_private_key(pem, PHRASE)
    assert isinstance(opened, ec.EllipticCurvePrivateKey)
    assert opened.private_numbers() == key.private_numbers()
    assert unlock_key(pem, PHRASE).private_numbers() == key.private_numbers()
    for wrong in (PHRASE + b"x", b"", None):
        with pytest.raises(KeyLockError):
            unlock_key(pem, wrong)
    with pytest.raises(KeyLockError):
        unlock_key(pem[:200] + b"AAAA" + pem[204:], PHRASE)


def test_every_lock_is_another() -> None:
    """The same key and passphrase twice share no salt, and a guess costs what OWASP asks of scrypt, or more."""
    key = ec.generate_private_key(ec.SECP256R1())
    assert lock_key(key, PHRASE, os.urandom) != lock_key(key, PHRASE, os.urandom)
    assert SCRYPT_N * SCRYPT_R * SCRYPT_P >= 2**14 * 8 * 5


def test_what_lies_offline_is_locked_and_what_goes_online_stands_apart(ca: Path) -> None:
    """Root, centre and provisioning ask for the passphrase; the boxes' issuer stands in a folder of its own, 0600."""
    keys = {path.relative_to(ca).as_posix(): path for path in ca.rglob("*.key")}
    assert {name: is_locked(path.read_bytes()) for name, path in keys.items()} == {
        "root.key": True,
        "centre.key": True,
        "provisioning.key": True,
        "boxes/boxes.key": False,
    }
    assert {path.stat().st_mode & 0o777 for path in keys.values()} == {0o600}
    assert (ca / "boxes").stat().st_mode & 0o777 == 0o700
    assert (
        load_issuer(ca, Issuer.BOXES).private_key.public_key() == load_issuer(ca, Issuer.BOXES).certificate.public_key()
    )


def test_the_passphrase_is_asked_for_when_it_is_needed_and_once(ca: Path, clock: Clock) -> None:
    """Issuing a box needs none; a collector and a person need one asking together."""
    asked: list[int] = []

    def ask() -> bytes:
        asked.append(1)
        return PHRASE

    authority = load_authority(ca, ask)
    authority.issue(Role.BOX, "b-1", site="b", now=clock.now())
    assert not asked
    authority.issue(Role.COLLECTOR, "centre-1", now=clock.now())
    assert asked
    once = passphrase_from(descriptor_of(PHRASE + b"\n"), str)
    assert once() == once() == PHRASE


def test_the_root_may_be_elsewhere(ca: Path, clock: Clock) -> None:
    """With root.key away on its stick everything but new issuers goes on; asked for, its absence is said."""
    (ca / "root.key").unlink()
    authority = load_authority(ca, lambda: PHRASE)
    assert len(authority.chain(authority.issue(Role.BROKER, "broker-1", now=clock.now()).certificate)) == 2
    with pytest.raises(KeepingError, match=r"root\.key cannot be read"):
        _ = authority.root.private_key


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["issue", "collector", "centre-1", "--out", "{}/kit"], "does not open"),
        (["crl"], "does not open"),
        (["broker", "nats", "--listen", "127.0.0.1:8883", "--out", "{}/kit"], "does not open"),
    ],
)
def test_a_wrong_passphrase_changes_nothing(
    ca: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    """One sentence, exit code 2, the same bytes in the folder as before, nothing outside."""
    before = {path: path.read_bytes() for path in ca.rglob("*") if path.is_file()}
    wrong = descriptor_of(b"wrong wrong wrong\n")
    said = [word.format(tmp_path) for word in words]
    assert command.main([*said, "--dir", str(ca), "--passphrase-fd", str(wrong)]) == 2
    os.close(wrong)
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1
    assert "wrong wrong" not in error
    assert {path: path.read_bytes() for path in ca.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "kit").exists()


def test_a_damaged_locked_key_is_named(ca: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stick's bad sector: the file is named, nothing is issued, no part of the key is shown."""
    damaged = (ca / "centre.key").read_bytes()[:-60]
    (ca / "centre.key").write_bytes(damaged)
    right = descriptor_of(PHRASE)
    words = ["issue", "collector", "centre-1", "--dir", str(ca), "--out", str(tmp_path / "kit")]
    assert command.main([*words, "--passphrase-fd", str(right)]) == 2
    os.close(right)
    error = capsys.readouterr().err
    assert "centre.key" in error
    assert not any(line in error for line in damaged.decode().splitlines())
    assert not (tmp_path / "kit").exists()


def test_a_swapped_locked_key_is_found(ca: Path, clock: Clock) -> None:
    """Right passphrase, wrong file: the key does not fit its certificate, and nothing is signed with it."""
    (ca / "centre.key").write_bytes((ca / "provisioning.key").read_bytes())
    with pytest.raises(KeepingError, match="does not belong"):
        load_authority(ca, lambda: PHRASE).issue(Role.COLLECTOR, "centre-1", now=clock.now())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "shorter than 12"),
        (b"short\n", "shorter than 12"),
        ("电池电池电池".encode(), "shorter than 12"),
        (b"x" * 2000, "longer than 1024"),
        (b"\xff" * 20, "no UTF-8"),
    ],
)
def test_a_poor_passphrase_makes_no_authority(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    """Too short, too long, no text: one sentence, exit code 2, no folder."""
    given = descriptor_of(content)
    code = command.main(["authority", "new", "--dir", str(tmp_path / "ca"), "--passphrase-fd", str(given)])
    os.close(given)
    assert code == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "ca").exists()


def test_a_descriptor_that_is_none_is_said() -> None:
    """A number nobody opened."""
    with pytest.raises(PassphraseError, match="descriptor 987"):
        new_passphrase(987, str)


def test_one_passphrase_typed_on_two_keyboards_is_the_same() -> None:
    """Composed and decomposed characters (NFC, NFD) open the same key; a Windows line end is no part of it."""
    composed, decomposed = descriptor_of("café café café\r\n".encode()), descriptor_of("cafe\u0301 café café".encode())
    assert new_passphrase(composed, str) == passphrase_from(decomposed, str)()
    os.close(composed)
    os.close(decomposed)


def test_no_passphrase_only_when_said_and_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Open keys are for trials; the command says so where a person sees it."""
    assert command.main(["authority", "new", "--no-passphrase", "--dir", str(tmp_path / "ca")]) == 0
    assert "trials only" in capsys.readouterr().err
    assert not is_locked((tmp_path / "ca" / "root.key").read_bytes())


def test_no_word_takes_a_passphrase_as_an_argument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--passphrase` is no abbreviation of anything: process lists and histories show arguments."""
    with pytest.raises(SystemExit) as left:
        command.main(["crl", "--dir", str(tmp_path), "--passphrase", "3"])
    assert left.value.code == 2
    capsys.readouterr()


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are compared in English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C")
