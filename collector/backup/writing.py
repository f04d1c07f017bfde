"""Making a backup: copy, sign, lock, write, read back, compare, second place, let old ones go. All of it or nothing.

Nothing is called a backup before its bytes were read from the disk again and held against the manifest. Flow:
backup_words.py -> here -> a file in each place; what follows from it, upkeep.py writes down.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from collector.backup import manifest as manifests
from collector.backup import places
from collector.backup.checking import ContentError, check
from collector.backup.copying import copy_database, look_over, size_of
from collector.backup.crypt import CryptError, Identity, lock
from collector.backup.failing import BackupError, OutOfReachError, WrongInputError, unwritable
from collector.backup.manifest import Entry, Manifest, Part
from collector.backup.progress import Progress
from collector.backup.sources import Source, database_name, small_files
from collector.backup.tape import packed
from collector.config import Config
from collector.keys import Keys
from protocol.documents import Signer
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time

WORK: Final = ".branchwatch-backup"
"""A folder beside the database for its copy: never in the places of backups, where nothing stands in the clear."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to back up and where to."""

    config: Config
    settings_file: Path
    keys: Keys
    software: str
    recipient: str
    folder: Path
    second: Path | None
    keep: int


@dataclass(frozen=True, kw_only=True)
class Made:
    """A backup that was compared. `second` is its copy; `second_fault` says why there is none."""

    file: Path
    second: Path | None
    second_fault: BackupError | None
    bytes: int
    sha256: str
    manifest: Manifest
    gone: tuple[str, ...]


def make_backup(wanted: Wanted, throwaway: Identity, now: datetime, progress: Progress) -> Made:
    """Make one backup. `throwaway` is an identity that nobody keeps: what was written is opened with it once.

    Raises:
        BackupError: nothing was made; older backups are as they were.
    """
    database = wanted.config.database_file
    if database is None:
        raise WrongInputError(
            N_(
                "{database} is no file: this version backs up SQLite only; back that database up with its own tools,"
                " such as pg_dump"
            ),
            database=wanted.config.settings.database.split("://", 1)[0],
        )
    centre = wanted.config.settings.id
    places.is_place(wanted.folder)
    with _alone(database.parent / WORK) as work:
        places.sweep(wanted.folder, centre)
        need = size_of(database)
        places.has_room(database.parent, need)
        places.has_room(wanted.folder, need * (2 if wanted.folder.stat().st_dev == database.stat().st_dev else 1))
        copy = work / "database"
        copy_database(database, copy, progress.begin(N_("copying the database"), need))
        progress.begin(N_("looking the copy over"))
        extent = look_over(copy)
        others = small_files(wanted.config, wanted.settings_file)
        manifest = Manifest(
            v=1,
            centre=centre,
            at=format_time(now),
            software=wanted.software,
            events=extent.events,
            journal=extent.journal,
            journal_hash=extent.journal_hash,
            evidence=extent.evidence,
            files=(
                *(_entry(each) for each in others),
                _database_entry(copy, database_name(wanted.config, others), wanted.config.settings.database),
            ),
        )
        document = manifests.sign_manifest(manifest, Signer(sealer=wanted.keys.sealer, chain=wanted.keys.chain))
        file = wanted.folder / places.name_at(centre, now)
        digest, size = _write(
            file, wanted, throwaway, document, _contents(document, manifest, others, copy), now, progress
        )
    second, fault = _second(file, wanted, digest, size, progress)
    gone: list[str] = []
    if fault is None:
        for place in (wanted.folder, wanted.second):
            if place is not None:
                gone += places.let_go(place, centre, wanted.keep, file.name)
    return Made(
        file=file,
        second=second,
        second_fault=fault,
        bytes=size,
        sha256=digest,
        manifest=manifest,
        gone=tuple(sorted(set(gone))),
    )


def _write(
    path: Path,
    wanted: Wanted,
    throwaway: Identity,
    document: bytes,
    contents: Iterable[tuple[str, int, Iterable[bytes]]],
    now: datetime,
    progress: Progress,
) -> tuple[str, int]:
    """Write, read back, compare; returns SHA-256 and size of what stands on the disk."""
    if path.exists():
        raise OutOfReachError(N_("{file} is there already; wait a second and try again"), file=path)
    with places.written_whole(path) as (file, partial):
        tape = _Pull(packed(contents, int(now.timestamp())), progress.begin(N_("writing"), 0))
        lock(tape.read, _whole_writes(file), [wanted.recipient, throwaway.recipient])
        places.settle(file)
        size = file.tell()
        with partial.open("rb") as again:
            reading = places.Reading(again, progress.begin(N_("reading it back"), size))
            try:
                checked = check(reading.read, throwaway, now, trusted_root=wanted.keys.root)
            except (CryptError, ContentError):
                checked = None
        if checked is None or checked.document != document or reading.bytes != size:
            raise OutOfReachError(N_("{file} reads otherwise than it was written; look at that disk"), file=path)
    return reading.sha256, size


def _second(
    file: Path, wanted: Wanted, digest: str, size: int, progress: Progress
) -> tuple[Path | None, BackupError | None]:
    """The copy in the second place; a backup without one is still a backup, and says so."""
    if wanted.second is None:
        return None, None
    try:
        places.is_place(wanted.second)
        if wanted.second.samefile(wanted.folder):
            raise WrongInputError(N_("the second place is the first one; name another disk"))
        places.sweep(wanted.second, wanted.config.settings.id)
        places.has_room(wanted.second, size)
        target = wanted.second / file.name
        places.copy_whole(file, target, digest, progress.begin(N_("copying it to the second place"), size))
    except BackupError as error:
        return None, error
    except OSError as error:
        return None, unwritable(wanted.second, error)
    return target, None


@contextmanager
def _alone(work: Path) -> Iterator[Path]:
    """A folder beside the database that one backup at a time has, empty before and afterwards."""
    try:
        work.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise unwritable(work, error) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutOfReachError(N_("another backup is under way; wait for its end")) from None
        _empty(work)
        try:
            yield work
        finally:
            _empty(work)
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        left.unlink(missing_ok=True)


def _entry(source: Source) -> Entry:
    return Entry(
        name=source.name,
        part=source.part,
        path=source.path,
        bytes=len(source.content),
        sha256=sha256(source.content).hexdigest(),
    )


def _database_entry(copy: Path, name: str, path: str) -> Entry:
    digest = sha256()
    for data in _pieces(copy):
        digest.update(data)
    return Entry(name=name, part=Part.DATABASE, path=path, bytes=copy.stat().st_size, sha256=digest.hexdigest())


def _contents(
    document: bytes, manifest: Manifest, others: Iterable[Source], copy: Path
) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    yield manifests.NAME, len(document), [document]
    for source in others:
        yield source.name, len(source.content), [source.content]
    database = manifest.the(Part.DATABASE)
    yield database.name, database.bytes, _pieces(copy)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(places.READ_AT_ONCE):
            yield data


def _whole_writes(file: IO[bytes]) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        file.write(data)

    return write


class _Pull:
    """Pieces of any size, read as a file of them."""

    def __init__(self, pieces: Iterator[bytes], told: Callable[[int], None]) -> None:
        self._pieces, self._told = pieces, told
        self._piece = memoryview(b"")
        self._read = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._piece:
            following = next(self._pieces, None)
            if following is None:
                return b""
            self._piece = memoryview(following)
            self._told(self._read)
        data, self._piece = bytes(self._piece[:size]), self._piece[size:]
        self._read += len(data)
        return data
