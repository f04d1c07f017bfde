"""Authorities and credentials as PEM files.

Keys are written 0600; every file appears whole or not at all, and an authority's folder likewise. It holds `root`,
`centre` and `provisioning` (`<name>.pem`, `<name>.key`) under the passphrase, the revocation lists, the record, and in
a folder of its own the boxes' issuer: that one goes online for enrolment and opens without a person (WIRE 3.1).
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from protocol.certificates import Issuer
from protocol.ids import new_run
from protocol.key_lock import KeyLockError, is_locked, lock_key, unlock_key
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning import deeds
from provisioning.authority import Authority
from provisioning.issuing import Credential
from provisioning.passphrase import Ask, no_passphrase
from provisioning.profiles import BACKDATED
from provisioning.record import Deed
from provisioning.record_file import RECORD, begin_record
from provisioning.refusal import RefusedError

ROOT: Final = "root"
ONLINE: Final = frozenset({Issuer.BOXES})
"""Issuers whose keys stand apart, without a passphrase: `<folder>/boxes/boxes.key`."""

CRLS: Final = "crls.pem"  # all three lists in one file, as brokers want them
KEY_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
MAX_PEM_BYTES: Final = 16 * 1024 * 1024
"""The largest file that is read: a revocation list of some 300,000 certificates."""


class KeepingError(RefusedError):
    """A file is missing, damaged or in the way; the message names it."""


def save_authority(authority: Authority, folder: Path, passphrase: bytes | None = None) -> None:
    """Write a new authority, whole or not at all; an existing one is never overwritten.

    Raises:
        KeepingError: there is one already, or the folder holds something else.
    """
    if (folder / f"{ROOT}.pem").exists():
        raise KeepingError(N_("{folder} already holds an authority; choose another folder"), folder=folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KeepingError(N_("{folder} is not empty; choose a new folder"), folder=folder)
    with growing_folder(folder) as growing:
        _save_pair(growing, ROOT, authority.root, chain=(authority.root.certificate,), passphrase=passphrase)
        for issuer, credential in authority.issuers.items():
            place = _place(growing, issuer)
            place.mkdir(mode=0o700, exist_ok=True)
            lock = None if issuer in ONLINE else passphrase
            _save_pair(place, issuer.value, credential, chain=(credential.certificate,), passphrase=lock)
        save_crls(authority, growing)
        made = authority.root.certificate.not_valid_before_utc + BACKDATED
        begin_record(growing / RECORD, new_run(os.urandom(16)), _first_deeds(authority), made)


def save_crls(authority: Authority, folder: Path) -> None:
    """Write the authority's current revocation lists, one file each and one with all of them."""
    texts = {issuer: crl.public_bytes(serialization.Encoding.PEM) for issuer, crl in authority.crls.items()}
    for issuer, text in texts.items():
        write_whole(folder / f"{issuer.value}.crl", text, PUBLIC_MODE)
    write_whole(folder / CRLS, b"".join(texts.values()), PUBLIC_MODE)


def load_authority(folder: Path, ask: Ask = no_passphrase) -> Authority:
    """The authority that stands in `folder`; `ask` is called if a key is used that has a passphrase.

    The root's key may be away: it signs nothing but issuers.

    Raises:
        KeepingError: none there, or a file of it is missing or damaged.
    """
    require_authority(folder)
    root = load_certificate(folder / f"{ROOT}.pem")
    issuers = {issuer: load_issuer(folder, issuer, ask) for issuer in Issuer}
    for credential in issuers.values():
        try:
            credential.certificate.verify_directly_issued_by(root)
        except (InvalidSignature, ValueError, TypeError):
            raise KeepingError(N_("{folder} holds an issuer that its root did not make"), folder=folder) from None
    return Authority(
        root=Credential(certificate=root, private_key=lambda: load_pair(folder, ROOT, ask).private_key),
        issuers=issuers,
        crls={issuer: load_crl(folder / f"{issuer.value}.crl") for issuer in Issuer},
    )


def require_authority(folder: Path) -> None:
    """Say so if `folder` holds no authority.

    Raises:
        KeepingError: it holds none.
    """
    if not (folder / f"{ROOT}.pem").exists():
        raise KeepingError(
            N_("{folder} holds no authority; make one with: branchwatch provision authority new --dir {folder}"),
            folder=folder,
        )


def load_issuer(folder: Path, issuer: Issuer, ask: Ask = no_passphrase) -> Credential:
    """One issuer of the authority in `folder`; the boxes' one opens without a passphrase.

    Raises:
        KeepingError: a file of it is missing or damaged.
    """
    return load_pair(_place(folder, issuer), issuer.value, ask)


def save_issuer(credential: Credential, issuer: Issuer, folder: Path) -> None:
    """Write an issuer, its key open, where `load_issuer` looks for it."""
    place = _place(folder, issuer)
    place.mkdir(mode=0o700, exist_ok=True)
    _save_pair(place, issuer.value, credential, chain=(credential.certificate,))


def save_credential(
    credential: Credential, *, name: str, chain: Iterable[x509.Certificate], root: x509.Certificate, folder: Path
) -> None:
    """Write what a box or process needs: `<name>.pem` (with its issuer), `<name>.key` and `root.pem`."""
    folder.mkdir(parents=True, exist_ok=True)
    _save_pair(folder, name, credential, chain=chain)
    write_whole(folder / f"{ROOT}.pem", root.public_bytes(serialization.Encoding.PEM), PUBLIC_MODE)


def save_chain(*, name: str, chain: Iterable[x509.Certificate], root: x509.Certificate, folder: Path) -> None:
    """The same without a key: a renewed certificate for a key that stays where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.pem", _pem(chain), PUBLIC_MODE)
    write_whole(folder / f"{ROOT}.pem", root.public_bytes(serialization.Encoding.PEM), PUBLIC_MODE)


def load_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file.

    Raises:
        KeepingError: missing or damaged.
    """
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise KeepingError(N_("{path} is no certificate in PEM"), path=path) from None


def load_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM file, in its order; at least one.

    Raises:
        KeepingError: missing or damaged.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(_read(path)))
    except ValueError:
        raise KeepingError(N_("{path} is no certificate in PEM"), path=path) from None


def load_pair(folder: Path, name: str, ask: Ask) -> Credential:
    """The certificate `<name>.pem` and the key `<name>.key`; one under a passphrase is opened when it is first used.

    Raises:
        KeepingError: missing or damaged.
    """
    certificate = load_certificate(folder / f"{name}.pem")
    path = folder / f"{name}.key"
    pem = _read(path)
    if is_locked(pem):
        return Credential(certificate=certificate, private_key=lambda: _open_key(path, pem, ask, certificate))
    return Credential(certificate=certificate, private_key=_open_key(path, pem, None, certificate))


def load_crl(path: Path) -> x509.CertificateRevocationList:
    """The revocation list of a PEM file.

    Raises:
        KeepingError: missing or damaged.
    """
    try:
        return x509.load_pem_x509_crl(_read(path))
    except ValueError:
        raise KeepingError(N_("{path} is no revocation list in PEM"), path=path) from None


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that a reader, or a power cut, finds the old content or the new, never a part."""
    with _said_of(path):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def growing_folder(folder: Path) -> Iterator[Path]:
    """A new folder (0700) to fill: it appears as `folder` at the end, whole, or not at all.

    Raises:
        KeepingError: the disk refuses; nothing was changed.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        growing = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            yield growing
            growing.replace(folder)
        except BaseException:
            shutil.rmtree(growing, ignore_errors=True)
            raise
        sync_folder(folder.parent)
    except OSError as error:
        raise KeepingError(
            N_("{folder} cannot be written: {reason}; nothing was changed"), folder=folder, reason=system_said(error)
        ) from None


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """What the system refuses inside is said of `path`: the name of a temporary file helps nobody, and none less."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _place(folder: Path, issuer: Issuer) -> Path:
    return folder / issuer.value if issuer in ONLINE else folder


def _first_deeds(authority: Authority) -> list[Deed]:
    held = {ROOT: authority.root, **{issuer.value: each for issuer, each in authority.issuers.items()}}
    lists = [deeds.listed(issuer, crl) for issuer, crl in authority.crls.items()]
    return [deeds.made({name: each.certificate for name, each in held.items()}), *lists]


def _pem(chain: Iterable[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)


def _save_pair(
    folder: Path,
    name: str,
    credential: Credential,
    *,
    chain: Iterable[x509.Certificate],
    passphrase: bytes | None = None,
) -> None:
    write_whole(folder / f"{name}.pem", _pem(chain), PUBLIC_MODE)
    write_whole(folder / f"{name}.key", _key_pem(credential.private_key, passphrase), KEY_MODE)


def _key_pem(key: EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    if passphrase is not None:
        return lock_key(key, passphrase, os.urandom)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _open_key(path: Path, pem: bytes, ask: Callable[[], bytes] | None, of: x509.Certificate) -> EllipticCurvePrivateKey:
    try:
        key = unlock_key(pem, ask() if ask is not None else None)
    except KeyLockError:
        if ask is not None:
            raise KeepingError(
                N_("the passphrase does not open {path}; it is wrong, or the file is damaged"), path=path
            ) from None
        raise KeepingError(N_("{path} is no private key in PEM"), path=path) from None
    if key.public_key() != of.public_key():
        raise KeepingError(N_("{path} does not belong to {other}"), path=path, other=f"{path.stem}.pem")
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise KeepingError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if len(content) > MAX_PEM_BYTES:
        raise KeepingError(N_("{path} is larger than {count} MiB"), path=path, count=MAX_PEM_BYTES // 1024 // 1024)
    return content
