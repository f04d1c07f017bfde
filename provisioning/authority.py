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

from protocol.certificates import Issuer, Role
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.issuing import Credential, IssueRefusedError, issue_crl, issue_issuer, issue_leaf, issue_root
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
        certificate = issue_leaf(
            role,
            identity,
            site=site,
            hosts=hosts,
            issuer=self.issuers[LEAVES[role].issuer],
            public_key=private_key.public_key(),
            serial=serial(),
            now=now,
        )
        return Credential(certificate=certificate, private_key=private_key)

    def chain(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """`certificate` and its issuer, as a TLS peer or a birth sends them; the root stays at home.

        Raises:
            IssueRefusedError: not issued here.
        """
        return certificate, self.issuers[self._issuer_of(certificate)].certificate

    def revoke(self, certificate: x509.Certificate, *, now: datetime) -> "Authority":
        """An authority whose lists name `certificate`, with lists renewed at `now`; revoking twice changes nothing.

        Raises:
            IssueRefusedError: not issued here.
        """
        issuer = self._issuer_of(certificate)
        if self.crls[issuer].get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            return self
        entry = x509.RevokedCertificateBuilder(serial_number=certificate.serial_number, revocation_date=now).build()
        return self._with_crl(issuer, (*self.crls[issuer], entry), now=now)

    def renew_crls(self, *, now: datetime) -> "Authority":
        """The same lists with a new date: they hold for seven days only."""
        renewed = self
        for issuer in Issuer:
            renewed = renewed._with_crl(issuer, tuple(renewed.crls[issuer]), now=now)
        return renewed

    def _with_crl(self, issuer: Issuer, revoked: tuple[x509.RevokedCertificate, ...], *, now: datetime) -> "Authority":
        number = self.crls[issuer].extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        crl = issue_crl(self.issuers[issuer], revoked=revoked, number=number + 1, now=now)
        return replace(self, crls={**self.crls, issuer: crl})

    def _issuer_of(self, certificate: x509.Certificate) -> Issuer:
        for issuer, credential in self.issuers.items():
            try:
                certificate.verify_directly_issued_by(credential.certificate)
            except (ValueError, TypeError, InvalidSignature):  # another name, another kind of key, another key
                continue
            return issuer
        raise IssueRefusedError(N_("this certificate was not issued by this authority"))
