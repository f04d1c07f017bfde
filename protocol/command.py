"""`branchwatch verify`: reads an exported ledger line by line, prints what was checked and what is wrong with it.

The only file of this package that touches a file or a clock; the audit itself is protocol/audit.py.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography import x509

from protocol.audit import MAX_PROBLEMS, Audit, Report, RootCheck
from protocol.audit_evidence import EvidenceAudit, EvidenceReport, File
from protocol.durations import DurationError, parse_duration
from protocol.export import Manifest
from protocol.limits import MAX_EXPORT_LINE_BYTES
from protocol.texts import SaidError, system_said, texts_for_user, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

SOUND, UNSOUND, INPUT_WRONG = 0, 1, 2
_PROGRESS_EVERY_BYTES = 64 * 1024 * 1024

_EXAMPLE = """
  branchwatch collector export --dir demo --out ledger.ndjson
  branchwatch verify ledger.ndjson --trust root.pem
  branchwatch verify ledger.ndjson --trust root.pem --evidence pictures
"""


def main(argv: list[str]) -> int:
    """Exit code 0: sound; 1: something is wrong, the first is named; 2: the input cannot be read."""
    say = texts_for_user()
    parser = argparse.ArgumentParser(
        prog="branchwatch verify",
        description=say("Check an exported ledger offline, with nothing but public keys: every signature, every link."),
        epilog=say("example:") + _EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help=say("the exported ledger"))
    parser.add_argument("--trust", type=Path, metavar="ROOT.pem", help=say("your own copy of the root certificate"))
    parser.add_argument(
        "--earlier",
        type=Path,
        metavar="FILE",
        help=say("an older export of the same centre: nothing of it may be missing"),
    )
    parser.add_argument(
        "--evidence", type=Path, metavar="DIR", help=say("pictures and clips of the same export: each against its line")
    )
    parser.add_argument(
        "--kept",
        default="90d",
        metavar="TIME",
        help=say("how long the centre keeps pictures; older ones are not missed"),
    )
    parser.add_argument("--json", action="store_true", help=say("print the report as JSON"))
    options = parser.parse_args(argv)
    try:
        kept = parse_duration(options.kept)
    except DurationError as error:
        print(f"--kept: {told(error, say)}", file=sys.stderr)
        return INPUT_WRONG
    try:
        root = x509.load_pem_x509_certificate(options.trust.read_bytes()) if options.trust else None
    except (OSError, ValueError):
        print(say("{path}: no certificate in PEM can be read there").format(path=options.trust), file=sys.stderr)
        return INPUT_WRONG
    try:
        earlier = _read(options.earlier, root, None, say) if options.earlier else None
        if earlier is not None and earlier.manifest is None:
            text = say("{path} ends without a manifest that its collector signed; check it alone")
            print(text.format(path=options.earlier), file=sys.stderr)
            return UNSOUND
        pictures = EvidenceAudit() if options.evidence else None
        report = _read(options.file, root, earlier.manifest if earlier else None, say, pictures)
        compared = None
        if pictures is not None:
            report, compared = _compared(report, pictures, options.evidence, kept)
    except _UnreadableError as error:
        print(error.said.told(say), file=sys.stderr)
        return INPUT_WRONG
    if options.json:
        print(json.dumps(_as_data(report, compared), ensure_ascii=False))
    else:
        print("\n".join(_sentences(report, compared, say)))
    return SOUND if report.sound else UNSOUND


class _UnreadableError(SaidError):
    """A file that cannot be read; the message says which."""


def _read(
    path: Path,
    root: x509.Certificate | None,
    earlier: Manifest | None,
    say: Callable[[str], str],
    pictures: EvidenceAudit | None = None,
) -> Report:
    audit = Audit(now=datetime.now(UTC), trusted_root=root, earlier=earlier)
    if pictures is not None:
        audit.heard = pictures.take
    try:
        with path.open("rb") as stream:
            _feed(audit, stream, say)
    except OSError as error:
        raise _UnreadableError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    return audit.report()


def _feed(audit: Audit, stream: BinaryIO, say: Callable[[str], str]) -> None:
    read = shown = 0
    while line := stream.readline(MAX_EXPORT_LINE_BYTES + 2):
        audit.feed(line)
        read += len(line)
        if read - shown >= _PROGRESS_EVERY_BYTES and sys.stderr.isatty():
            shown = read
            print(say("{megabytes} MB checked").format(megabytes=read // 1_000_000), end="\r", file=sys.stderr)


def _compared(report: Report, pictures: EvidenceAudit, folder: Path, kept: timedelta) -> tuple[Report, EvidenceReport]:
    """The report with what is wrong with the files; without a manifest they are held against today."""
    if not folder.is_dir():
        raise _UnreadableError(N_("{path} is no folder"), path=folder)
    until = parse_time(report.manifest.at) if report.manifest else datetime.now(UTC)
    compared, problems = pictures.judged(_files(folder), until, kept)
    return replace(report, problems=(*report.problems, *problems)[:MAX_PROBLEMS]), compared


def _files(folder: Path) -> Iterator[File]:
    """Every file of the folder, hashed; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        inside = path.relative_to(folder)
        box = inside.parts[0] if len(inside.parts) == 2 else ""
        yield File(path=str(inside), box=box, slot=path.name.partition(".")[0], sha256=_digest(path))


def _digest(path: Path) -> str | None:
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _as_data(report: Report, compared: EvidenceReport | None) -> dict[str, object]:
    """For a program: the same in every language."""
    problems = [{"fault": each.fault.value, "text": str(each.text), "record": each.record} for each in report.problems]
    beside = {} if compared is None else {"evidence": msgspec.to_builtins(compared)}
    return {**msgspec.to_builtins(report), "problems": problems, "sound": report.sound, **beside}


def _sentences(report: Report, compared: EvidenceReport | None, say: Callable[[str], str]) -> list[str]:
    counts = say("{events} events in {envelopes} envelopes of {boxes} boxes, {runs} runs, {signers} signers")
    lines = [
        counts.format(
            events=report.events,
            envelopes=report.envelopes,
            boxes=len(report.boxes),
            runs=report.runs,
            signers=report.signers,
        )
    ]
    if report.shed:
        lines.append(say("{count} events were given up by their boxes and signed for").format(count=report.shed))
    for box, count in report.urgent_holes:
        text = say("{box}: {count} events are gone from the urgent lane; the box signed for the hole")
        lines.append(text.format(box=box, count=count))
    for box, lane, run in report.rollbacks:
        text = say("{box} {lane}: the store was set back before run {run}; the centre recorded it")
        lines.append(text.format(box=box, lane=say(lane), run=run[:8]))
    for box, lane, count in report.unsent:
        text = say("{box} {lane}: {count} more were written at the box and had not arrived")
        lines.append(text.format(box=box, lane=say(lane), count=count))
    if compared is not None:
        lines += _evidence_sentences(compared, say)
    lines.append(_root_sentence(report, say))
    if report.sound:
        lines.append(say("SOUND: nothing missing, altered, reordered, duplicated or forked"))
        return lines
    first, *others = report.problems
    said = [say("NOT SOUND: {fault}: {text} (record {record})"), say("  {fault}: {text} ({record})")]
    bare = [say("NOT SOUND: {fault}: {text}"), say("  {fault}: {text}")]  # of a file that no record speaks of
    for number, each in enumerate((first, *others[:9])):
        text = (said if each.record else bare)[min(number, 1)]
        lines.append(text.format(fault=say(each.fault.value), text=each.text.told(say), record=each.record))
    if len(others) > 9:
        lines.append(say("  and {count} more").format(count=len(others) - 9))
    return lines


def _evidence_sentences(compared: EvidenceReport, say: Callable[[str], str]) -> Iterator[str]:
    text = say("{verified} of {sealed} sealed pictures and clips are here and are what was sealed")
    yield text.format(verified=compared.verified, sealed=compared.sealed)
    if compared.waited:
        yield say("{count} of the last day are not here: not come yet, or taken away").format(count=compared.waited)
    if compared.over:
        yield say("{count} are older than they are kept").format(count=compared.over)


def _root_sentence(report: Report, say: Callable[[str], str]) -> str:
    match report.root:
        case RootCheck.MATCHES:
            return say("root checked: {fingerprint}").format(fingerprint=report.root_fingerprint)
        case RootCheck.DIFFERS:
            return say("the root in the file is another one: {fingerprint}").format(fingerprint=report.root_fingerprint)
        case RootCheck.UNCHECKED:
            text = say("root NOT checked, compare it yourself or give --trust: {fingerprint}")
            return text.format(fingerprint=report.root_fingerprint)
