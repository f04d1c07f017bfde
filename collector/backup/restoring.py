"""Restoring: everything is checked before anything is written, then laid into a folder of its own, then shown whole.

The folder appears by one rename with all of it inside, or not at all. A drill does the same in a scratch folder and
takes it away again. Flow: backup_words.py -> here.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from cryptography import x509

from collector.backup import places
from collector.backup.auditing import audit_database
from collector.backup.checking import Checked, ContentError, check
from collector.backup.copying import look_over
from collector.backup.crypt import MAX_IDENTITY_BYTES, CryptError, CryptFault, Identity, IdentityError, read_identity
from collector.backup.failing import (
    OutOfReachError,
    UnsoundError,
    WrongInputError,
    damaged,
    unwritable,
)
from collector.backup.manifest import Entry, Part
from collector.backup.progress import Progress
from collector.backup.tape import Take
from collector.storage import soundness, upkeep
from collector.storage.migrating import migrate
from collector.storage.store import Store, StoreError, sqlite_url
from collector.times import unix_ms
from protocol.audit import Report
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said

GROWTH: Final = 2
"""A database that an older program wrote is brought to this version: at most so many times its size meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """A folder that was restored, and what the audit of its ledger says."""

    folder: Path
    checked: Checked
    report: Report
    sha256: str


def load_identity(path: Path) -> Identity:
    """The identity of a file.

    Raises:
        WrongInputError: it cannot be read or is none.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_IDENTITY_BYTES + 1)
    except OSError as error:
        raise WrongInputError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    try:
        return read_identity(text[:MAX_IDENTITY_BYTES].decode("utf-8"))
    except (IdentityError, UnicodeDecodeError):
        raise WrongInputError(
            N_("{path} holds no identity; it is the file that `collector backup key` wrote"), path=path
        ) from None


def restore(
    file: Path,
    identity: Identity,
    into: Path,
    *,
    root: x509.Certificate | None,
    person: str,
    now: datetime,
    progress: Progress,
) -> Restored:
    """Restore a backup into a folder that is empty or not there yet.

    Raises:
        BackupError: nothing was changed.
    """
    into = into.absolute()
    _is_free(into)
    with _opened(file) as (stream, size):
        first, digest = _check(file, stream, size, identity, now, root, progress)
        _has_room(into.parent, first)
        with _scratch(into) as scratch:
            _lay_out(file, stream, size, identity, now, root, scratch, first, progress)
            report = _bring_to_life(scratch, first, now, progress)
            _mark(scratch, first, person, digest, now)
            try:
                _sync(scratch)
                scratch.rename(into)
                places.sync_folder(into.parent)
            except OSError as error:
                raise unwritable(into, error) from None
    return Restored(folder=into, checked=first, report=report, sha256=digest)


def drill(
    file: Path,
    identity: Identity,
    parent: Path,
    *,
    root: x509.Certificate | None,
    now: datetime,
    progress: Progress,
) -> Restored:
    """Restore into a scratch folder below `parent`, open what is there, and take it away again.

    Raises:
        BackupError: this backup could not be restored.
    """
    with _opened(file) as (stream, size):
        first, digest = _check(file, stream, size, identity, now, root, progress)
        _has_room(parent, first)
        with _scratch(parent.absolute() / "drill") as scratch:
            _lay_out(file, stream, size, identity, now, root, scratch, first, progress)
            report = _bring_to_life(scratch, first, now, progress)
    return Restored(folder=parent, checked=first, report=report, sha256=digest)


def _is_free(into: Path) -> None:
    try:
        if into.is_symlink() or (into.exists() and (not into.is_dir() or any(into.iterdir()))):
            raise WrongInputError(N_("{folder} is not empty; name a new folder"), folder=into)
    except OSError as error:
        raise unwritable(into, error) from None
    if not into.parent.is_dir():
        raise WrongInputError(N_("{folder} is not there; make it first"), folder=into.parent)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[IO[bytes], int]]:
    try:
        with file.open("rb") as stream:
            yield stream, os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise WrongInputError(N_("{path} cannot be read: {reason}"), path=file, reason=system_said(error)) from None


def _check(
    file: Path,
    stream: IO[bytes],
    size: int,
    identity: Identity,
    now: datetime,
    root: x509.Certificate | None,
    progress: Progress,
) -> tuple[Checked, str]:
    reading = places.Reading(stream, progress.begin(N_("checking every byte"), size))
    checked = _told_plainly(file, reading, identity, now, root, None)
    if checked.manifest.total_bytes > size:
        raise damaged(file)  # nothing is packed: what is inside is smaller than what it lies in
    return checked, reading.sha256


def _told_plainly(
    file: Path,
    reading: places.Reading,
    identity: Identity,
    now: datetime,
    root: x509.Certificate | None,
    place: Any,
) -> Checked:
    try:
        return check(reading.read, identity, now, trusted_root=root, place=place)
    except CryptError as error:
        if error.fault is CryptFault.NO_AGE:
            raise WrongInputError(N_("{file} is no backup: it is no age file"), file=file) from None
        if error.fault is CryptFault.NOT_FOR_US:
            raise WrongInputError(
                N_("{file} was made for another identity; take the one whose recipient was in collector.toml then"),
                file=file,
            ) from None
        raise damaged(file) from None
    except ContentError:
        text = N_("{file} opens, but is no backup that a collector under that root signed; take another copy of it")
        raise UnsoundError(text, file=file) from None


def _has_room(folder: Path, checked: Checked) -> None:
    places.is_place(folder)
    places.has_room(folder, checked.manifest.total_bytes * GROWTH)


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """A private folder beside the wanted one; gone afterwards unless it was renamed."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", suffix=".part", dir=beside.parent))
    except OSError as error:
        raise unwritable(beside.parent, error) from None
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _lay_out(
    file: Path,
    stream: IO[bytes],
    size: int,
    identity: Identity,
    now: datetime,
    root: x509.Certificate | None,
    scratch: Path,
    first: Checked,
    progress: Progress,
) -> None:
    """Write the files; they are checked again on their way, for the file may have changed since."""
    opened: list[IO[bytes]] = []

    def place(entry: Entry) -> Take:
        target = scratch / entry.name
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened.append(os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"))
        except OSError as error:
            raise unwritable(scratch.parent, error) from None
        into = opened[-1]

        def take(data: bytes) -> None:
            try:
                into.write(data)
            except OSError as error:
                raise unwritable(scratch.parent, error) from None

        return take

    stream.seek(0)
    reading = places.Reading(stream, progress.begin(N_("restoring"), size))
    try:
        second = _told_plainly(file, reading, identity, now, root, place)
    finally:
        try:
            for each in opened:
                each.close()
        except OSError as error:
            raise unwritable(scratch.parent, error) from None
    if second.document != first.document:
        raise damaged(file)


def _bring_to_life(scratch: Path, checked: Checked, now: datetime, progress: Progress) -> Report:
    """Open the database as a collector would and hold its ledger against its signatures."""
    manifest = checked.manifest
    database = scratch / manifest.the(Part.DATABASE).name
    progress.begin(N_("looking the database over"))
    extent = look_over(database)
    try:
        store = Store(sqlite_url(database))
        try:
            migrate(store)
            with store.read() as reading:
                broken = soundness.journal_break(reading)
            told = progress.begin(N_("checking every signature"), extent.events)
            report = audit_database(
                store,
                centre=manifest.centre,
                chain=_chain(scratch, checked),
                root=checked.root,
                now=now,
                told=told,
            )
        finally:
            store.close()
    except StoreError as error:
        raise OutOfReachError(error.said.text, **error.said.values) from None
    if broken is not None:
        raise UnsoundError(N_("the journal breaks at entry {number}; restore an older backup"), number=broken)
    if (extent.events, extent.journal, extent.journal_hash) != (
        manifest.events,
        manifest.journal,
        manifest.journal_hash,
    ):
        raise UnsoundError(N_("the database is another one than the manifest says; restore an older backup"))
    return report


def _chain(scratch: Path, checked: Checked) -> list[x509.Certificate]:
    """The collector's own certificates, as they were backed up."""
    entry = checked.manifest.the(Part.CERTIFICATE)
    try:
        return x509.load_pem_x509_certificates((scratch / entry.name).read_bytes())
    except (OSError, ValueError):
        raise UnsoundError(N_("the collector's certificate in the backup cannot be read")) from None


def _mark(scratch: Path, checked: Checked, person: str, digest: str, now: datetime) -> None:
    manifest = checked.manifest
    store = Store(sqlite_url(scratch / manifest.the(Part.DATABASE).name))
    try:
        facts = {"backup_at": manifest.at, "sha256": digest, "events": manifest.events, "journal": manifest.journal}
        upkeep.note_restore(store, person, facts, unix_ms(now))
    except StoreError as error:
        raise OutOfReachError(error.said.text, **error.said.values) from None
    finally:
        store.close()


def _sync(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
