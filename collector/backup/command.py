"""`branchwatch collector backup | backup key | restore`: arguments in, sentences and exit codes out.

How each ended is written down in the centre's journal, where /healthz and the figures find it. Flow: backup_words.py ->
here -> writing.py, restoring.py.
"""

import argparse
import os
import pwd
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from cryptography import x509

from collector.backup.crypt import Identity, new_identity
from collector.backup.failing import BackupError, OutOfReachError, WrongInputError
from collector.backup.manifest import ELSEWHERE, Part
from collector.backup.places import sync_folder
from collector.backup.progress import Progress
from collector.backup.restoring import Restored, drill, load_identity, restore
from collector.backup.writing import Made, Wanted, make_backup
from collector.config import Config
from collector.keys import Keys
from collector.storage.store import Store, StoreError
from collector.storage.upkeep import DONE, FAILED, Upkeep, note_upkeep
from collector.times import unix_ms
from protocol.certificates import fingerprint
from protocol.texts import Texts, system_said, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

ENDED_WELL, SAYS_NO, INPUT_WRONG, OUT_OF_REACH = 0, 1, 2, 3


def run_key(arguments: argparse.Namespace, say: Texts) -> int:
    """Make the key that opens backups."""
    return _answered(say, lambda: _make_key(arguments.out, say))


def _make_key(out: Path, say: Texts) -> int:
    identity = new_identity()
    text = f"# created: {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n# public key: {identity.recipient}\n{identity.secret}\n"
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise WrongInputError(N_("{file} cannot be written: {reason}"), file=out, reason=system_said(error)) from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(out.absolute().parent)
    except OSError as error:
        out.unlink(missing_ok=True)
        raise WrongInputError(N_("{file} cannot be written: {reason}"), file=out, reason=system_said(error)) from None
    print(f'recipient = "{identity.recipient}"')
    keep = say("Put recipient into collector.toml under [backup]. Keep {file} offline: without it no backup opens.")
    print(keep.format(file=out), file=sys.stderr)
    return ENDED_WELL


def run_backup(arguments: argparse.Namespace, say: Texts, config: Config, load_keys: Callable[[Config], Keys]) -> int:
    """Make a backup and write down how it ended."""
    progress = Progress(sys.stderr, say)
    signal.signal(signal.SIGTERM, _leave)

    def run() -> int:
        wanted = _wanted(arguments, config, load_keys(config))
        begun, now = time.monotonic(), datetime.now(UTC)
        try:
            made = make_backup(wanted, new_identity(), now, progress)
        except BackupError as error:
            _note(config, Upkeep.BACKUP, FAILED, {"reason": str(error)[:300]})
            raise
        finally:
            progress.end()
        seconds = round(time.monotonic() - begun, 1)
        fault = made.second_fault
        facts = {
            "file": made.file.name,
            "bytes": made.bytes,
            "sha256": made.sha256,
            "events": made.manifest.events,
            "seconds": seconds,
            "copies": 1 if made.second is None else 2,
            "wanted": 1 if wanted.second is None else 2,
        }
        noted = _note(config, Upkeep.BACKUP, DONE, facts | ({"reason": str(fault)[:300]} if fault else {}))
        _tell_made(made, config.evidence_folder, seconds, say)
        if noted is not None:
            print(told(noted, say), file=sys.stderr)
        return ENDED_WELL if fault is None else OUT_OF_REACH

    return _answered(say, run)


def _wanted(arguments: argparse.Namespace, config: Config, keys: Keys) -> Wanted:
    settings = config.settings.backup
    if settings is None:
        raise WrongInputError(
            N_("{file} has no [backup] with a recipient; make one with: branchwatch collector backup key"),
            file=arguments.config,
        )
    second = arguments.second or (config.path(settings.second) if settings.second else None)
    return Wanted(
        config=config,
        settings_file=arguments.config,
        keys=keys,
        software=metadata.version("branchwatch"),
        recipient=settings.recipient,
        folder=(arguments.to or config.path(settings.folder)).absolute(),
        second=None if second is None else second.absolute(),
        keep=settings.keep,
    )


def _tell_made(made: Made, folder: Path | None, seconds: float, say: Texts) -> None:
    text = say("{file}: {megabytes} MB, {events} events, read back and compared, {seconds} s")
    print(
        text.format(file=made.file, megabytes=-(-made.bytes // 1_000_000), events=made.manifest.events, seconds=seconds)
    )
    if made.second is not None:
        print(say("{file}: the same bytes in the second place").format(file=made.second))
    elif made.second_fault is not None:
        print(say("NO SECOND COPY: {why}").format(why=told(made.second_fault, say)), file=sys.stderr)
    else:
        print(say("There is no second place: name one as `second` in [backup]."), file=sys.stderr)
    print(say("Not inside: private keys, and the pictures and clips."))
    if folder is not None:
        text = say(
            "{count} pictures and clips stand in {folder}; they never change: rsync -a {folder}/files/ PLACE/files/"
        )
        print(text.format(count=made.manifest.evidence, folder=folder))
    for name in made.gone:
        print(say("{name}: old enough, deleted").format(name=name))


def run_restore(arguments: argparse.Namespace, say: Texts, config: Config | None) -> int:
    """Restore, or try it out; `config` is the centre in which a drill is written down."""
    progress = Progress(sys.stderr, say)
    signal.signal(signal.SIGTERM, _leave)

    def run() -> int:
        identity, root = load_identity(arguments.identity), _root(arguments.trust)
        now = datetime.now(UTC)
        try:
            if arguments.drill:
                return _drill(arguments, config, identity, root, now, progress, say)
            restored = restore(
                arguments.file,
                identity,
                arguments.into,
                root=root,
                person=_person(),
                now=now,
                progress=progress,
            )
        finally:
            progress.end()
        _tell_restored(restored, say)
        return ENDED_WELL

    return _answered(say, run)


def _drill(
    arguments: argparse.Namespace,
    config: Config | None,
    identity: Identity,
    root: x509.Certificate | None,
    now: datetime,
    progress: Progress,
    say: Texts,
) -> int:
    begun = time.monotonic()
    facts: dict[str, Any] = {"file": arguments.file.name}
    parent = arguments.into or Path(tempfile.gettempdir())
    try:
        tried = drill(arguments.file, identity, parent, root=root, now=now, progress=progress)
    except BackupError as error:
        if config is not None:
            _note(config, Upkeep.DRILL, FAILED, facts | {"reason": str(error)[:300]})
        raise
    progress.end()
    seconds = round(time.monotonic() - begun, 1)
    manifest, report = tried.checked.manifest, tried.report
    facts |= {"backup_at": manifest.at, "events": report.events, "seconds": seconds, "sha256": tried.sha256}
    if not report.sound:
        facts["reason"] = str(report.problems[0].text)[:300]
    noted = _note(config, Upkeep.DRILL, DONE if report.sound else FAILED, facts) if config is not None else None
    _tell_source(tried, say)
    text = say("restored, opened and taken away again: {events} events, {seconds} s")
    print(text.format(events=report.events, seconds=seconds))
    _tell_ledger(tried, say)
    if config is None:
        print(say("The result is written down nowhere: give --config on the centre's machine."), file=sys.stderr)
    elif noted is not None:
        print(told(noted, say), file=sys.stderr)
    return ENDED_WELL if report.sound else SAYS_NO


def _tell_restored(restored: Restored, say: Texts) -> None:
    _tell_source(restored, say)
    _tell_ledger(restored, say)
    manifest = restored.checked.manifest
    for entry in manifest.files:
        if entry.name.startswith(f"{ELSEWHERE}/"):
            text = say("{name} belongs to {path}")
            print(text.format(name=restored.folder / entry.name, path=entry.path))
    database = manifest.the(Part.DATABASE)
    print(
        say(
            "Next steps: bring the private keys that {settings} names and the newest revocation lists; move an old"
            " {database} away together with its -wal and -shm; let the collector's user own the files; start it. "
            "The boxes send again what is missing."
        ).format(settings=manifest.the(Part.SETTINGS).name, database=Path(database.path).name)
    )


def _tell_source(restored: Restored, say: Texts) -> None:
    manifest, checked = restored.checked.manifest, restored.checked
    text = say("backup of {centre}, {at}, made by version {software}")
    print(text.format(centre=manifest.centre, at=manifest.at, software=manifest.software))
    if checked.trusted:
        print(say("root checked: {fingerprint}").format(fingerprint=fingerprint(checked.root)))
    else:
        text = say("root NOT checked, compare it yourself or give --trust: {fingerprint}")
        print(text.format(fingerprint=fingerprint(checked.root)))


def _tell_ledger(restored: Restored, say: Texts) -> None:
    report = restored.report
    if report.sound:
        print(say("SOUND: nothing missing, altered, reordered, duplicated or forked"))
        return
    first = report.problems[0]
    text = say("NOT SOUND: {fault}: {text} (record {record})")
    print(text.format(fault=say(first.fault.value), text=first.text.told(say), record=first.record))


def _root(path: Path | None) -> x509.Certificate | None:
    if path is None:
        return None
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise WrongInputError(N_("{path}: no certificate in PEM can be read there"), path=path) from None


def _note(config: Config, what: Upkeep, action: str, facts: Mapping[str, Any]) -> BackupError | None:
    """Write a result down in the centre's journal; what keeps it from that is told and changes no result."""
    if config.database_file is None or not config.database_file.is_file():
        return OutOfReachError(N_("the result could not be written down: the database is not there"))
    try:
        store = Store(config.database_url)
        try:
            note_upkeep(store, what, action, _person(), facts, unix_ms(datetime.now(UTC)))
        finally:
            store.close()
    except StoreError as error:
        return OutOfReachError(N_("the result could not be written down: {why}"), why=error.said)
    return None


def _person() -> str:
    """Who typed it, as the system knows them; no id of a [[person]] looks like this."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"login:{name}"


def _answered(say: Texts, run: Callable[[], int]) -> int:
    try:
        return run()
    except BackupError as error:
        print(told(error, say), file=sys.stderr)
        if isinstance(error, WrongInputError):
            return INPUT_WRONG
        return OUT_OF_REACH if isinstance(error, OutOfReachError) else SAYS_NO


def _leave(_: int, __: FrameType | None) -> NoReturn:
    """Told to end: what is half done is taken away on the way out."""
    sys.exit(OUT_OF_REACH)
