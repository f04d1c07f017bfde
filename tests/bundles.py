"""Site bundles for tests: one small branch, its roster, two provisioning keys, and documents that they sign."""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.bundle import Bundle, encode_bundle
from protocol.certificates import Role, Trust, kid_of, thumbprint
from protocol.documents import Document, Signer, open_document, sign_document
from protocol.envelope import EnvelopeType, Sealer
from protocol.roster import PersonKey, Right, Roster, RosterPerson
from protocol.timestamps import format_time
from provisioning.authority import Authority
from provisioning.issuing import Credential
from tests.ledgers import NOW, der_chain, trust_of

SITE = "0755-031"
BOX = "0755-031-a"

SETTINGS: dict[str, Any] = {
    "id": SITE,
    "name": "西区支行",
    "unit": "市分行/西区支行",
    "timezone": "Asia/Shanghai",
    "centre": {"box": BOX, "brokers": ["192.0.2.5:8883"], "enrolment": "192.0.2.7:8443"},
    "io": [{"id": "io1", "address": "192.0.2.20"}],
    "door": [
        {
            "id": "outer",
            "contact": "io1/di/0",
            "closed": 1,
            "lock": "io1/do/0",
            "lock_energised": "locked",
            "exit_button": "io1/di/2",
        },
        {"id": "inner", "contact": "io1/di/1", "closed": 1},
    ],
    "interlock": [{"id": "vestibule", "doors": ["outer", "inner"], "emergency_release": "io1/di/3"}],
    "siren": [{"id": "hall", "output": "io1/do/1", "on": ["door.forced"]}],
    "zone": [{"id": "cash-motion", "type": "interior", "input": "io1/di/4"}],
    "partition": [{"id": "cash", "kind": "cash", "zones": ["cash-motion"]}],
    "camera": [{"id": "cam1", "address": "192.0.2.30", "login": {"secret": "cameras"}}],
}
"""A site file as an object; take it by `settings()`."""


def settings() -> dict[str, Any]:
    """A copy of SETTINGS to change."""
    return deepcopy(SETTINGS)


def key(number: int) -> EllipticCurvePrivateKey:
    """The same private key for the same number, always."""
    return derive_private_key(number + 1, SECP256R1())


def spki(public_key: EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo in DER."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def person(name: str, number: int, *may: Right) -> RosterPerson:
    """Somebody with one key file."""
    public = b64encode(spki(key(number).public_key())).decode("ascii")
    held = PersonKey(id=f"{name}-1", kind="key_file", public_key=public, may=may or (Right.ARM, Right.DISARM))
    return RosterPerson(id=name, name=name, roles=("security-officer",), keys=(held,))


def roster(version: int = 1, *people: RosterPerson, days: int = 30) -> Roster:
    """A roster that holds for `days`."""
    not_after = format_time(NOW + timedelta(days=days))
    return Roster(version=version, not_after=not_after, people=people or (person("zhang-wei", 100),))


class Bureau:
    """An authority with three provisioning keys, of which two are pinned."""

    def __init__(self) -> None:
        self.authority = Authority.create(now=NOW - timedelta(days=1))
        self.trust: Trust = trust_of(self.authority)
        self.keys = {name: self.issue(name) for name in ("bureau-1", "bureau-2", "bureau-3")}
        self.pins = frozenset(thumbprint(_public(self.keys[name])) for name in ("bureau-1", "bureau-2"))

    def issue(self, name: str, role: Role = Role.PROVISIONING) -> Credential:
        """A key of a role."""
        return self.authority.issue(role, name, now=NOW - timedelta(hours=1), site=SITE if role is Role.BOX else None)

    def signer(self, credential: Credential) -> Signer:
        """What signs with it."""
        sealer = Sealer(credential.private_key, kid_of(credential.certificate))
        return Signer(sealer=sealer, chain=der_chain(self.authority, credential.certificate))

    def bundle(self, version: int = 1, **changes: Any) -> Bundle:
        """A bundle for the small branch."""
        fields: dict[str, Any] = {
            "v": 1,
            "site": SITE,
            "box": BOX,
            "version": version,
            "at": format_time(NOW),
            "settings": settings(),
            "roster": roster(),
            "pins": tuple(sorted(self.pins)),
            "sealed": {},
            "pending": ("cameras",),
        }
        return Bundle(**(fields | changes))

    def document(self, bundle: Bundle | bytes, *names: str) -> bytes:
        """The document, signed by each of `names`: bureau-1 and bureau-2 where none is said."""
        payload = bundle if isinstance(bundle, bytes) else encode_bundle(bundle)
        signers = [self.signer(self.keys[name]) for name in names or ("bureau-1", "bureau-2")]
        return sign_document(EnvelopeType.SITE, payload, signers)

    def opened(self, bundle: Bundle | bytes, *names: str) -> Document:
        """The same, its signatures checked."""
        data = self.document(bundle, *names)
        return open_document(data, EnvelopeType.SITE, self.trust, NOW, Role.PROVISIONING)


def _public(credential: Credential) -> EllipticCurvePublicKey:
    return credential.private_key.public_key()
