"""A backup's file: what it is made of, and every way in which it may be wrong."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from collector.backup import crypt, manifest, tape
from collector.backup.checking import ContentError, check
from collector.backup.crypt import CryptError, CryptFault, Identity, new_identity
from collector.backup.manifest import Entry, Manifest, Part
from collector.backup.tape import Tape, TapeError
from protocol.certificates import Role, kid_of
from protocol.documents import Signer
from protocol.envelope import Sealer
from protocol.ledger import GENESIS
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.ledgers import NOW, der_chain

IDENTITY = new_identity()
AUTHORITY = Authority.create(now=NOW)


def locked(data: bytes, recipient: str = IDENTITY.recipient) -> bytes:
    """An age file of these bytes."""
    out = io.BytesIO()
    crypt.lock(io.BytesIO(data).read, lambda piece: _drop(out.write(piece)), [recipient])
    return out.getvalue()


def opened(data: bytes, identity: Identity = IDENTITY) -> bytes:
    """What an age file holds."""
    out = io.BytesIO()
    crypt.unlock(io.BytesIO(data).read, lambda piece: _drop(out.write(piece)), identity)
    return out.getvalue()


def _drop(_: object) -> None:
    return None


def signer(
    name: str = "centre-1", role: Role = Role.COLLECTOR, authority: Authority = AUTHORITY, site: str | None = None
) -> Signer:
    """A key of this authority."""
    credential = authority.issue(role, name, site=site, now=NOW)
    chain = der_chain(authority, credential.certificate)
    return Signer(sealer=Sealer(credential.private_key, kid_of(credential.certificate)), chain=chain)


FILES = (
    (Part.SETTINGS, "collector.toml", b"id = 1\n"),
    (Part.ROOT, "root.pem", AUTHORITY.root.certificate.public_bytes(Encoding.PEM)),
    (Part.CERTIFICATE, "centre-1.pem", b"certificate"),
    (Part.DATABASE, "collector.sqlite", bytes(range(256)) * 9),
)


def a_manifest(files: Iterable[tuple[Part, str, bytes]] = FILES, **other: object) -> Manifest:
    """What stands first in a backup of these files."""
    entries = tuple(
        Entry(part=part, name=name, path=name, bytes=len(content), sha256=sha256(content).hexdigest())
        for part, name, content in files
    )
    whole = Manifest(
        v=1,
        centre="centre-1",
        at=format_time(NOW),
        software="1",
        events=0,
        journal=0,
        journal_hash=GENESIS,
        evidence=0,
        files=entries,
    )
    return msgspec.structs.replace(whole, **other)


def a_tape(document: bytes, files: Iterable[tuple[Part, str, bytes]] = FILES) -> bytes:
    """The tar of a backup."""
    content = [(manifest.NAME, len(document), [document]), *((name, len(data), [data]) for _, name, data in files)]
    return b"".join(tape.packed(content, 0))


def looked_at(tar: bytes) -> Manifest:
    """What `check` says of a backup with this tar."""
    read = io.BytesIO(locked(tar)).read
    return check(read, IDENTITY, NOW, trusted_root=AUTHORITY.root.certificate).manifest


SOUND = a_tape(manifest.sign_manifest(a_manifest(), signer()))


def test_a_sound_backup_passes_and_gives_its_files() -> None:
    """What was packed comes out byte for byte, and the manifest is the one that was signed."""
    got: dict[str, bytearray] = {}

    def place(entry: Entry) -> Callable[[bytes], None]:
        return got.setdefault(entry.name, bytearray()).extend

    found = check(io.BytesIO(locked(SOUND)).read, IDENTITY, NOW, trusted_root=None, place=place)
    assert found.manifest == a_manifest()
    assert not found.trusted, "nobody brought the root"
    assert {name: bytes(data) for name, data in got.items()} == {name: data for _, name, data in FILES}


def test_any_tar_lists_it() -> None:
    """Python's own reader finds the same names and bytes: in ten years a bank has tar and age."""
    with tarfile.open(fileobj=io.BytesIO(SOUND)) as archive:
        assert archive.getnames() == [manifest.NAME, *(name for _, name, _ in FILES)]
        file = archive.extractfile("collector.sqlite")
        assert file is not None
        assert file.read() == FILES[-1][2]


@pytest.mark.skipif(shutil.which("age") is None, reason="the Debian package age is not here; `make test` installs it")
def test_age_and_tar_open_it(tmp_path: Path) -> None:
    """The real `age -d` opens our file with our identity file, the real tar lists it; and we open what `age` made."""
    (tmp_path / "id").write_text(f"# public key: {IDENTITY.recipient}\n{IDENTITY.secret}\n", encoding="ascii")
    (tmp_path / "backup").write_bytes(locked(SOUND))
    plain = subprocess.run(["age", "-d", "-i", tmp_path / "id", tmp_path / "backup"], check=True, capture_output=True)
    assert plain.stdout == SOUND
    listed = subprocess.run(["tar", "-t"], input=plain.stdout, check=True, capture_output=True)
    assert listed.stdout.decode().split() == [manifest.NAME, *(name for _, name, _ in FILES)]
    theirs = subprocess.run(["age", "-r", IDENTITY.recipient], input=SOUND, check=True, capture_output=True)
    assert opened(theirs.stdout) == SOUND


def test_every_wrong_byte_is_found() -> None:
    """One byte changed anywhere in the file, at its head, in it, at its end: it does not open to its end."""
    data = locked(SOUND)
    for at in [*range(0, 400, 3), *range(400, len(data), 97), len(data) - 1]:
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(CryptError):
            opened(bytes(changed))


def test_a_file_that_ends_early_or_late_is_found() -> None:
    """Cut anywhere, or with one byte more: it does not open."""
    data = locked(SOUND)
    cuts = [data[:at] for at in (0, 1, 21, 22, 100, 300, len(data) // 2, len(data) - 16, len(data) - 1)]
    for wrong in [*cuts, data + b"x"]:
        with pytest.raises(CryptError):
            opened(wrong)


def test_the_fault_says_who_must_act() -> None:
    """Another identity, another kind of file and damage are three different things to do."""
    data = locked(SOUND)
    with pytest.raises(CryptError) as foreign:
        opened(data, new_identity())
    with pytest.raises(CryptError) as other:
        opened(b"PK\x03\x04 a zip")
    with pytest.raises(CryptError) as cut:
        opened(data[:-1])
    found = [each.value.fault for each in (foreign, other, cut)]
    assert found == [CryptFault.NOT_FOR_US, CryptFault.NO_AGE, CryptFault.DAMAGED]


def test_a_full_disk_passes_through_the_library() -> None:
    """What writing raises arrives as it was, and not as a fault of the file."""

    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        crypt.unlock(io.BytesIO(locked(SOUND)).read, full, IDENTITY)
    with pytest.raises(OSError, match="No space left"):
        crypt.lock(io.BytesIO(SOUND).read, full, [IDENTITY.recipient])


def test_an_identity_shows_its_secret_nowhere() -> None:
    """Neither in what it prints as, nor in the fault of a file that is none."""
    assert IDENTITY.secret not in repr(IDENTITY)
    with pytest.raises(crypt.IdentityError) as error:
        crypt.read_identity(IDENTITY.secret[:-1])
    assert IDENTITY.secret[:30] not in repr(error.value)
    assert crypt.read_identity(f"# remark\r\n{IDENTITY.secret}\r\n").recipient == IDENTITY.recipient


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../etc/passwd"),
        tarfile.TarInfo("/etc/passwd"),
        tarfile.TarInfo("a/../../b"),
        tarfile.TarInfo(".hidden"),
        tarfile.TarInfo("a" * 96),
        tarfile.TarInfo("a\nb"),
    ],
    ids=lambda member: repr(member.name[:14]),
)
def test_a_name_that_leads_elsewhere_is_refused(member: tarfile.TarInfo) -> None:
    """No restore writes outside its folder, whoever made the tar."""
    with pytest.raises(TapeError):
        Tape(lambda _, __: _drop).feed(member.tobuf(tarfile.GNU_FORMAT))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.XHDTYPE]
)
def test_nothing_but_plain_files_is_taken(kind: bytes) -> None:
    """No link, device, folder or extended header stands in a backup."""
    member = tarfile.TarInfo("plain")
    member.type, member.linkname = kind, "collector.sqlite" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    with pytest.raises(TapeError):
        Tape(lambda _, __: _drop).feed(member.tobuf(tarfile.GNU_FORMAT))


def test_a_tar_in_any_pieces_is_the_same() -> None:
    """However the bytes are cut, the same files come out; a size of more than 8 GiB is read too."""
    chance = random.Random(8)
    for _ in range(20):
        got: dict[str, bytearray] = defaultdict(bytearray)
        reader = Tape(lambda name, _, into=got: into[name].extend)  # type: ignore[misc]
        at = 0
        while at < len(SOUND):
            size = chance.choice((1, 7, 511, 512, 513, 4096))
            reader.feed(SOUND[at : at + size])
            at += size
        reader.finish()
        assert {name: bytes(data) for name, data in got.items() if name != manifest.NAME} == {
            name: data for _, name, data in FILES
        }
    large = next(tape.packed([("large", 2**40, [b""])], 0))
    sizes: list[int] = []

    def begin(_: str, size: int) -> Callable[[bytes], None]:
        sizes.append(size)
        return _drop

    Tape(begin).feed(large)
    assert sizes == [2**40]


def _renamed(name: str) -> tuple[tuple[Part, str, bytes], ...]:
    return (*FILES[:-1], (Part.DATABASE, name, FILES[-1][2]))


WRONG_TAPES = {
    "no manifest": a_tape(b"{}"),
    "unsigned words": a_tape(msgspec.json.encode(a_manifest())),
    "another file": a_tape(manifest.sign_manifest(a_manifest(), signer()), _renamed("other.sqlite")),
    "one too many": a_tape(
        manifest.sign_manifest(a_manifest(), signer()), (*FILES, (Part.CERTIFICATE, "more.pem", b"more"))
    ),
    "one too few": a_tape(manifest.sign_manifest(a_manifest(), signer()), FILES[:-1]),
    "other bytes": a_tape(
        manifest.sign_manifest(a_manifest(), signer()), (*FILES[:-1], (*FILES[-1][:2], FILES[-1][2][::-1]))
    ),
    "a larger one": a_tape(
        manifest.sign_manifest(a_manifest(), signer()), (*FILES[:-1], (*FILES[-1][:2], FILES[-1][2] + b"x"))
    ),
    "two under one name": a_tape(
        manifest.sign_manifest(a_manifest(_renamed("ROOT.pem")), signer()), _renamed("ROOT.pem")
    ),
    "a file where a folder is": a_tape(
        manifest.sign_manifest(a_manifest(_renamed("root.pem/x")), signer()), _renamed("root.pem/x")
    ),
    "no database": a_tape(manifest.sign_manifest(a_manifest(FILES[:-1]), signer()), FILES[:-1]),
    "a stranger signed": a_tape(manifest.sign_manifest(a_manifest(), signer(authority=Authority.create(now=NOW)))),
    "a box signed": a_tape(manifest.sign_manifest(a_manifest(), signer("0755-031-a", Role.BOX, site="0755-031"))),
    "another collector signed": a_tape(manifest.sign_manifest(a_manifest(), signer("centre-2"))),
    "no end": SOUND[: SOUND.rindex(FILES[-1][2]) + 2304],
    "something behind the end": SOUND + b"x" * 512,
    "nothing": b"",
}


@pytest.mark.parametrize("tar", WRONG_TAPES.values(), ids=WRONG_TAPES)
def test_what_is_locked_for_us_is_not_believed_for_it(tar: bytes) -> None:
    """Everybody may lock something for a recipient: only a manifest that a collector signed, and its bytes, count."""
    with pytest.raises(ContentError):
        looked_at(tar)
    assert looked_at(SOUND) == a_manifest()


def test_a_path_keeps_its_place_or_gets_a_modest_one() -> None:
    """Below the settings' folder a file keeps its place; any other gets a name of ours, and no two share one."""
    paths = [
        "collector.toml",
        "pki/root.pem",
        "./x.pem",
        "/etc/ssl/根.pem",
        "../up.pem",
        "pki/root.pem",
        "manifest.json",
    ]
    names = list(manifest.names_for(paths))
    assert names[:3] == ["collector.toml", "pki/root.pem", "x.pem"]
    assert all(name.startswith("elsewhere/") for name in names[3:])
    assert len({name.lower() for name in names}) == len(names)
    assert all(tape.is_name(name) for name in names)
