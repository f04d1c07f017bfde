"""Who this box is: its key, its chain of certificates and the root it pins, read once at the start.

The key never leaves the `Sealer` made here and stands in no message. A date that is over does not stop a box (it goes
on guarding and its events stay authentic, WIRE 2.5): it is told as a concern. Everything else that is wrong is an
`IdentityError`, one sentence with the next step. Flow: site file, or the folder of an enrolled box -> here -> outbox
(names), uplink (TLS, seals), judging of site bundles (root, pins).
"""

import re
from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from agent.identity_reading import (
    CERTIFICATE,
    FOLDER,
    PINS,
    ROOT,
    IdentityError,
    read_limited,
)
from agent.keystore import KeyStore, KeyStoreError
from agent.keystore_files import FileKeys, enrolled_keys
from protocol.certificates import CertificateError, CertificateFault, Role, Trust, VerifiedIdentity
from protocol.envelope import Sealer
from protocol.ids import HASH_PATTERN
from protocol.site.schema import Centre
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

EXPIRING_WITHIN: Final = timedelta(days=30)
"""How long before its end a certificate is spoken of: time for two visits."""


@dataclass(frozen=True, kw_only=True)
class BoxIdentity:
    """One box, checked: the certificate is for this box and site, comes from the pinned root and fits the key."""

    box: str
    site: str
    sealer: Sealer
    chain: tuple[bytes, ...]  # DER, leaf first, without the root
    root: x509.Certificate
    not_before: datetime
    not_after: datetime
    keys: KeyStore
    certificate_file: Path
    ca_file: Path

    @property
    def x5c(self) -> tuple[str, ...]:
        """The chain as a birth carries it: base64 of each DER (RFC 7515 section 4.1.6)."""
        return tuple(b64encode(der).decode("ascii") for der in self.chain)

    def expires_soon(self, now: datetime) -> bool:
        """Whether somebody must see to a new certificate."""
        return now > self.not_after - EXPIRING_WITHIN

    def concern(self, now: datetime) -> str | None:
        """What somebody should know about the dates, in one sentence."""
        if now < self.not_before:
            return f"the box's clock reads {now:%Y-%m-%d}, before its certificate begins ({self.not_before:%Y-%m-%d})"
        if now > self.not_after:
            return f"the box's certificate ended on {self.not_after:%Y-%m-%d}; it must be renewed"
        if self.expires_soon(now):
            return f"the box's certificate ends on {self.not_after:%Y-%m-%d}"
        return None


def load_identity(centre: Centre, site: str, folder: Path, now: datetime) -> BoxIdentity:
    """Read and check what `[centre]` names; relative paths start at `folder`, where the site file is.

    Raises:
        IdentityError: a file is missing, open to others or damaged, or belongs to another box, site or root.
    """
    if centre.key is None or centre.certificate is None or centre.trust is None or centre.ca is None:
        raise IdentityError(
            N_("[centre] must name ca, certificate, key and trust; an enrolled box runs with --state and no site file")
        )
    key_file, certificate_file = folder / centre.key, folder / centre.certificate
    trust_file, ca_file = folder / centre.trust, folder / centre.ca
    keys = FileKeys(signing=key_file)
    return _read_identity(keys, certificate_file, trust_file, ca_file, now, named=(centre.box, site))


def load_enrolled_identity(state: Path, now: datetime) -> BoxIdentity:
    """Who an enrolled box is: its certificate alone says which box of which site.

    Raises:
        IdentityError: it is not enrolled, or a file is missing, open to others or damaged, or does not fit the others.
    """
    folder = state / FOLDER
    if not (folder / CERTIFICATE).exists():
        raise IdentityError(
            N_("{folder} holds no identity: this box is not enrolled; next step: branchwatch agent enrol"),
            folder=state,
        )
    root = folder / ROOT
    return _read_identity(enrolled_keys(state), folder / CERTIFICATE, root, root, now)


def renewed_identity(identity: BoxIdentity, now: datetime) -> BoxIdentity | None:
    """The same box with the certificate that lies in its file now; None when it is the one that it works with.

    Raises:
        IdentityError: what lies there is damaged, or for another box, site or key.
    """
    file = identity.certificate_file
    certificates = _read_certificates(file)
    chain = tuple(each.public_bytes(Encoding.DER) for each in certificates if each != identity.root)
    if chain == identity.chain:
        return None
    verified = check_chain(chain, identity.root, now, file)
    if (verified.id, verified.site) != (identity.box, identity.site) or not _fits(identity.keys, verified):
        raise IdentityError(N_("{file} is not for this box and its key; the certificate before it stays"), file=file)
    return replace(
        identity,
        sealer=_sealer(identity.keys, verified),
        chain=chain,
        not_before=verified.not_before,
        not_after=verified.not_after,
    )


def load_pins(state: Path) -> frozenset[str]:
    """The provisioning keys that the kit named: they count until the first bundle is in force.

    Raises:
        IdentityError: the file is missing or damaged.
    """
    file = state / FOLDER / PINS
    try:
        pins = msgspec.json.decode(read_limited(file), type=list[str])
    except msgspec.DecodeError:
        pins = []
    if not pins or not all(re.fullmatch(HASH_PATTERN, pin) for pin in pins):
        raise IdentityError(N_("{file} is damaged: it must name the provisioning keys of the kit"), file=file)
    return frozenset(pins)


def _read_identity(
    keys: KeyStore,
    certificate_file: Path,
    trust_file: Path,
    ca_file: Path,
    now: datetime,
    *,
    named: tuple[str, str] | None = None,
) -> BoxIdentity:
    """Read and check the files; `named` are the box and the site that the site file names."""
    _public(keys)  # a key that cannot be had is told before anything else
    certificates = _read_certificates(certificate_file)
    root = _read_certificates(trust_file)[0]
    if ca_file != trust_file:
        _read_certificates(ca_file)
    chain = tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates if certificate != root)
    verified = check_chain(chain, root, now, certificate_file)
    if named and verified.id != named[0]:
        raise IdentityError(
            N_("{file} is the certificate of {box}, but the site file says {other}"),
            file=certificate_file,
            box=verified.id,
            other=named[0],
        )
    if named and verified.site != named[1]:
        raise IdentityError(
            N_("{file} is for site {site}, but the site file is of {other}"),
            file=certificate_file,
            site=verified.site,
            other=named[1],
        )
    if not _fits(keys, verified):
        raise IdentityError(
            N_("{key} does not belong to {file}; copy both from the same kit"), key=keys.place, file=certificate_file
        )
    return BoxIdentity(
        box=verified.id,
        site=verified.site or "",  # a box's certificate always names one: `Trust.identify`
        sealer=_sealer(keys, verified),
        chain=chain,
        root=root,
        not_before=verified.not_before,
        not_after=verified.not_after,
        keys=keys,
        certificate_file=certificate_file,
        ca_file=ca_file,
    )


def _public(keys: KeyStore) -> EllipticCurvePublicKey:
    try:
        return keys.signing_key()
    except KeyStoreError as error:
        raise IdentityError(error.said.text, **error.said.values) from None


def _fits(keys: KeyStore, verified: VerifiedIdentity) -> bool:
    return _public(keys) == verified.public_key


def _sealer(keys: KeyStore, verified: VerifiedIdentity) -> Sealer:
    try:
        return keys.sealer(verified.kid)
    except KeyStoreError as error:
        raise IdentityError(error.said.text, **error.said.values) from None


def check_chain(chain: tuple[bytes, ...], root: x509.Certificate, now: datetime, file: Path) -> VerifiedIdentity:
    """Whose certificate this is; a wrong clock or an ended certificate does not matter here.

    Raises:
        IdentityError: it is no box's certificate, or comes from another root.
    """
    if not chain:
        raise IdentityError(
            N_("{file} holds only the root; it must hold the box's certificate and its issuer's"), file=file
        )
    try:
        begins = x509.load_der_x509_certificate(chain[0]).not_valid_before_utc
        return Trust(root).identify(chain, max(now, begins), Role.BOX, expired_ok=True)
    except CertificateError as error:
        raise IdentityError(
            _SENTENCES.get(error.fault, N_("{file} cannot be used: {fault}")), file=file, fault=error.fault.value
        ) from None


def _read_certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(read_limited(file))
    except ValueError:
        raise IdentityError(N_("{file} is no certificate in PEM"), file=file) from None


_SENTENCES: Final = {
    CertificateFault.MALFORMED: N_("{file} holds a certificate that cannot be read"),
    CertificateFault.UNTRUSTED: N_(
        "{file} does not come from the pinned root, or its issuer's certificate is not in the file"
    ),
    CertificateFault.WRONG_NAME: N_("{file} names no box and site"),
    CertificateFault.WRONG_ROLE: N_("{file} is not a box's certificate"),
}
