"""Why a signed document does not hold, in words. Pure."""

from collections.abc import Mapping
from typing import Final

from protocol.certificates import CertificateFault
from protocol.documents import DocumentError
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.signers import CERTIFICATE_FAULTS

_FAULTS: Final[Mapping[str, str]] = {
    "too_large": N_("it is too large for a signed document"),
    "malformed": N_("it is no signed document, or not all of one: copy the file again"),
    "wrong_type": N_("it is signed as something else"),
    "bad_signature": N_("a signature does not fit: it was changed after it was signed"),
    "signed_twice": N_("one identity signed it twice"),
    "foreign_certificate": N_("a signature names another certificate than the one beside it"),
}


def document_fault(error: DocumentError) -> Said:
    """The sentence for a document's fault; of a signer's certificate, whose it is."""
    if error.fault in set(CertificateFault):
        return said("a signer does not count: {fault}", fault=said(CERTIFICATE_FAULTS[CertificateFault(error.fault)]))
    return said(_FAULTS[error.fault])
