"""Authorities and credentials as PEM files: the only file of this package that touches a disk.

Keys are written 0600; every file appears whole or not at all. An authority's folder holds `root`, the three
issuers (`<name>.pem`, `<name>.key`, `<name>.crl`) and nothing of what was issued.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from protocol.certificates import Issuer
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.authority import Authority
from provisioning.issuing import Credential

ROOT: Final = "root"
CRLS: Final = "crls.pem"  # all three lists in one file, as brokers want them
KEY_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644


class KeepingError(SaidError):
    """A file is missing, damaged or in the way; the message names it."""


def save_authority(authority: Authority, folder: Path) -> None:
    """Write a new authority; an existing one is never overwritten.

    Raises:
        KeepingError: there is one already.
    """
    if (folder / f"{ROOT}.key").exists():
        raise KeepingError(N_("{folder} already holds an authority; choose another folder"), folder=folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for issuer, credential in authority.issuers.items():
        _save_pair(folder, issuer.value, credential, chain=(credential.certificate,))
    save_crls(authority, folder)
    # The root comes last: a folder with a root is complete.
    _save_pair(folder, ROOT, authority.root, chain=(authority.root.certificate,))


def save_crls(authority: Authority, folder: Path) -> None:
    """Write the authority's current revocation lists, one file each and one with all of them."""
    texts = {issuer: crl.public_bytes(serialization.Encoding.PEM) for issuer, crl in authority.crls.items()}
    for issuer, text in texts.items():
        write_whole(folder / f"{issuer.value}.crl", text, PUBLIC_MODE)
    write_whole(folder / CRLS, b"".join(texts.values()), PUBLIC_MODE)


def load_authority(folder: Path) -> Authority:
    """The authority that stands in `folder`.

    Raises:
        KeepingError: none there, or a file of it is missing or damaged.
    """
    if not (folder / f"{ROOT}.key").exists():
        raise KeepingError(
            N_("{folder} holds no authority; make one with: branchwatch provision authority new --dir {folder}"),
            folder=folder,
        )
    return Authority(
        root=_load_pair(folder, ROOT),
        issuers={issuer: _load_pair(folder, issuer.value) for issuer in Issuer},
        crls={issuer: _load_crl(folder / f"{issuer.value}.crl") for issuer in Issuer},
    )


def save_credential(
    credential: Credential, *, name: str, chain: Iterable[x509.Certificate], root: x509.Certificate, folder: Path
) -> None:
    """Write what a box or process needs: `<name>.pem` (with its issuer), `<name>.key` and `root.pem`."""
    folder.mkdir(parents=True, exist_ok=True)
    _save_pair(folder, name, credential, chain=chain)
    write_whole(folder / f"{ROOT}.pem", root.public_bytes(serialization.Encoding.PEM), PUBLIC_MODE)


def load_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file.

    Raises:
        KeepingError: missing or damaged.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise KeepingError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    except ValueError:
        raise KeepingError(N_("{path} is no certificate in PEM"), path=path) from None


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that a reader, or a power cut, finds the old content or the new, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _save_pair(folder: Path, name: str, credential: Credential, *, chain: Iterable[x509.Certificate]) -> None:
    key = credential.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificates = b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)
    write_whole(folder / f"{name}.pem", certificates, PUBLIC_MODE)
    write_whole(folder / f"{name}.key", key, KEY_MODE)


def _load_pair(folder: Path, name: str) -> Credential:
    certificate = load_certificate(folder / f"{name}.pem")
    path = folder / f"{name}.key"
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise KeepingError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    except (ValueError, TypeError):
        raise KeepingError(N_("{path} is no private key in PEM"), path=path) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise KeepingError(N_("{path} does not belong to {other}"), path=path, other=f"{name}.pem")
    return Credential(certificate=certificate, private_key=key)


def _load_crl(path: Path) -> x509.CertificateRevocationList:
    try:
        return x509.load_pem_x509_crl(path.read_bytes())
    except OSError as error:
        raise KeepingError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    except ValueError:
        raise KeepingError(N_("{path} is no revocation list in PEM"), path=path) from None
