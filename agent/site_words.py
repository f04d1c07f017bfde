"""`branchwatch agent site show|apply`: which signed bundle this box works with, and a bundle from an engineer's stick.

Exit codes: 0 it is in force, 1 it is refused, 2 the input is wrong, 3 the agent that runs here does not answer.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.state_option import add_state_option
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.texts import SaidError, system_said, told

if TYPE_CHECKING:
    from agent.site_taking import Outcome

DONE, SAYS_NO, INPUT_WRONG, NOT_REACHED = 0, 1, 2, 3
Say = Callable[[str], str]


def add_site_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Add `site` with its own words."""
    site = _word(
        words,
        "site",
        say("the signed site bundle of this box: show it, or take one from a stick"),
        "branchwatch agent site show",
        say,
    )
    inner = site.add_subparsers(required=True, metavar="COMMAND")
    show = _word(
        inner,
        "show",
        say("show version, signers, the roster's end, secrets that are still to come"),
        "branchwatch agent site show",
        say,
    )
    add_state_option(show, say)
    show.add_argument("--json", action="store_true", help=say("for a program"))
    show.set_defaults(run=_show)
    apply = _word(
        inner,
        "apply",
        say("take a bundle from a file, judged as one from the centre"),
        "branchwatch agent site apply 0755-031-a.json",
        say,
    )
    apply.add_argument("file", type=Path, metavar="FILE", help=say("the signed bundle"))
    add_state_option(apply, say)
    apply.set_defaults(run=_apply)


def _word(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, does: str, example: str, say: Say
) -> argparse.ArgumentParser:
    return words.add_parser(
        name,
        help=does,
        description=does,
        epilog=say("example:") + f"\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _show(arguments: argparse.Namespace, say: Say) -> int:
    now = datetime.now(UTC)
    try:
        shown = shown_site(arguments.state, now)
    except SaidError as error:
        return _wrong(told(error, say))
    if arguments.json:
        print(json.dumps(shown, ensure_ascii=False))
    else:
        print("\n".join(as_text(shown, say)))
    return DONE


def shown_site(state: Path, now: datetime) -> dict[str, Any]:
    """What `site show --json` prints.

    Raises:
        SaidError: not enrolled, or no bundle.
    """
    from agent.identity import load_enrolled_identity
    from agent.site_loading import knows_of, load_site
    from agent.site_store import SiteStore
    from protocol.timestamps import parse_time

    identity = load_enrolled_identity(state, now)
    loaded = load_site(SiteStore(state), knows_of(identity, state))
    signed, bundle = loaded.signed, loaded.signed.bundle
    return {
        "site": bundle.site,
        "box": bundle.box,
        "version": bundle.version,
        "hash": signed.hash,
        "at": bundle.at,
        "signers": list(signed.signers),
        "rollback": bundle.rollback,
        "reason": bundle.reason,
        "roster": {
            "version": bundle.roster.version,
            "not_after": bundle.roster.not_after,
            "people": len(bundle.roster.people),
            "ended": now > parse_time(bundle.roster.not_after),
        },
        "sealed": sorted(bundle.sealed),
        "pending": sorted(bundle.pending),
        "damaged": loaded.damaged,
    }


def as_text(shown: dict[str, Any], say: Say) -> Iterator[str]:
    """The same for a person."""
    if shown["damaged"]:
        yield say("The bundle in force is damaged; the box works with the one before it.")
    yield say("site {site}, box {box}: version {version} of {at}").format(**shown)
    yield say("hash: {hash}").format(**shown)
    yield say("signed by: {signers}").format(signers=", ".join(shown["signers"]))
    if shown["rollback"]:
        yield say("goes back to earlier settings: {reason}").format(**shown)
    roster = say("roster: version {version}, {people} people, until {not_after}").format(**shown["roster"])
    yield roster + (say(" (ended: it must be renewed)") if shown["roster"]["ended"] else "")
    pending = ", ".join(shown["pending"]) or say("none")
    yield say("secrets still to come: {pending}").format(pending=pending)


def _apply(arguments: argparse.Namespace, say: Say) -> int:
    from agent.identity import load_enrolled_identity
    from agent.site_applying import WAIT_S, apply_bundle

    now = datetime.now(UTC)
    try:
        document = _read(arguments.file)
    except OSError as error:
        text = say("{file} cannot be read: {reason}")
        return _wrong(text.format(file=arguments.file, reason=system_said(error).told(say)))
    try:
        identity = load_enrolled_identity(arguments.state, now)
        outcome = apply_bundle(arguments.state, identity, document, now)
    except SaidError as error:
        return _wrong(told(error, say))
    except OSError as error:
        return _wrong(f"{arguments.state}: {system_said(error).told(say)}")
    if outcome is None:
        text = say("the agent that runs with {folder} did not answer within {seconds} s; nothing was changed")
        return _wrong(text.format(folder=arguments.state, seconds=round(WAIT_S)), NOT_REACHED)
    return _tell(arguments.file, outcome, say)


def _tell(file: Path, outcome: "Outcome", say: Say) -> int:
    from agent.site_judging import SiteRefusedError

    if outcome.outcome == "refused":
        reason = told(SiteRefusedError(outcome.reason, outcome.facts), say)
        return _wrong(
            say("{file} is refused: {reason}. Nothing was changed.").format(file=file, reason=reason), SAYS_NO
        )
    text = say("Version {version} is in force.")
    if outcome.outcome == "unchanged":
        text = say("Version {version} was in force already; nothing was changed.")
    print(text.format(version=outcome.version))
    return DONE


def _read(file: Path) -> bytes:
    """At most one byte more than a bundle may have: the judgement says that it is too large."""
    with file.open("rb") as stream:
        return stream.read(MAX_BUNDLE_BYTES + 1)


def _wrong(sentence: str, code: int = INPUT_WRONG) -> int:
    print(f"branchwatch agent: {sentence}", file=sys.stderr)
    return code
