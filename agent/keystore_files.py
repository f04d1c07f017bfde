"""The box's keys as files of its identity, 0600: the key store of a box without a TPM.

A key is read for each use and stands in no message. Behind the port `keystore.py`.
"""

import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.identity_reading import FOLDER, SEALING_KEY, SIGNING_KEY, IdentityError, read_private_key
from agent.keystore import KeyStoreError
from protocol.envelope import Sealer
from protocol.sealing import open_secret
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

Write = Callable[[str, bytes], None]
"""Puts a private file of this name into the identity's folder, whole or not at all."""


def enrolled_keys(state: Path, write: Write | None = None) -> "FileKeys":
    """The keys of an enrolled box; with `write` they can be made."""
    folder = state / FOLDER
    return FileKeys(signing=folder / SIGNING_KEY, sealing=folder / SEALING_KEY, write=write)


class FileKeys:
    """A signing key and a sealing key, each a file; a box that was not enrolled has the first alone."""

    def __init__(self, *, signing: Path, sealing: Path | None = None, write: Write | None = None) -> None:
        self._signing, self._sealing, self._write = signing, sealing, write

    @property
    def place(self) -> str:
        """The file of the key that signs."""
        return str(self._signing)

    def make(self) -> bool:
        """Make what is missing; whether anything was. Raises: KeyStoreError, IdentityFilesError."""
        missing = [file for file in (self._signing, self._sealing) if file is not None and not file.exists()]
        if missing and self._write is None:
            raise KeyStoreError(N_("{file} is missing, and no key is made here"), file=missing[0])
        for file in missing:
            key = ec.generate_private_key(ec.SECP256R1())
            content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            if self._write is not None:
                self._write(file.name, content)
        return bool(missing)

    def signing_key(self) -> ec.EllipticCurvePublicKey:
        """The public half of the key that signs. Raises: KeyStoreError."""
        return _key(self._signing).public_key()

    def sealing_key(self) -> ec.EllipticCurvePublicKey:
        """The public half of the key that secrets are sealed to. Raises: KeyStoreError."""
        return self._sealing_key().public_key()

    def sealer(self, kid: str) -> Sealer:
        """What signs envelopes under a `kid`. Raises: KeyStoreError."""
        return Sealer(_key(self._signing), kid)

    def request(self, name: str) -> bytes:
        """A certificate signing request for the key that signs. Raises: KeyStoreError."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateSigningRequestBuilder(subject)
        return builder.sign(_key(self._signing), hashes.SHA256()).public_bytes(Encoding.DER)

    def load_into(self, context: ssl.SSLContext, chain: Path) -> None:
        """Let a TLS context use the key that signs. Raises: KeyStoreError."""
        try:
            context.load_cert_chain(chain, self._signing, password=_no_password)
        except (OSError, ssl.SSLError):
            raise KeyStoreError(N_("{file} and the box's key do not fit together"), file=chain) from None

    def open_secret(self, sealed: str, *, box: str, name: str) -> bytes:
        """What was sealed for this box under this name. Raises: SealingError, KeyStoreError."""
        return open_secret(sealed, box=box, name=name, key=self._sealing_key())

    def _sealing_key(self) -> ec.EllipticCurvePrivateKey:
        if self._sealing is None:
            raise KeyStoreError(N_("this box has no sealing key: it was not enrolled"))
        return _key(self._sealing)


def _key(file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        return read_private_key(file)
    except IdentityError as error:
        raise KeyStoreError(error.said.text, **error.said.values) from None


def _no_password() -> str:
    raise ssl.SSLError("the key is encrypted; the agent starts without anybody to ask")
