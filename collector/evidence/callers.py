"""Whose call is it: the box's word about a file, its certificate as the ledger knows it, and the connection it came on.

All three must be of one key, and that key must not have been taken back. A box that never gave birth here is nobody.
Flow: serving.py -> here -> service.py.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from collector.ingest.signers import Signers
from collector.storage.store import Store
from protocol.certificates import Trust, VerifiedIdentity, thumbprint
from protocol.uploads import ClaimedUpload, Upload, UploadError, open_upload


class CallerError(Exception):
    """It is not this box's word, or a box that nobody knows or that was revoked."""


class Callers:
    """What is known of boxes' keys, as the ingest knows it; safe to use from several threads."""

    def __init__(self, store: Store, trusted: Callable[[], Trust], locked: Callable[[], frozenset[str]]) -> None:
        self._store, self._trusted, self._locked = store, trusted, locked
        self._signers = Signers(trusted(), self._chains, self._chains_of_box)
        self._lock = threading.Lock()

    def opened(self, claimed: ClaimedUpload, peer: bytes, now: datetime) -> Upload:
        """The upload that a call is about; `peer` is the certificate that its connection showed, in DER.

        Raises:
            CallerError: whoever calls, it is not the box.
        """
        with self._lock:
            identity = self._identity(claimed.kid, now)
        if identity is None or identity.id != claimed.claimed.box:
            raise CallerError
        if thumbprint(identity.public_key) != _key_of(peer):
            raise CallerError
        try:
            return open_upload(claimed, identity.public_key)
        except UploadError:
            raise CallerError from None

    def _identity(self, kid: str, now: datetime) -> VerifiedIdentity | None:
        if self._signers.trust is not (trust := self._trusted()):
            self._signers = self._signers.renewed(trust)
        if self._signers.locked != (locked := self._locked()):
            self._signers.lock_out(locked)
        self._signers.find((kid,), now)
        known = self._signers.get(kid, now)
        return known if isinstance(known, VerifiedIdentity) else None

    def _chains(self, kids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        with self._store.read() as reading:
            return reading.chains(kids)

    def _chains_of_box(self, box: str) -> tuple[tuple[str, ...], ...]:
        with self._store.read() as reading:
            return reading.chains_of_box(box)


def _key_of(peer: bytes) -> str:
    try:
        key = x509.load_der_x509_certificate(peer).public_key()
    except Exception:  # noqa: BLE001 - the library raises more than it promises
        raise CallerError from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise CallerError
    return thumbprint(key)
