"""The box's keys as two files of its identity, 0600: the key store of a box without a TPM.

A key is read for each use and stands in no message. Behind the port `keystore.py`.
"""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.identity import SEALING_KEY, SIGNING_KEY, IdentityError, read_private_key
from agent.identity_files import PRIVATE, IdentityFiles
from agent.keystore import KeyStoreError
from protocol.envelope import Sealer
from protocol.sealing import open_secret
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class FileKeys:
    """`signing.key` and `sealing.key` in one folder."""

    def __init__(self, files: IdentityFiles) -> None:
        self._files = files

    def make(self) -> bool:
        """Make what is missing; whether anything was. Raises: KeyStoreError, IdentityFilesError."""
        missing = [name for name in (SIGNING_KEY, SEALING_KEY) if not self._path(name).exists()]
        for name in missing:
            key = ec.generate_private_key(ec.SECP256R1())
            self._files.write(name, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), PRIVATE)
        return bool(missing)

    def signing_key(self) -> ec.EllipticCurvePublicKey:
        """The public half of the key that signs. Raises: KeyStoreError."""
        return self._key(SIGNING_KEY).public_key()

    def sealing_key(self) -> ec.EllipticCurvePublicKey:
        """The public half of the key that secrets are sealed to. Raises: KeyStoreError."""
        return self._key(SEALING_KEY).public_key()

    def sealer(self, kid: str) -> Sealer:
        """What signs envelopes under a `kid`. Raises: KeyStoreError."""
        return Sealer(self._key(SIGNING_KEY), kid)

    def request(self, name: str) -> bytes:
        """A certificate signing request for the key that signs. Raises: KeyStoreError."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateSigningRequestBuilder(subject)
        return builder.sign(self._key(SIGNING_KEY), hashes.SHA256()).public_bytes(Encoding.DER)

    def load_into(self, context: ssl.SSLContext, chain: Path) -> None:
        """Let a TLS context use the key that signs. Raises: KeyStoreError."""
        try:
            context.load_cert_chain(chain, self._path(SIGNING_KEY))
        except (OSError, ssl.SSLError):
            raise KeyStoreError(N_("{file} and the box's key do not fit together"), file=chain) from None

    def open_secret(self, sealed: str, *, box: str, name: str) -> bytes:
        """What was sealed for this box under this name. Raises: SealingError, KeyStoreError."""
        return open_secret(sealed, box=box, name=name, key=self._key(SEALING_KEY))

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        try:
            return read_private_key(self._path(name))
        except IdentityError as error:
            raise KeyStoreError(error.said.text, **error.said.values) from None

    def _path(self, name: str) -> Path:
        return self._files.folder / name
