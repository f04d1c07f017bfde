"""The port to the box's two keys: one that signs, one that secrets are sealed to. Where they lie, nobody else knows.

Shaped so that a TPM fits: keys are used by their holder and never handed out, a TLS context is given the key by whoever
holds it, and sealed secrets are opened in its place. Flow: enrolment, identity, TLS, secrets -> here
-> keystore_files.py.
"""

import ssl
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from protocol.envelope import Sealer
from protocol.texts import SaidError


class KeyStoreError(SaidError):
    """A key is missing, damaged or open to others, or cannot be made; the message names the place, never the key."""


class KeyStore(Protocol):
    """Two P-256 keys of one box, made once and kept for its life."""

    @property
    def place(self) -> str:
        """Where the key that signs lies, for messages."""

    def make(self) -> bool:
        """Make what is missing; whether anything was. What is there stays. Raises: KeyStoreError."""

    def signing_key(self) -> EllipticCurvePublicKey:
        """The public half of the key that signs. Raises: KeyStoreError."""

    def sealing_key(self) -> EllipticCurvePublicKey:
        """The public half of the key that secrets are sealed to. Raises: KeyStoreError."""

    def sealer(self, kid: str) -> Sealer:
        """What signs envelopes under a `kid`. Raises: KeyStoreError."""

    def request(self, name: str) -> bytes:
        """A certificate signing request (DER, RFC 2986) for the key that signs. Raises: KeyStoreError."""

    def load_into(self, context: ssl.SSLContext, chain: Path) -> None:
        """Let a TLS context use the key that signs, with the certificates in a file. Raises: KeyStoreError."""

    def open_secret(self, sealed: str, *, box: str, name: str) -> bytes:
        """What was sealed for this box under this name. Raises: SealingError, KeyStoreError."""
