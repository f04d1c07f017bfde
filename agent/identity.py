"""Who this box is: its key, its chain of certificates and the root it pins, read once at the start.

The key never leaves the `Sealer` made here and stands in no message. A date that is over does not stop a box (it goes
on guarding and its events stay authentic, WIRE 2.5): it is told as a concern. Everything else that is wrong is an
`IdentityError`, one sentence with the next step. Flow: site file, or the folder of an enrolled box -> here -> outbox
(names), uplink (TLS, seals), judging of site bundles (root, pins).
"""

import os
import re
import stat
from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from protocol.certificates import CertificateError, CertificateFault, Role, Trust, VerifiedIdentity
from protocol.envelope import Sealer
from protocol.ids import HASH_PATTERN
from protocol.site.schema import Centre
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_PEM_BYTES: Final = 64 * 1024
"""A PEM file of a key or of a chain; ours are under 3 KiB."""

FOLDER: Final = "identity"
SIGNING_KEY: Final = "signing.key"
SEALING_KEY: Final = "sealing.key"
CERTIFICATE: Final = "box.pem"
ROOT: Final = "root.pem"
PINS: Final = "pins.json"
"""What an enrolled box keeps of itself below its state folder (docs/trust.md 6)."""

EXPIRING_WITHIN: Final = timedelta(days=30)
"""How long before its end a certificate is spoken of: time for two visits."""


class IdentityError(SaidError):
    """The box's own key or certificate cannot be used; the message names the file and the next step."""


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
    certificate_file: Path
    key_file: Path
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
    return _read_identity(key_file, certificate_file, trust_file, ca_file, now, named=(centre.box, site))


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
    return _read_identity(folder / SIGNING_KEY, folder / CERTIFICATE, root, root, now)


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
    key = read_private_key(identity.key_file)
    if (verified.id, verified.site) != (identity.box, identity.site) or key.public_key() != verified.public_key:
        raise IdentityError(N_("{file} is not for this box and its key; the certificate before it stays"), file=file)
    return replace(
        identity,
        sealer=Sealer(key, verified.kid),
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
        pins = msgspec.json.decode(_read(file), type=list[str])
    except msgspec.DecodeError:
        pins = []
    if not pins or not all(re.fullmatch(HASH_PATTERN, pin) for pin in pins):
        raise IdentityError(N_("{file} is damaged: it must name the provisioning keys of the kit"), file=file)
    return frozenset(pins)


def _read_identity(
    key_file: Path,
    certificate_file: Path,
    trust_file: Path,
    ca_file: Path,
    now: datetime,
    *,
    named: tuple[str, str] | None = None,
) -> BoxIdentity:
    """Read and check the files; `named` are the box and the site that the site file names."""
    key = read_private_key(key_file)
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
    if key.public_key() != verified.public_key:
        raise IdentityError(
            N_("{key} does not belong to {file}; copy both from the same kit"), key=key_file, file=certificate_file
        )
    return BoxIdentity(
        box=verified.id,
        site=verified.site or "",  # a box's certificate always names one: `Trust.identify`
        sealer=Sealer(key, verified.kid),
        chain=chain,
        root=root,
        not_before=verified.not_before,
        not_after=verified.not_after,
        certificate_file=certificate_file,
        key_file=key_file,
        ca_file=ca_file,
    )


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


def read_private_key(file: Path) -> EllipticCurvePrivateKey:
    """A private key that nobody else on this machine can read.

    Raises:
        IdentityError: missing, open to others, or no P-256 key in PEM.
    """
    content = _read(file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _closed_bits(file):
        raise IdentityError(
            N_("{file} can be read by others (mode {mode}); next step: chmod 600 {file}"), file=file, mode=f"{mode:o}"
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Whatever the parser would say stays out of the message: it may quote the key.
        raise IdentityError(N_("{file} is no private key in PEM without a password"), file=file) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise IdentityError(N_("{file} is no P-256 key"), file=file)
    return key


def _closed_bits(file: Path) -> int:
    """The rights that nobody but the owner may have on a key.

    A credential from systemd is opened to the service's user by an access list, whose mask shows as the group's bits.
    """
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY")
    return 0o007 if handed_over and file.absolute().is_relative_to(handed_over) else 0o077


def _read_certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError:
        raise IdentityError(N_("{file} is no certificate in PEM"), file=file) from None


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise IdentityError(N_("{file} cannot be read: {reason}"), file=file, reason=system_said(error)) from None
    if len(content) > MAX_PEM_BYTES:
        raise IdentityError(
            N_("{file} is larger than {limit} KiB; it cannot be a key or a certificate"),
            file=file,
            limit=MAX_PEM_BYTES // 1024,
        )
    return content


_SENTENCES: Final = {
    CertificateFault.MALFORMED: N_("{file} holds a certificate that cannot be read"),
    CertificateFault.UNTRUSTED: N_(
        "{file} does not come from the pinned root, or its issuer's certificate is not in the file"
    ),
    CertificateFault.WRONG_NAME: N_("{file} names no box and site"),
    CertificateFault.WRONG_ROLE: N_("{file} is not a box's certificate"),
}
