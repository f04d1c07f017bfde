"""The files of trust that collector.toml names: root, revocations, own certificate and key; read here only.

No fault repeats what is in a key. Flow: app.py and `check` -> here -> `Trust`, `Sealer`, the chain of receipts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from collector.config import Config
from protocol.certificates import CertificateError, Role, Trust, kid_of
from protocol.envelope import Sealer
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""The largest file of trust: a revocation list of some 300,000 certificates."""


class KeysError(Exception):
    """A file is missing, damaged or of somebody else; each line of `faults` names it and says what to do."""

    def __init__(self, faults: list[Said]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What a collector is known by and what it believes. `chain` is its certificate and its issuer's, DER."""

    trust: Trust
    root: x509.Certificate
    sealer: Sealer
    chain: tuple[bytes, ...]


def load_keys(config: Config, now: datetime) -> Keys:
    """Read and check everything.

    Raises:
        KeysError: every file that will not do.
    """
    settings = config.settings
    faults: list[Said] = []
    roots = _certificates(config.path(settings.trust), faults)
    own = _certificates(config.path(settings.certificate), faults)
    key = _key(config.path(settings.key), faults)
    crls = [crl for path in settings.crls for crl in _crls(config.path(path), faults)]
    if faults or key is None:
        raise KeysError(faults)
    trust = Trust(roots[0], crls)
    chain = tuple(certificate.public_bytes(serialization.Encoding.DER) for certificate in own)
    try:
        identity = trust.identify(chain, now, Role.COLLECTOR)
    except CertificateError as error:
        raise KeysError(
            [
                said(
                    N_("{path} is no collector's certificate under that root: {fault}"),
                    path=config.path(settings.certificate),
                    fault=error.fault,
                )
            ]
        ) from None
    if identity.id != settings.id:
        faults.append(
            said(
                N_('{path} is for "{id}", the configuration says "{other}"'),
                path=config.path(settings.certificate),
                id=identity.id,
                other=settings.id,
            )
        )
    if key.public_key() != own[0].public_key():
        faults.append(
            said(
                N_("{path} does not belong to {other}"),
                path=config.path(settings.key),
                other=config.path(settings.certificate),
            )
        )
    if faults:
        raise KeysError(faults)
    return Keys(trust=trust, root=roots[0], sealer=Sealer(key, kid_of(own[0])), chain=chain)


class Revocations:
    """Notices new revocation lists; a list that cannot be read leaves the old ones in force."""

    def __init__(self, config: Config, root: x509.Certificate) -> None:
        self._paths = [config.path(path) for path in config.settings.crls]
        self._root = root
        self._seen = self._marks()

    def renewed(self) -> Trust | None:
        """A new `Trust` when a list has changed since the last look.

        Raises:
            KeysError: a changed list cannot be read; asked again, it is not told again until it changes.
        """
        marks = self._marks()
        if marks == self._seen:
            return None
        self._seen = marks
        faults: list[Said] = []
        crls = [crl for path in self._paths for crl in _crls(path, faults)]
        if faults:
            raise KeysError(faults)
        return Trust(self._root, crls)

    def _marks(self) -> list[tuple[int, int]]:
        return [_mark(path) for path in self._paths]


def _mark(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_ino)


def _certificates(path: Path, faults: list[Said]) -> list[x509.Certificate]:
    raw = _read(path, faults)
    if raw is None:
        return []
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError:
        faults.append(said(N_("{path} is no certificate in PEM"), path=path))
        return []


def _crls(path: Path, faults: list[Said]) -> Iterator[x509.CertificateRevocationList]:
    raw = _read(path, faults)
    if raw is None:
        return
    end = b"-----END X509 CRL-----"
    try:
        for part in raw.split(end)[:-1]:
            yield x509.load_pem_x509_crl(part + end + b"\n")
    except ValueError:
        faults.append(said(N_("{path} is no revocation list in PEM"), path=path))
        return
    if end not in raw:
        faults.append(said(N_("{path} holds no revocation list in PEM"), path=path))


def _key(path: Path, faults: list[Said]) -> EllipticCurvePrivateKey | None:
    raw = _read(path, faults)
    if raw is None:
        return None
    try:
        key = serialization.load_pem_private_key(raw, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey):
        faults.append(said(N_("{path} is no private key of a P-256 certificate in PEM"), path=path))
        return None
    return key


def _read(path: Path, faults: list[Said]) -> bytes | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        faults.append(said(N_("{path} cannot be read: {reason}"), path=path, reason=error.strerror))
        return None
    if len(raw) > MAX_FILE_BYTES:
        faults.append(said(N_("{path} is larger than {limit} MiB"), path=path, limit=MAX_FILE_BYTES // 1024 // 1024))
        return None
    return raw
