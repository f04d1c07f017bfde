"""What a backup holds, signed by the collector: every file with its size and SHA-256, and where it came from.

Pure. It stands first in the tar as a document (docs/trust.md 2), because age itself says nothing of who wrote a file.
Flow: writing.py makes it, checking.py holds every byte of a backup against it.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from collector.backup.tape import is_name
from protocol.documents import DocumentError, Signer, claimed_payload, sign_document
from protocol.envelope import EnvelopeType
from protocol.messages import Count, Hash, Id, Time

NAME: Final = "manifest.json"
ELSEWHERE: Final = "elsewhere"
"""Folder for files whose place is not below that of collector.toml."""
MAX_FILES: Final = 64
MAX_SMALL_BYTES: Final = 16 * 1024 * 1024
"""Any file but the database; a revocation list of some 300,000 certificates."""


class Part(StrEnum):
    """What a file of a backup is."""

    DATABASE = "database"
    SETTINGS = "settings"
    ROOT = "root"
    CERTIFICATE = "certificate"
    REVOCATIONS = "revocations"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. `path` is where it stood: as collector.toml names it, or the name of collector.toml itself."""

    name: Annotated[str, Meta(max_length=95)]
    part: Part
    path: Annotated[str, Meta(max_length=4096)]
    bytes: Count
    sha256: Hash


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole. `journal` and `journal_hash` are the last entry of the journal; `evidence` counts pictures."""

    v: Literal[1]
    centre: Id
    at: Time
    software: Annotated[str, Meta(max_length=64)]
    events: Count
    journal: Count
    journal_hash: Hash
    evidence: Count
    files: Annotated[tuple[Entry, ...], Meta(min_length=3, max_length=MAX_FILES)]

    def the(self, part: Part) -> Entry:
        """The one file that is this."""
        return next(entry for entry in self.files if entry.part is part)

    @property
    def total_bytes(self) -> int:
        """What all files need."""
        return sum(entry.bytes for entry in self.files)


class ManifestError(Exception):
    """What stands first is no manifest of ours."""


_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._-]")
_DECODER: Final = msgspec.json.Decoder(Manifest)


def sign_manifest(manifest: Manifest, signer: Signer) -> bytes:
    """The document that stands first in the tar."""
    return sign_document(EnvelopeType.BACKUP, msgspec.json.encode(manifest), [signer])


def claimed_manifest(document: bytes) -> Manifest:
    """What a backup says of itself, its form checked and its signature not yet.

    Raises:
        ManifestError: not of this form, names that clash, or not exactly one database, settings and root.
    """
    try:
        manifest = _DECODER.decode(claimed_payload(document))
    except (DocumentError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ManifestError from None
    parts = [entry.part for entry in manifest.files]
    names = [entry.name.lower() for entry in manifest.files] + [NAME]
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    once = all(parts.count(part) == 1 for part in (Part.DATABASE, Part.SETTINGS, Part.ROOT))
    if not once or Part.CERTIFICATE not in parts or len(set(names)) < len(names) or folders.intersection(names):
        raise ManifestError
    if not all(is_name(entry.name) and _is_modest(entry) for entry in manifest.files):
        raise ManifestError
    return manifest


def names_for(paths: Iterable[str]) -> Iterator[str]:
    """Names in the tar: a path below the settings' folder keeps its place, so that a restored folder works as it is."""
    taken = {NAME}
    for number, path in enumerate(paths, start=1):
        name = path.removeprefix("./")
        if not is_name(name) or name.lower() in taken or name.startswith(ELSEWHERE):
            last = _FOREIGN.sub("-", PurePosixPath(path).name)
            name = f"{ELSEWHERE}/{number}-{last[-40:]}"
        taken.add(name.lower())
        yield name


def _is_modest(entry: Entry) -> bool:
    return entry.part is Part.DATABASE or entry.bytes <= MAX_SMALL_BYTES
