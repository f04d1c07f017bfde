"""What the record says of each act: facts out of certificates and lists. Pure. Flow: office.py, keeping.py -> here."""

from collections.abc import Mapping
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.certificates import Issuer, Role
from protocol.timestamps import format_time
from provisioning.issuing import crl_number
from provisioning.profiles import LEAVES
from provisioning.record import Act, Deed


def made(certificates: Mapping[str, x509.Certificate]) -> Deed:
    """The authority itself: name and digest of root and issuers."""
    return Deed(act=Act.MADE, facts={name: digest_of(each) for name, each in certificates.items()})


def issued(role: Role, identity: str, site: str | None, certificate: x509.Certificate) -> Deed:
    """A new certificate."""
    facts = {"role": role.value, "id": identity, "issuer": LEAVES[role].issuer.value}
    if site is not None:
        facts["site"] = site
    return Deed(act=Act.ISSUED, facts=facts | _of_certificate(certificate))


def renewed(old: Mapping[str, str], certificate: x509.Certificate) -> Deed:
    """A new certificate in the place of the one that `old` tells of."""
    return Deed(act=Act.RENEWED, facts={**old, **_of_certificate(certificate), "renews": old["certificate"]})


def withdrawn(deed: Deed) -> Deed:
    """What `deed` tells of never left the authority."""
    return Deed(act=Act.WITHDRAWN, facts={name: deed.facts[name] for name in ("role", "id", "certificate")})


def revoked(issuer: Issuer, serial: str, identity: str) -> Deed:
    """A certificate taken back; serial numbers are hex."""
    return Deed(act=Act.REVOKED, facts={"id": identity, "issuer": issuer.value, "serial": serial})


def listed(issuer: Issuer, crl: x509.CertificateRevocationList) -> Deed:
    """A revocation list."""
    facts = {
        "issuer": issuer.value,
        "number": str(crl_number(crl)),
        "count": str(len(crl)),
        "crl": digest_of_crl(crl),
        "next_update": format_time(crl.next_update_utc) if crl.next_update_utc else "",
    }
    return Deed(act=Act.LISTED, facts=facts)


def digest_of(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's DER, hex."""
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def digest_of_crl(crl: x509.CertificateRevocationList) -> str:
    """SHA-256 of a list's DER, hex."""
    return sha256(crl.public_bytes(Encoding.DER)).hexdigest()


def digest_of_key(key: EllipticCurvePublicKey) -> str:
    """The thumbprint of a public key: SHA-256 of its SubjectPublicKeyInfo, hex."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def serial_of(certificate: x509.Certificate) -> str:
    """Its serial number as the record writes it."""
    return f"{certificate.serial_number:x}"


def _of_certificate(certificate: x509.Certificate) -> dict[str, str]:
    key = certificate.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise TypeError("issuing.py makes certificates of P-256 keys only")
    return {
        "serial": serial_of(certificate),
        "certificate": digest_of(certificate),
        "key": digest_of_key(key),
        "not_after": format_time(certificate.not_valid_after_utc),
    }
