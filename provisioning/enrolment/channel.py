"""The certificate that the enrolment's own server shows: of its own key, for two days, for servers only.

It names no role and no id, so that nobody takes it for a box's, and boxes check it by the issuer's key alone
(`protocol/pinned_channel.py`). Pure: key, serial and time are arguments. Flow: serving.py -> here.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provisioning.issuing import Credential
from provisioning.profiles import BACKDATED

CHANNEL_VALID: Final = timedelta(days=2)
"""Made anew at each start and each day: a stolen one is soon worth nothing."""

CHANNEL_NAME: Final = "branchwatch enrolment"  # no id: it has a blank


def channel_certificate(
    public_key: EllipticCurvePublicKey, *, issuer: Credential, serial: int, now: datetime
) -> x509.Certificate:
    """A server's certificate that any box of this issuer recognises."""
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder(
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CHANNEL_NAME)]),
            issuer_name=issuer.certificate.subject,
            public_key=public_key,
            serial_number=serial,
        )
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + CHANNEL_VALID, issuer.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=False,
                crl_sign=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return builder.sign(issuer.private_key, hashes.SHA256(), ecdsa_deterministic=True)
