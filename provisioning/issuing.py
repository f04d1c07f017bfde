"""Making certificates and revocation lists: pure functions of keys, serial numbers and time.

Signatures are deterministic (RFC 6979), so that the same arguments give the same bytes and vectors can be made
again. What stands in a certificate is decided in `profiles.py`; who may call this, in `authority.py`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.x509.oid import NameOID

from protocol.certificates import Issuer, Role
from protocol.ids import CENTRE_PREFIX, is_id
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.profiles import BACKDATED, CRL_VALID, ISSUERS, LEAVES, ROOT_VALID
from provisioning.refusal import RefusedError

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class IssueRefusedError(RefusedError):
    """The authority will not issue this certificate; the message says why and what would do."""


class Credential:
    """A certificate and the private key that belongs to it; a key under a passphrase is opened when first used."""

    def __init__(
        self,
        *,
        certificate: x509.Certificate,
        private_key: EllipticCurvePrivateKey | Callable[[], EllipticCurvePrivateKey],
    ) -> None:
        self.certificate = certificate
        self._key = private_key

    @property
    def private_key(self) -> EllipticCurvePrivateKey:
        """The key; raises what opening it raises."""
        if not isinstance(self._key, EllipticCurvePrivateKey):
            self._key = self._key()
        return self._key


def issue_root(*, organisation: str, private_key: EllipticCurvePrivateKey, serial: int, now: datetime) -> Credential:
    """The offline root; it signs the issuers and nothing else."""
    name = _name(f"{organisation} root")
    builder = (
        _builder(subject=name, issuer=name, public_key=private_key.public_key(), serial=serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + ROOT_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
    )
    return Credential(certificate=_sign(builder, private_key), private_key=private_key)


def issue_issuer(
    issuer: Issuer, *, root: Credential, private_key: EllipticCurvePrivateKey, serial: int, now: datetime
) -> Credential:
    """One of the three issuers under the root, named by a URI in its SAN."""
    profile = ISSUERS[issuer]
    organisation = _common_name(root.certificate).removesuffix(" root")
    builder = (
        _builder(
            subject=_name(f"{organisation} {issuer.value}"),
            issuer=root.certificate.subject,
            public_key=private_key.public_key(),
            serial=serial,
        )
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + profile.valid, root.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(profile.usages), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:branchwatch:issuer:{issuer.value}")]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
        .add_extension(_authority_key(root.certificate), critical=False)
    )
    return Credential(certificate=_sign(builder, root.private_key), private_key=private_key)


def issue_leaf(
    role: Role,
    identity: str,
    *,
    site: str | None = None,
    hosts: Iterable[str] = (),
    issuer: Credential,
    public_key: EllipticCurvePublicKey,
    serial: int,
    now: datetime,
) -> x509.Certificate:
    """The certificate of one box, process or person; `hosts` are a broker's further names and addresses.

    Raises:
        IssueRefusedError: an id that is none, a site where none belongs or none where one does, a name of another role.
    """
    profile = LEAVES[role]
    _check_identity(role, identity, site, tuple(hosts))
    names: list[x509.GeneralName] = [
        x509.DNSName(identity),
        x509.UniformResourceIdentifier(f"urn:branchwatch:role:{role.value}"),
    ]
    if profile.names_site:
        names.append(x509.UniformResourceIdentifier(f"urn:branchwatch:site:{site}"))
    if profile.answers_as_host:
        names.extend(_host_name(host) for host in dict.fromkeys((*LOCAL_NAMES, *hosts)))
    builder = (
        _builder(subject=_name(identity), issuer=issuer.certificate.subject, public_key=public_key, serial=serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + profile.valid, issuer.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(profile.usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_authority_key(issuer.certificate), critical=False)
    )
    return _sign(builder, issuer.private_key)


def issue_crl(
    issuer: Credential, *, revoked: Sequence[x509.RevokedCertificate], number: int, now: datetime
) -> x509.CertificateRevocationList:
    """The issuer's list of what it takes back; good for seven days (WIRE 3.3)."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - BACKDATED)
        .next_update(now + CRL_VALID)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority_key(issuer.certificate), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.private_key, hashes.SHA256(), ecdsa_deterministic=True)


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses a broker's certificate answers under, beside its id and the local ones."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {_common_name(certificate), *LOCAL_NAMES}
    said = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return tuple(name for name in said if name not in known)


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """How many lists this issuer has made up to this one (RFC 5280 section 5.2.3)."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _check_identity(role: Role, identity: str, site: str | None, hosts: tuple[str, ...]) -> None:
    if not is_id(identity):
        raise IssueRefusedError(
            N_('"{id}" is no id: at most 32 lower-case letters, digits and dashes, the first one no dash'), id=identity
        )
    # Brokers give rights by this name alone, so no box may carry the name of a collector.
    if (role is Role.COLLECTOR) != identity.startswith(CENTRE_PREFIX):
        raise IssueRefusedError(
            N_('ids of collectors, and only these, begin with "{prefix}"; "{id}" cannot be a {role}'),
            prefix=CENTRE_PREFIX,
            id=identity,
            role=role,
        )
    profile = LEAVES[role]
    if profile.names_site and site is None:
        raise IssueRefusedError(N_("a {role} needs its site"), role=role)
    if site is not None and not profile.names_site:
        raise IssueRefusedError(N_("a {role} belongs to no site"), role=role)
    if site is not None and not is_id(site):
        raise IssueRefusedError(N_('"{id}" is no site id: lower-case letters, digits and dashes, at most 32'), id=site)
    if hosts and not profile.answers_as_host:
        raise IssueRefusedError(N_("a {role} answers under no host name; only a broker does"), role=role)


def _builder(
    *, subject: x509.Name, issuer: x509.Name, public_key: EllipticCurvePublicKey, serial: int
) -> x509.CertificateBuilder:
    if not isinstance(public_key.curve, SECP256R1):
        raise IssueRefusedError(N_("keys are P-256 (ES256 everywhere); this one is of another curve"))
    return x509.CertificateBuilder(
        subject_name=subject, issuer_name=issuer, public_key=public_key, serial_number=serial
    )


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,15}}\.?")  # RFC 1123 section 2.1


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        if not _HOST.fullmatch(host):
            raise IssueRefusedError(N_('"{host}" is no host name or address'), host=host) from None
        return x509.DNSName(host)


def _authority_key(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
