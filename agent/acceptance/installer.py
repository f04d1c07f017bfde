"""The installer's key, read from his stick: it signs the record and is kept nowhere. Flow: files -> here -> session.

Whoever the certificate names is judged by the box (`judge`), against its own root; here only key and certificate must
fit each other. What a parser says of a key stays out of every message.
"""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from protocol.certificates import kid_of
from protocol.documents import Signer, sign_document
from protocol.envelope import EnvelopeType, Sealer
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_PEM_BYTES: Final = 64 * 1024
LOCKED: Final = b"ENCRYPTED PRIVATE KEY"


class InstallerError(SaidError):
    """The installer's key or certificate cannot be used; the message names the file and the next step."""


class Installer:
    """Who signs the record beside the box."""

    def __init__(self, name: str, signer: Signer) -> None:
        self.name = name
        self._signer = signer

    def signature(self, payload: bytes) -> dict[str, Any]:
        """The installer's signature over a record, as it stands in the document."""
        document = sign_document(EnvelopeType.ACCEPTANCE, payload, [self._signer])
        signature: dict[str, Any] = msgspec.json.decode(document)["signatures"][0]
        return signature


def load_signer(key_file: Path, certificate_file: Path, passphrase: Callable[[], bytes]) -> Signer:
    """The key and its chain; `passphrase` is asked only where the key is locked.

    Raises:
        InstallerError: a file is missing or damaged, the passphrase is wrong, or the two do not fit.
    """
    certificates = _certificates(certificate_file)
    pem = _read(key_file)
    locked = LOCKED in pem
    secret = passphrase() if locked else None
    try:
        key = load_pem_private_key(pem, password=secret)
    except Exception:  # noqa: BLE001 - whatever the parser would say stays out of the message: it may quote the key
        text = (
            N_("{file} cannot be opened: the passphrase is wrong, or the file is damaged")
            if locked
            else N_("{file} is no private key in PEM")
        )
        raise InstallerError(text, file=key_file) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise InstallerError(N_("{file} is no P-256 key"), file=key_file)
    if key.public_key() != certificates[0].public_key():
        raise InstallerError(
            N_("{key} does not belong to {file}; they were not made together"), key=key_file, file=certificate_file
        )
    chain = tuple(each.public_bytes(Encoding.DER) for each in certificates if each.issuer != each.subject)
    return Signer(sealer=Sealer(key, kid_of(certificates[0])), chain=chain)


def x5c_of(signer: Signer) -> tuple[str, ...]:
    """The chain as it travels: base64 of each DER, leaf first."""
    return tuple(b64encode(der).decode("ascii") for der in signer.chain)


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError:
        raise InstallerError(N_("{file} is no certificate in PEM"), file=file) from None


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_PEM_BYTES + 1)
    except PermissionError:
        raise InstallerError(
            N_(
                "{file} may not be read by the agent's user, as which this runs. Next step: chmod 644 on the files of "
                "the stick; a locked key is of no use to others"
            ),
            file=file,
        ) from None
    except OSError as error:
        raise InstallerError(N_("{file} cannot be read: {reason}"), file=file, reason=system_said(error)) from None
    if len(content) > MAX_PEM_BYTES:
        raise InstallerError(
            N_("{file} is larger than {limit} KiB; it cannot be a key or a certificate"),
            file=file,
            limit=MAX_PEM_BYTES // 1024,
        )
    return content
