"""The authority: one root, three issuers, and what they issue and take back.

Holds keys in memory and decides nothing about files (`keeping.py`) or certificate contents (`issuing.py`).
Time, keys and serial numbers are arguments; the defaults are random.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import CertificateError, CertificateFault, Issuer, Role, Trust
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.issuing import (
    Credential,
    IssueRefusedError,
    crl_number,
    hosts_of,
    issue_crl,
    issue_issuer,
    issue_leaf,
    issue_root,
)
from provisioning.profiles import LEAVES

NewKey = Callable[[], ec.EllipticCurvePrivateKey]
NewSerial = Callable[[], int]


def new_key() -> ec.EllipticCurvePrivateKey:
    """A random P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Root, issuers and their current revocation lists. Revoking gives a new authority."""

    root: Credential
    issuers: Mapping[Issuer, Credential]
    crls: Mapping[Issuer, x509.CertificateRevocationList]

    @classmethod
    def create(
        cls,
        *,
        now: datetime,
        organisation: str = "Branchwatch",
        key: NewKey = new_key,
        serial: NewSerial = x509.random_serial_number,
    ) -> "Authority":
        """A new authority whose lists are empty."""
        root = issue_root(organisation=organisation, private_key=key(), serial=serial(), now=now)
        issuers = {
            issuer: issue_issuer(issuer, root=root, private_key=key(), serial=serial(), now=now) for issuer in Issuer
        }
        crls = {issuer: issue_crl(issuers[issuer], revoked=(), number=1, now=now) for issuer in Issuer}
        return cls(root=root, issuers=issuers, crls=crls)

    def issue(
        self,
        role: Role,
        identity: str,
        *,
        now: datetime,
        site: str | None = None,
        hosts: Iterable[str] = (),
        key: NewKey = new_key,
        serial: NewSerial = x509.random_serial_number,
    ) -> Credential:
        """A key and its certificate for one box, process or person.

        Raises:
            IssueRefusedError: see `issue_leaf`.
        """
        private_key = key()
        certificate = self.certify(
            role, identity, private_key.public_key(), now=now, site=site, hosts=hosts, serial=serial
        )
        return Credential(certificate=certificate, private_key=private_key)

    def certify(
        self,
        role: Role,
        identity: str,
        public_key: ec.EllipticCurvePublicKey,
        *,
        now: datetime,
        site: str | None = None,
        hosts: Iterable[str] = (),
        serial: NewSerial = x509.random_serial_number,
    ) -> x509.Certificate:
        """A certificate for a key that was made elsewhere and stays there.

        Raises:
            IssueRefusedError: see `issue_leaf`.
        """
        issuer = self.issuers[LEAVES[role].issuer]
        return issue_leaf(
            role, identity, site=site, hosts=hosts, issuer=issuer, public_key=public_key, serial=serial(), now=now
        )

    def renew(
        self, certificate: x509.Certificate, *, now: datetime, serial: NewSerial = x509.random_serial_number
    ) -> x509.Certificate:
        """The same name and key with a new validity, whether or not the old one has ended.

        Raises:
            IssueRefusedError: revoked, or not issued here.
        """
        chain = [each.public_bytes(Encoding.DER) for each in self.chain(certificate)]
        trust = Trust(self.root.certificate, self.crls.values())
        try:
            old = trust.identify(chain, now, *Role, expired_ok=True)
        except CertificateError as error:
            if error.fault is CertificateFault.REVOKED:
                raise IssueRefusedError(N_("this certificate is revoked; what is revoked is not renewed")) from None
            raise IssueRefusedError(N_("this certificate cannot be renewed: {reason}"), reason=error.fault) from None
        hosts = hosts_of(certificate) if LEAVES[old.role].answers_as_host else ()
        return self.certify(old.role, old.id, old.public_key, now=now, site=old.site, hosts=hosts, serial=serial)

    def chain(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """`certificate` and its issuer, as a TLS peer or a birth sends them; the root stays at home.

        Raises:
            IssueRefusedError: not issued here.
        """
        return certificate, self.issuers[self.issuer_of(certificate)].certificate

    def revoke(self, certificate: x509.Certificate, *, now: datetime) -> "Authority":
        """An authority whose lists name `certificate`, with lists renewed at `now`; revoking twice changes nothing.

        Raises:
            IssueRefusedError: not issued here.
        """
        return self.revoke_serial(self.issuer_of(certificate), certificate.serial_number, now=now)

    def revoke_serial(self, issuer: Issuer, serial: int, *, now: datetime) -> "Authority":
        """The same by number, for a certificate that is not at hand."""
        if self.crls[issuer].get_revoked_certificate_by_serial_number(serial) is not None:
            return self
        entry = x509.RevokedCertificateBuilder(serial_number=serial, revocation_date=now).build()
        return self._with_crl(issuer, (*self.crls[issuer], entry), now=now)

    def renew_crls(self, *, now: datetime) -> "Authority":
        """The same lists with a new date: they hold for seven days only."""
        renewed = self
        for issuer in Issuer:
            renewed = renewed._with_crl(issuer, tuple(renewed.crls[issuer]), now=now)
        return renewed

    def _with_crl(self, issuer: Issuer, revoked: tuple[x509.RevokedCertificate, ...], *, now: datetime) -> "Authority":
        number = crl_number(self.crls[issuer]) + 1
        crl = issue_crl(self.issuers[issuer], revoked=revoked, number=number, now=now)
        return replace(self, crls={**self.crls, issuer: crl})

    def issuer_of(self, certificate: x509.Certificate) -> Issuer:
        """Which issuer signed `certificate`.

        Raises:
            IssueRefusedError: none of these.
        """
        for issuer, credential in self.issuers.items():
            try:
                certificate.verify_directly_issued_by(credential.certificate)
            except (ValueError, TypeError, InvalidSignature):  # another name, another kind of key, another key
                continue
            return issuer
        raise IssueRefusedError(N_("this certificate was not issued by this authority"))
