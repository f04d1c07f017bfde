"""What is revoked, as the enrolment's folder says: `crls.pem`, read again when it changes.

Of boxes only a list that their issuer signed counts. A file that cannot be read any more changes nothing: what was
revoked stays revoked. Flow: `provision revoke` writes the file -> desk.py, tokens.py ask here.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from protocol.certificates import signed_by
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.keeping import CRLS, MAX_PEM_BYTES
from provisioning.refusal import RefusedError

LOG: Final = logging.getLogger("branchwatch.enrolment")
_END: Final = b"-----END X509 CRL-----"


class RevokedError(RefusedError):
    """The lists cannot be read at the start: then nobody is let in."""


class Revoked:
    """The revocation lists in one folder."""

    def __init__(self, folder: Path, issuer: x509.Certificate) -> None:
        self._path, self._issuer = folder / CRLS, issuer
        self._seen: tuple[int, int, int] | None = None
        self._list: x509.CertificateRevocationList | None = None
        self._all: tuple[x509.CertificateRevocationList, ...] = ()
        self._look()
        if self._list is None:
            raise RevokedError(
                N_("{path} holds no revocation list of the boxes' issuer; copy the authority's crls.pem there"),
                path=self._path,
            )

    def any_of(self, serials: Iterable[int]) -> bool:
        """Whether one of these certificates of boxes is revoked."""
        self._look()
        known = self._list
        return known is not None and any(
            known.get_revoked_certificate_by_serial_number(serial) is not None for serial in serials
        )

    def lists(self) -> tuple[x509.CertificateRevocationList, ...]:
        """All of them, for checks of a chain: that looks at their signatures."""
        self._look()
        return self._all

    def is_old(self, now: datetime) -> bool:
        """Whether the list has ended: somebody must bring a new one."""
        ends = self._list.next_update_utc if self._list is not None else None
        return ends is None or now > ends

    def _look(self) -> None:
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_size, state.st_ino)
            if seen == self._seen or state.st_size > MAX_PEM_BYTES:
                return
            found = _lists_in(self._path.read_bytes())
        except (OSError, ValueError) as error:
            LOG.warning("%s cannot be read (%s); what was revoked before stays revoked", self._path, error)
            return
        self._seen, self._all = seen, found
        ours = [crl for crl in found if crl.issuer == self._issuer.subject and signed_by(crl, self._issuer)]
        self._list = ours[0] if ours else self._list


def _lists_in(content: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    return tuple(x509.load_pem_x509_crl(part + _END + b"\n") for part in content.split(_END)[:-1])
