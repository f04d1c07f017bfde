"""`branchwatch verify`: reads an exported ledger line by line, prints what was checked and what is wrong with it.

The only file of this package that touches a file or a clock; the audit itself is protocol/audit.py.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography import x509

from protocol.audit import Audit, Report, RootCheck
from protocol.export import Manifest
from protocol.limits import MAX_EXPORT_LINE_BYTES
from protocol.texts import SaidError, system_said, texts_for_user
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SOUND, UNSOUND, INPUT_WRONG = 0, 1, 2
_PROGRESS_EVERY_BYTES = 64 * 1024 * 1024

_EXAMPLE = """
  branchwatch collector export --dir demo --out ledger.ndjson
  branchwatch verify ledger.ndjson --trust root.pem
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
    parser.add_argument("--json", action="store_true", help=say("print the report as JSON"))
    options = parser.parse_args(argv)
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
        report = _read(options.file, root, earlier.manifest if earlier else None, say)
    except _UnreadableError as error:
        print(error.said.told(say), file=sys.stderr)
        return INPUT_WRONG
    if options.json:
        print(json.dumps(_as_data(report), ensure_ascii=False))
    else:
        print("\n".join(_sentences(report, say)))
    return SOUND if report.sound else UNSOUND


class _UnreadableError(SaidError):
    """A file that cannot be read; the message says which."""


def _read(path: Path, root: x509.Certificate | None, earlier: Manifest | None, say: Callable[[str], str]) -> Report:
    audit = Audit(now=datetime.now(UTC), trusted_root=root, earlier=earlier)
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


def _as_data(report: Report) -> dict[str, object]:
    """For a program: the same in every language."""
    problems = [{"fault": each.fault.value, "text": str(each.text), "record": each.record} for each in report.problems]
    return {**msgspec.to_builtins(report), "problems": problems, "sound": report.sound}


def _sentences(report: Report, say: Callable[[str], str]) -> list[str]:
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
    lines.append(_root_sentence(report, say))
    if report.sound:
        lines.append(say("SOUND: nothing missing, altered, reordered, duplicated or forked"))
        return lines
    first, *others = report.problems
    text = say("NOT SOUND: {fault}: {text} (record {record})")
    lines.append(text.format(fault=say(first.fault.value), text=first.text.told(say), record=first.record))
    text = say("  {fault}: {text} ({record})")
    lines += [
        text.format(fault=say(other.fault.value), text=other.text.told(say), record=other.record)
        for other in others[:9]
    ]
    if len(others) > 9:
        lines.append(say("  and {count} more").format(count=len(others) - 9))
    return lines


def _root_sentence(report: Report, say: Callable[[str], str]) -> str:
    match report.root:
        case RootCheck.MATCHES:
            return say("root checked: {fingerprint}").format(fingerprint=report.root_fingerprint)
        case RootCheck.DIFFERS:
            return say("the root in the file is another one: {fingerprint}").format(fingerprint=report.root_fingerprint)
        case RootCheck.UNCHECKED:
            text = say("root NOT checked, compare it yourself or give --trust: {fingerprint}")
            return text.format(fingerprint=report.root_fingerprint)
