"""Whose key is it: identities by `kid`, checked against one `Trust`, kept in memory and found again in the database.

A new `Trust` (new revocation lists) begins with nothing remembered, so revocation counts from the next envelope on
(WIRE 3.3). A box keeps its key for life: whoever stole the boxes' issuing key makes a certificate of that name for a
key of his own, and is not taken for the box (WIRE 3.1). Flow: parsed envelopes -> here -> verification.
"""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from collector.ingest.received import Reason
from collector.ingest.verification import reason_of_certificate
from protocol.certificates import (
    CertificateError,
    CertificateFault,
    Role,
    Trust,
    VerifiedIdentity,
    kid_of_der,
    read_certificate,
    thumbprint,
)

MAX_REMEMBERED: Final = 50_000
"""Signers in memory, some 3 KiB each; beyond it all are looked up anew."""

Chains = Callable[[Iterable[str]], Mapping[str, tuple[str, ...]]]
"""Stored certificate chains (base64 DER, leaf first) by `kid`."""

ChainsOfBox = Callable[[str], Iterable[tuple[str, ...]]]
"""Every stored chain of one box."""


class Signers:
    """What is known of keys. An entry is an identity, or the reason why it is none."""

    def __init__(self, trust: Trust, chains: Chains, chains_of_box: ChainsOfBox) -> None:
        self.trust = trust
        self._chains, self._chains_of_box = chains, chains_of_box
        self._keys: dict[str, frozenset[str]] = {}
        self._locked: frozenset[str] = frozenset()
        self._known: dict[str, VerifiedIdentity | Reason] = {}
        self.issuers: dict[str, x509.Certificate] = {}
        """Who issued the boxes that were heard, by `kid`; as many as the root has signed."""

    def renewed(self, trust: Trust) -> "Signers":
        """The same with other revocations: of boxes nothing is remembered."""
        renewed = Signers(trust, self._chains, self._chains_of_box)
        renewed.issuers, renewed._keys, renewed._locked = self.issuers, self._keys, self._locked
        return renewed

    @property
    def locked(self) -> frozenset[str]:
        """Keys that were taken back."""
        return self._locked

    def find(self, kids: Iterable[str], now: datetime) -> None:
        """Look up keys that are not remembered; those that nobody introduced stay unknown."""
        unknown = {kid for kid in kids if kid not in self._known}
        if not unknown:
            return
        if len(self._known) + len(unknown) > MAX_REMEMBERED:
            self._known.clear()
        for kid, chain in self._chains(unknown).items():
            self._known[kid] = self._judge(chain, now)

    def get(self, kid: str, now: datetime) -> VerifiedIdentity | Reason | None:
        """The identity, why it is none, or None when nobody introduced it."""
        known = self._known.get(kid)
        if known is Reason.NOT_YET_VALID:
            self._known.pop(kid)  # time alone may heal this one
            self.find((kid,), now)
            known = self._known.get(kid)
        return known

    def refused(self, identity: VerifiedIdentity) -> Reason | None:
        """Why a certificate that holds is not taken for its box: the box has another key, or its key was taken back."""
        if isinstance(self._known.get(identity.kid), VerifiedIdentity):
            return None  # it was asked when this certificate was new
        key = thumbprint(identity.public_key)
        if key in self._locked:
            return Reason.REVOKED
        keys = self._keys.get(identity.id) or frozenset(map(_key_in, self._chains_of_box(identity.id)))
        return Reason.FOREIGN_KEY if keys and key not in keys else None

    def lock_out(self, keys: frozenset[str]) -> None:
        """Whatever other certificates these keys have or are given, they are taken back."""
        self._locked = keys
        if keys:
            self._known = {kid: self._unless_locked(known) for kid, known in self._known.items()}

    def _unless_locked(self, known: VerifiedIdentity | Reason) -> VerifiedIdentity | Reason:
        if self._locked and isinstance(known, VerifiedIdentity) and thumbprint(known.public_key) in self._locked:
            return Reason.REVOKED
        return known

    def learn(self, identity: VerifiedIdentity) -> None:
        """Remember one that a birth introduced and that was checked against this trust."""
        if len(self._keys) >= MAX_REMEMBERED:
            self._keys.clear()
        self._known[identity.kid] = identity
        self._keys.setdefault(identity.id, frozenset({thumbprint(identity.public_key)}))
        self._meet(identity)

    def _judge(self, chain: tuple[str, ...], now: datetime) -> VerifiedIdentity | Reason:
        try:
            identity = self.trust.identify([b64decode(text) for text in chain], now, Role.BOX, expired_ok=True)
        except CertificateError as error:
            return reason_of_certificate(error.fault)
        except ValueError:
            return reason_of_certificate(CertificateFault.MALFORMED)
        self._meet(identity)
        return self._unless_locked(identity)

    def _meet(self, identity: VerifiedIdentity) -> None:
        if identity.issuer_kid in self.issuers:
            return
        # Another dictionary each time: who looks at it meanwhile sees the old one.
        certificates = [read_certificate(der) for der in identity.chain if kid_of_der(der) == identity.issuer_kid]
        issuer = certificates[0] if certificates else self.trust.root  # the root is in no chain
        self.issuers = {**self.issuers, identity.issuer_kid: issuer}


def _key_in(chain: tuple[str, ...]) -> str:
    key = read_certificate(b64decode(chain[0])).public_key()
    return thumbprint(key) if isinstance(key, EllipticCurvePublicKey) else ""
