"""Identities: X.509 certificates on P-256, their roles, and the checks that box, centre and audit share (WIRE 3).

Path validation is that of `cryptography.x509.verification` (RFC 5280); this file adds what is ours: the id that
common name and DNS name must agree on, the role, which issuer may give which role, and revocation.
A `VerifiedIdentity` exists only if it was checked. Reads no clock: `now` is an argument.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from protocol.envelope import encode_base64url
from protocol.ids import CENTRE_PREFIX, is_id
from protocol.limits import MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES

ROLE_URI: Final = "urn:branchwatch:role:"
SITE_URI: Final = "urn:branchwatch:site:"
ISSUER_URI: Final = "urn:branchwatch:issuer:"
ROOT_SUFFIX: Final = " root"


class Role(StrEnum):
    """What the holder of a certificate is."""

    BOX = "box"
    COLLECTOR = "collector"
    BROKER = "broker"
    PROVISIONING = "provisioning"
    PERSON = "person"


class Issuer(StrEnum):
    """The three issuers below the offline root (WIRE 3.1)."""

    BOXES = "boxes"
    CENTRE = "centre"
    PROVISIONING = "provisioning"


ROLES_OF: Final[dict[Issuer, frozenset[Role]]] = {
    Issuer.BOXES: frozenset({Role.BOX}),
    Issuer.CENTRE: frozenset({Role.COLLECTOR, Role.BROKER}),
    Issuer.PROVISIONING: frozenset({Role.PROVISIONING, Role.PERSON}),
}
"""The boxes' issuing key stands online: stolen, it can make boxes and nothing else."""


class CertificateFault(StrEnum):
    """Why a certificate is refused."""

    MALFORMED = "certificate_malformed"
    UNTRUSTED = "certificate_untrusted"
    WRONG_NAME = "certificate_wrong_name"
    WRONG_ROLE = "certificate_wrong_role"
    EXPIRED = "certificate_expired"
    NOT_YET_VALID = "certificate_not_yet_valid"
    REVOKED = "certificate_revoked"


class CertificateError(Exception):
    """A certificate cannot be trusted for what it is shown for; `fault` says why."""

    def __init__(self, fault: CertificateFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIdentity:
    """Whose key this is, checked up to the root. `expired` says the path held only at an earlier time."""

    id: str
    role: Role
    site: str | None
    kid: str
    public_key: EllipticCurvePublicKey
    not_before: datetime
    not_after: datetime
    serial: int
    issuer_kid: str
    chain: tuple[bytes, ...]

    def expired(self, now: datetime) -> bool:
        """Whether its time is over at `now`."""
        return now > self.not_after


SIGNERS: Final = frozenset({Role.PERSON, Role.PROVISIONING})
"""Roles whose keys sign documents (approvals, site files) and open no connection: neither client nor server use."""

DOCUMENT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""Extended key usage id-kp-documentSigning (RFC 9336)."""


class Trust:
    """The root and the revocations that everything is checked against.

    It never changes: new revocation lists make a new `Trust`, so whoever keeps identities keeps them per `Trust`.
    """

    def __init__(self, root: x509.Certificate, crls: Iterable[x509.CertificateRevocationList] = ()) -> None:
        self.root = root
        self._store = Store([root])
        self.crls = tuple(crls)

    def identify(
        self, chain: Sequence[bytes], now: datetime, *roles: Role, expired_ok: bool = False
    ) -> VerifiedIdentity:
        """Check a chain of DER certificates, leaf first, and say whose it is; the holder must have one of `roles`.

        With `expired_ok` an ended leaf is judged at its last valid moment: what it sealed in time is still authentic
        (WIRE 2.5).

        Raises:
            CertificateError: malformed, untrusted, of another role or name, out of its time, revoked.
        """
        try:
            return self._identify(_parse_chain(chain), tuple(chain), now, roles, expired_ok=expired_ok)
        except CertificateError:
            raise
        except Exception:  # noqa: BLE001 - see read_certificate; and each later look at a certificate parses more of it
            raise CertificateError(CertificateFault.MALFORMED) from None

    def _identify(
        self,
        certificates: list[x509.Certificate],
        chain: tuple[bytes, ...],
        now: datetime,
        roles: tuple[Role, ...],
        *,
        expired_ok: bool,
    ) -> VerifiedIdentity:
        leaf = certificates[0]
        public_key = leaf.public_key()
        if not isinstance(public_key, EllipticCurvePublicKey) or not isinstance(public_key.curve, SECP256R1):
            raise CertificateError(CertificateFault.MALFORMED)
        at = now
        if now > leaf.not_valid_after_utc:
            if not expired_ok:
                raise CertificateError(CertificateFault.EXPIRED)
            at = leaf.not_valid_after_utc - timedelta(seconds=1)
        elif now < leaf.not_valid_before_utc:
            raise CertificateError(CertificateFault.NOT_YET_VALID)
        issuer = self._check_path(leaf, certificates[1:], at)
        identity = VerifiedIdentity(
            id=_id_of(leaf),
            role=_role_of(leaf, issuer),
            site=_uri_of(leaf, SITE_URI),
            kid=kid_of(leaf),
            public_key=public_key,
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            serial=leaf.serial_number,
            issuer_kid=kid_of(issuer),
            chain=chain,
        )
        if identity.role not in roles:
            raise CertificateError(CertificateFault.WRONG_ROLE)
        if identity.role is Role.BOX and (identity.site is None or not is_id(identity.site)):
            raise CertificateError(CertificateFault.WRONG_NAME)
        # The boxes' issuer stands online: what it makes may not carry a collector's name either.
        if (identity.role is Role.COLLECTOR) != identity.id.startswith(CENTRE_PREFIX):
            raise CertificateError(CertificateFault.WRONG_NAME)
        self._check_revocation(leaf, issuer)
        return identity

    def _check_path(self, leaf: x509.Certificate, others: list[x509.Certificate], at: datetime) -> x509.Certificate:
        verifier = PolicyBuilder().store(self._store).time(at)
        roles = _roles_named(leaf)
        try:
            if Role.BROKER in roles:
                path = verifier.build_server_verifier(x509.DNSName(_id_of(leaf))).verify(leaf, others)
            elif SIGNERS.intersection(roles):
                documents = verifier.extension_policies(ca_policy=_ISSUER_OF_SIGNERS, ee_policy=_SIGNER)
                path = documents.build_client_verifier().verify(leaf, others).chain
            else:
                path = verifier.build_client_verifier().verify(leaf, others).chain
        except VerificationError:
            raise CertificateError(CertificateFault.UNTRUSTED) from None
        return path[1]

    def _check_revocation(self, leaf: x509.Certificate, issuer: x509.Certificate) -> None:
        if not isinstance(issuer.public_key(), EllipticCurvePublicKey):
            raise CertificateError(CertificateFault.UNTRUSTED)
        for crl in self.crls:
            if crl.issuer != leaf.issuer or not signed_by(crl, issuer):
                continue  # whoever holds the lists reports one that nobody known signed
            if crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None:
                raise CertificateError(CertificateFault.REVOKED)


def read_certificate(der: bytes) -> x509.Certificate:
    """The certificate in `der`; nothing of it is checked.

    Raises:
        CertificateError: it is none.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except Exception:  # noqa: BLE001 - the library raises more than it promises: InvalidVersion, TypeError, warnings
        raise CertificateError(CertificateFault.MALFORMED) from None


def signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Whether `issuer`'s key signed the list."""
    key = issuer.public_key()
    return isinstance(key, EllipticCurvePublicKey) and crl.is_signature_valid(key)


def issuer_names(root: x509.Certificate) -> frozenset[x509.Name]:
    """The names of the issuers under a root called `<organisation> root`; empty for one that is called otherwise."""
    common = root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(common[0].value) if len(common) == 1 and len(list(root.subject)) == 1 else ""
    if not text.endswith(ROOT_SUFFIX):
        return frozenset()
    organisation = text.removesuffix(ROOT_SUFFIX)
    return frozenset(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} {issuer.value}")]) for issuer in Issuer
    )


def kid_of(certificate: x509.Certificate) -> str:
    """`kid` of an envelope: base64url SHA-256 of the certificate's DER (WIRE 1.2)."""
    return kid_of_der(certificate.public_bytes(Encoding.DER))


def kid_of_der(der: bytes) -> str:
    """The same from the DER itself."""
    return encode_base64url(sha256(der).digest()).decode("ascii")


def thumbprint(public_key: EllipticCurvePublicKey) -> str:
    """SHA-256 of a key's SubjectPublicKeyInfo (DER) in hex: a key's name wherever no certificate stands for it."""
    return sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER as people compare it: pairs of hex digits with colons."""
    digest = sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def _signs_documents(_: Policy, __: x509.Certificate, usages: x509.ExtendedKeyUsage) -> None:
    if list(usages) != [DOCUMENT_SIGNING]:
        raise ValueError("made for another use, or for more than documents")


def _issues_signers(_: Policy, __: x509.Certificate, usages: x509.ExtendedKeyUsage | None) -> None:
    # The root names no use; an issuer that names some must name this one, as for client and server use.
    if usages is not None and DOCUMENT_SIGNING not in usages:
        raise ValueError("an issuer for another use")


# The library knows two uses, client and server. For the third only the key usage is judged here, by replacing its rule
# for that one extension; every other rule of its web policies stays.
_SIGNER: Final = ExtensionPolicy.webpki_defaults_ee().require_present(
    x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, _signs_documents
)
_ISSUER_OF_SIGNERS: Final = ExtensionPolicy.webpki_defaults_ca().may_be_present(
    x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, _issues_signers
)


def _parse_chain(chain: Sequence[bytes]) -> list[x509.Certificate]:
    if not 1 <= len(chain) <= MAX_CHAIN_CERTIFICATES or any(len(der) > MAX_CERTIFICATE_BYTES for der in chain):
        raise CertificateError(CertificateFault.MALFORMED)
    return [read_certificate(der) for der in chain]


def _id_of(leaf: x509.Certificate) -> str:
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common = str(names[0].value) if len(names) == 1 else ""
    # A broker's certificate also names the addresses it answers on, so membership is asked, not equality.
    if not is_id(common) or common not in _alternative_names(leaf).get_values_for_type(x509.DNSName):
        raise CertificateError(CertificateFault.WRONG_NAME)
    return common


def _role_of(leaf: x509.Certificate, issuer: x509.Certificate) -> Role:
    roles = _roles_named(leaf)
    issuer_name = _uri_of(issuer, ISSUER_URI)
    try:
        allowed = ROLES_OF[Issuer(issuer_name or "")]
    except ValueError:
        raise CertificateError(CertificateFault.WRONG_ROLE) from None
    if len(roles) != 1 or roles[0] not in allowed:
        raise CertificateError(CertificateFault.WRONG_ROLE)
    return roles[0]


def _roles_named(leaf: x509.Certificate) -> list[Role]:
    words = [uri.removeprefix(ROLE_URI) for uri in _uris(leaf) if uri.startswith(ROLE_URI)]
    return [Role(word) for word in words if word in set(Role)]


def _uri_of(certificate: x509.Certificate, prefix: str) -> str | None:
    values = [uri.removeprefix(prefix) for uri in _uris(certificate) if uri.startswith(prefix)]
    return values[0] if len(values) == 1 else None


def _uris(certificate: x509.Certificate) -> list[str]:
    return _alternative_names(certificate).get_values_for_type(x509.UniformResourceIdentifier)


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise CertificateError(CertificateFault.WRONG_NAME) from None
