"""`branchwatch collector audit`: proves on a live database that every open alarm has a next step and reaches somebody.

Exit codes: 0 it holds, 1 it does not and what fails is named, 3 the database cannot be reached. Reads only, so it may
be run at any time beside running collectors. Flow: command.py -> here -> escalation/audit.py.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from collector.config import Config
from protocol.texts import Texts, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

if TYPE_CHECKING:
    from collector.escalation.audit import Audit, Finding

DONE, SAYS_NO, INPUT_WRONG, OUT_OF_REACH = 0, 1, 2, 3

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_step": N_("open alarms without a next step: {count}, such as {examples}"),
        "no_watch": N_("untaken alarms whose response time nobody watches: {count}, such as {examples}"),
        "no_review": N_("resolved alarms that nobody is told to review: {count}, such as {examples}"),
        "no_follow": N_("reviewed alarms that nobody is told to follow up: {count}, such as {examples}"),
        "shelter": N_("alarms kept quiet by something that is over: {count}, such as {examples}"),
        "late": N_("steps more than 10 s late: {count} ({examples}); does a collector run on this database?"),
        "unreachable": N_("untaken alarms whose policy reaches nobody: {count}, such as {examples}"),
        "deaf": N_("untaken alarms with a step that reaches nobody: {count}, such as {examples}"),
        "hole": N_("untaken alarms for which there is no policy: {count}, such as {examples}"),
        "unattended": N_(
            "open alarms whose next step will not happen, for no collector runs on this database: {count}, "
            "such as {examples}; start one, or see its log"
        ),
        "altered": N_(
            "rules that no longer say what was loaded, so the ones before them hold: {count} (version {examples}); "
            "load the folder again"
        ),
    }
)
"""What fails, as a sentence: `examples` are numbers of alarms, or purposes of timers."""


def add_audit_words(words: Any, say: Texts, load: Callable[[argparse.Namespace], Config]) -> None:
    """Add the word."""
    does = say("prove that every open alarm has a next step, that it reaches somebody, and that nothing is late")
    word = words.add_parser(
        "audit",
        help=does,
        description=does,
        epilog=say("example:") + "  branchwatch collector audit --config collector.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = word.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="FILE", help=say("the centre's collector.toml"))
    where.add_argument("--dir", type=Path, metavar="DIR", help=say("the folder of a demo"))
    word.add_argument("--json", action="store_true", help=say("one JSON object for programs"))
    word.set_defaults(run=lambda arguments, texts: _audit(arguments, texts, load))


def print_findings(findings: "Iterable[Finding]", say: Texts) -> None:
    """One line each on standard error."""
    for each in findings:
        sentence = say(SENTENCES[each.what.value])
        print(sentence.format(count=each.count, examples=", ".join(each.examples)), file=sys.stderr)


def _audit(arguments: argparse.Namespace, say: Texts, load: Callable[[argparse.Namespace], Config]) -> int:
    from collector.escalation.audit import whole
    from collector.rules.surrounding import surroundings_of
    from collector.storage.store import Store, StoreError

    if arguments.dir is not None:
        arguments.config = arguments.dir / "collector.toml"
    config = load(arguments)
    if config.database_file is not None and not config.database_file.is_file():
        missing = say("{path}: there is no database; start the collector once").format(path=config.database_file)
        print(missing, file=sys.stderr)
        return OUT_OF_REACH
    try:
        store = Store(config.database_url)
        try:
            with store.read() as reading:
                now_ms = round(datetime.now(UTC).timestamp() * 1000)
                found = whole(reading.connection, surroundings_of(config), now_ms)
        finally:
            store.close()
    except StoreError as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    if arguments.json:
        print(msgspec.json.encode(_shown(found)).decode("utf-8"))
    else:
        _print(found, say)
    return SAYS_NO if found.findings else DONE


def _print(found: "Audit", say: Texts) -> None:
    if not found.running and not found.alarms:
        print(say("worth a look: no collector runs on this database; nobody is told of anything until one does"))
    for weak in found.weak:
        text = say("worth a look: no channel to {person} was proven within 30 days ({channels})")
        print(text.format(person=weak.person, channels=", ".join(weak.channels)))
    for silent in found.silent:
        print(say("worth a look: receiver {receiver} does not answer").format(receiver=silent))
    print_findings(found.findings, say)
    if not found.findings:
        holds = say(
            "it holds: {alarms} open alarms, each with a next step that reaches somebody; {timers} timers, none late"
        )
        print(holds.format(alarms=found.alarms, timers=found.timers))


def _shown(found: "Audit") -> dict[str, Any]:
    return {
        "holds": not found.findings,
        "alarms": found.alarms,
        "timers": found.timers,
        "findings": list(found.findings),
        "unproven": list(found.weak),
        "silent_receivers": list(found.silent),
        "running": found.running,
    }
