"""Who may be what: every kind of certificate this authority issues, as two tables.

Data only; `issuing.py` turns a row into a certificate and `protocol/certificates.py` reads it back.
Key usages are RFC 5280 section 4.2.1.12; documents (approvals, site files) are signed under RFC 9336, so that
no person's certificate opens a TLS connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocol.certificates import DOCUMENT_SIGNING, Issuer, Role

CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
DOCUMENTS: Final = DOCUMENT_SIGNING

ROOT_VALID: Final = timedelta(days=20 * 365)
BACKDATED: Final = timedelta(minutes=5)
"""A certificate begins this long before its issue: the clock of the box that gets it may be a little behind."""

CRL_VALID: Final = timedelta(days=7)
"""nextUpdate of every revocation list (WIRE 3.3)."""


@dataclass(frozen=True, kw_only=True)
class IssuerProfile:
    """An issuing certificate under the root; path length 0, so it can make leaves and no further issuers."""

    usages: tuple[x509.ObjectIdentifier, ...]  # of everything below it
    valid: timedelta


@dataclass(frozen=True, kw_only=True)
class LeafProfile:
    """A certificate that names one box, process or person."""

    issuer: Issuer
    usages: tuple[x509.ObjectIdentifier, ...]
    valid: timedelta
    names_site: bool = False  # carries URI:urn:branchwatch:site:<site>
    answers_as_host: bool = False  # carries host names and addresses, localhost among them


ISSUERS: Final[Mapping[Issuer, IssuerProfile]] = MappingProxyType(
    {
        # Its key is online for enrolment: client use only, so that whoever takes it cannot pose as a broker.
        Issuer.BOXES: IssuerProfile(usages=(CLIENT,), valid=timedelta(days=10 * 365)),
        Issuer.CENTRE: IssuerProfile(usages=(CLIENT, SERVER), valid=timedelta(days=10 * 365)),
        Issuer.PROVISIONING: IssuerProfile(usages=(DOCUMENTS,), valid=timedelta(days=10 * 365)),
    }
)

LEAVES: Final[Mapping[Role, LeafProfile]] = MappingProxyType(
    {
        Role.BOX: LeafProfile(issuer=Issuer.BOXES, usages=(CLIENT,), valid=timedelta(days=2 * 365), names_site=True),
        Role.COLLECTOR: LeafProfile(issuer=Issuer.CENTRE, usages=(CLIENT,), valid=timedelta(days=365)),
        Role.BROKER: LeafProfile(
            issuer=Issuer.CENTRE, usages=(SERVER,), valid=timedelta(days=365), answers_as_host=True
        ),
        Role.PROVISIONING: LeafProfile(issuer=Issuer.PROVISIONING, usages=(DOCUMENTS,), valid=timedelta(days=3 * 365)),
        Role.PERSON: LeafProfile(issuer=Issuer.PROVISIONING, usages=(DOCUMENTS,), valid=timedelta(days=365)),
    }
)
