"""A backup file held against itself: opened, taken apart, every byte compared with the manifest that was signed.

Reads one stream from front to end in bounded memory and writes nothing by itself; `place` may take the content of each
file, and must forget it when this raises. Flow: writing.py after writing, restoring.py before and while restoring.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography import x509

from collector.backup.crypt import Identity, Read, unlock
from collector.backup.manifest import MAX_SMALL_BYTES, NAME, Entry, Manifest, ManifestError, Part, claimed_manifest
from collector.backup.tape import Take, Tape, TapeError
from protocol.certificates import Role, Trust
from protocol.documents import DocumentError, open_document
from protocol.envelope import EnvelopeType
from protocol.limits import MAX_DOCUMENT_BYTES

Place = Callable[[Entry], Take]


class ContentError(Exception):
    """What is inside is not what its manifest says, or nobody who may signed it; the words are for logs and tests."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A backup of which every byte is the one that the collector signed. Made by `check` only.

    `trusted`: the root is the reader's own, not only the one inside.
    """

    manifest: Manifest
    document: bytes
    root: x509.Certificate
    trusted: bool


def check(
    read: Read, identity: Identity, now: datetime, *, trusted_root: x509.Certificate | None, place: Place | None = None
) -> Checked:
    """Read a backup to its end.

    Raises:
        CryptError: it does not open, or not to its end.
        ContentError: it opens, and is no whole backup of a collector under that root.
    """
    contents = _Contents(place or _nowhere)
    tape = Tape(contents.begin)
    try:
        unlock(read, tape.feed, identity)
        tape.finish()
        contents.end()
    except (TapeError, ManifestError) as error:
        raise ContentError(str(error) or "no manifest of ours") from None
    manifest = contents.known()
    try:
        root = trusted_root or x509.load_pem_x509_certificates(bytes(contents.root))[0]
        document = open_document(
            bytes(contents.document), EnvelopeType.BACKUP, Trust(root), now, Role.COLLECTOR, expired_ok=True
        )
    except ValueError:
        raise ContentError("the root inside is no certificate") from None
    except DocumentError as error:
        raise ContentError(f"the manifest's signature: {error.fault}") from None
    if document.signers[0].id != manifest.centre:
        raise ContentError("another collector signed the manifest")
    return Checked(manifest=manifest, document=bytes(contents.document), root=root, trusted=trusted_root is not None)


@dataclass
class _Contents:
    """The files as they pass, in the order of the manifest."""

    place: Place
    document: bytearray = field(default_factory=bytearray)
    root: bytearray = field(default_factory=bytearray)
    _manifest: Manifest | None = None
    _next: int = 0
    _entry: Entry | None = None

    def begin(self, name: str, size: int) -> Take:
        """Who takes the content of the file that begins."""
        self._close()
        if self._manifest is None and not self.document:
            if name != NAME or not 0 < size <= MAX_DOCUMENT_BYTES:
                raise TapeError("it does not begin with a manifest")
            return self.document.extend
        manifest = self.known()
        if self._next >= len(manifest.files):
            raise TapeError("more files than the manifest names")
        entry = manifest.files[self._next]
        if (name, size) != (entry.name, entry.bytes):
            raise TapeError("another file than the manifest names")
        self._next += 1
        self._entry, self._digest = entry, sha256()
        onward = self.place(entry)

        def take(data: bytes) -> None:
            self._digest.update(data)
            if entry.part is Part.ROOT and len(self.root) + len(data) <= MAX_SMALL_BYTES:
                self.root.extend(data)
            onward(data)

        return take

    def known(self) -> Manifest:
        """The manifest, once it has passed."""
        if self._manifest is None:
            self._manifest = claimed_manifest(bytes(self.document))
        return self._manifest

    def end(self) -> None:
        """Nothing may be missing."""
        self._close()
        if self._next < len(self.known().files):
            raise TapeError("fewer files than the manifest names")

    def _close(self) -> None:
        if self._entry is not None and self._digest.hexdigest() != self._entry.sha256:
            raise TapeError("a file differs from the manifest")
        self._entry = None


def _nowhere(_: Entry) -> Take:
    return _drop


def _drop(_: bytes) -> None:
    return None
