"""A provisioning key from its files: `NAME.key`, and beside it `NAME.pem` (its chain) and `root.pem`.

`provision issue provisioning NAME` writes them. The key is opened only when it signs, so a wrong passphrase is found
before anything is written; a certificate that is ended or of another role is found before that.
Flow: bundles, kit, readmission -> here -> keeping.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import CertificateError, CertificateFault, Role, Trust, VerifiedIdentity, kid_of, thumbprint
from protocol.documents import Signer
from protocol.envelope import Sealer
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said
from provisioning.issuing import Credential
from provisioning.keeping import ROOT, load_chain, load_pair
from provisioning.passphrase import Ask
from provisioning.refusal import RefusedError

CERTIFICATE_FAULTS: Final[Mapping[CertificateFault, str]] = {
    CertificateFault.MALFORMED: N_("its certificate cannot be read"),
    CertificateFault.UNTRUSTED: N_("its certificate does not come from this root"),
    CertificateFault.WRONG_NAME: N_("its certificate has a name that its role does not allow"),
    CertificateFault.WRONG_ROLE: N_("its certificate is not one of role provisioning"),
    CertificateFault.EXPIRED: N_("its certificate has ended"),
    CertificateFault.NOT_YET_VALID: N_("its certificate is not valid yet"),
    CertificateFault.REVOKED: N_("its certificate is revoked"),
}
"""Why a signer does not count, in words."""


class SignerError(RefusedError):
    """A key that may not sign; the message names its file."""


@dataclass(frozen=True, kw_only=True)
class ProvisioningKey:
    """A key that may sign documents, and its certificate, which was checked."""

    path: Path
    identity: VerifiedIdentity
    root: x509.Certificate
    credential: Credential

    @property
    def thumbprint(self) -> str:
        """What boxes pin."""
        return thumbprint(self.identity.public_key)

    def signer(self) -> Signer:
        """What signs with it; asks for the passphrase if there is one.

        Raises:
            KeepingError: wrong passphrase or damaged.
        """
        sealer = Sealer(self.credential.private_key, kid_of(self.credential.certificate))
        return Signer(sealer=sealer, chain=self.identity.chain)


def load_provisioning_key(path: Path, ask: Ask, now: datetime) -> ProvisioningKey:
    """The key of `NAME.key` with its certificate checked up to `root.pem` in the same folder.

    Raises:
        KeepingError: a file is missing or damaged.
        SignerError: the certificate is ended, not yet valid, of another role or root.
    """
    if path.suffix != ".key":
        raise SignerError(N_("{path} is no provisioning key; name the file that ends in .key"), path=path)
    root, *_ = load_chain(path.parent / f"{ROOT}.pem")
    chain = tuple(each.public_bytes(Encoding.DER) for each in load_chain(path.with_suffix(".pem")))
    try:
        identity = Trust(root).identify(chain, now, Role.PROVISIONING)
    except CertificateError as error:
        raise SignerError(
            N_("{path} may not sign: {fault}; next step: branchwatch provision issue provisioning NAME"),
            path=path,
            fault=said(CERTIFICATE_FAULTS[error.fault]),
        ) from None
    return ProvisioningKey(path=path, identity=identity, root=root, credential=load_pair(path.parent, path.stem, ask))
