"""`branchwatch agent`: run the guard, check a site file, show what the outbox holds.

Exit codes: 0 done, 1 it says no, 2 your input is wrong. Libraries are loaded only by the word that needs them.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.acceptance_words import add_acceptance_words
from agent.arm_words import add_arm_words
from agent.discover_words import add_discover_words
from agent.enrol_words import add_enrol_words
from agent.health_words import add_health_words
from agent.live_words import add_live_options
from agent.models_words import add_models_words
from agent.probe_words import add_probe_words
from agent.reference_words import add_reference_words
from agent.replay_words import add_replay_words
from agent.site_words import add_site_words
from agent.state_option import STATE, ClosedFolderError, add_state_option, check_open
from protocol.settings import SettingsError
from protocol.texts import system_said, texts_for_user, told

if TYPE_CHECKING:
    from agent.app import Settings
    from protocol.site.schema import Site

DONE, SAYS_NO, INPUT_WRONG = 0, 1, 2
MAX_SITE_BYTES: Final = 512 * 1024
Say = Callable[[str], str]


class InputError(Exception):
    """What was typed cannot be used; the message says where and what to do."""


def main(argv: list[str]) -> int:
    """Run one `branchwatch agent` command."""
    say = texts_for_user()
    arguments = _parser(say).parse_args(argv)
    try:
        check_open(getattr(arguments, "state", None))
        return int(arguments.run(arguments, say))
    except SettingsError as error:
        for fault in error.faults:
            print(fault.told(say), file=sys.stderr)
        print(say("Faults: {count}. Nothing was started.").format(count=len(error.faults)), file=sys.stderr)
    except ClosedFolderError as error:
        print(f"branchwatch agent: {told(error, say)}", file=sys.stderr)
    except InputError as error:
        print(f"branchwatch agent: {error}", file=sys.stderr)
    return INPUT_WRONG


def _run(arguments: argparse.Namespace, say: Say) -> int:
    import sqlite3

    from agent.claim import FolderTakenError, claim

    if arguments.config and arguments.state is None:
        raise InputError(say("--config is for trying a file out: name a folder for its events with --state"))
    arguments.state = arguments.state or STATE
    check_open(arguments.state)
    settings = _settings_of_file(arguments, say) if arguments.config else _settings_of_folder(arguments, say)
    try:
        arguments.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim(arguments.state)
    except OSError as error:
        raise InputError(f"{arguments.state}: {system_said(error).told(say)}") from None
    except FolderTakenError as error:
        raise InputError(told(error, say)) from None
    from agent.outbox.store import StoreLostError
    from agent.process import run_agent

    try:
        run_agent(settings)
    except StoreLostError as error:
        print(f"branchwatch agent: {arguments.state}: {told(error, say)}", file=sys.stderr)
        return SAYS_NO
    except sqlite3.Error as error:
        text = say("{folder}: the store cannot be opened ({reason}); see whose folder it is and if the disk has room")
        raise InputError(text.format(folder=arguments.state, reason=error)) from None
    return DONE


def _settings_of_file(arguments: argparse.Namespace, say: Say) -> "Settings":
    from agent.app import Settings
    from agent.identity import load_identity
    from agent.identity_reading import IdentityError

    site = _read_site(arguments.config, say)
    if site.centre is None:
        raise InputError(
            say("{file}: [centre] is missing; it names the box and its brokers").format(file=arguments.config)
        )
    try:
        identity = load_identity(site.centre, site.id, arguments.config.parent, datetime.now(UTC))
    except IdentityError as error:
        raise InputError(told(error, say)) from None
    return Settings(site=site, centre=site.centre, identity=identity, state=arguments.state)


def _settings_of_folder(arguments: argparse.Namespace, say: Say) -> "Settings":
    from agent.identity_reading import IdentityError
    from agent.running import enrolled_settings
    from agent.site_loading import SiteLoadError

    try:
        return enrolled_settings(arguments.state, datetime.now(UTC))
    except (IdentityError, SiteLoadError) as error:
        raise InputError(told(error, say)) from None


def _check(arguments: argparse.Namespace, say: Say) -> int:
    from agent.announcing.ability import lacking
    from agent.config.watched import never_armed, on_camera, on_panel
    from protocol.site.notes import notes

    if arguments.live:
        return _live(arguments, say)
    if arguments.site is None:
        raise InputError(say("name the site file; only --live needs none"))
    site = _read_site(arguments.site, say)
    print(
        say("{file}: site {site} is sound: {doors} doors, {interlocks} interlocks, {modules} modules.").format(
            file=arguments.site,
            site=site.id,
            doors=len(site.door),
            interlocks=len(site.interlock),
            modules=len(site.io),
        )
    )
    if site.camera or site.recorder:
        text = say("It looks with {cameras} cameras and {recorders} recorders at {areas} areas.")
        print(text.format(cameras=len(site.camera), recorders=len(site.recorder), areas=len(site.area)))
    for section, name in never_armed(site):
        text = say("[[{section}]] {name}: in no partition, so never armed; it is shown, and told when meddled with.")
        print(text.format(section=section, name=name))
    for _, note in notes(site):
        print(note.told(say))
    blind = [f"door/{door.id}" for door in site.door if not (door.contact_counter or door.contact_latch)]
    zones = (zone for zone in site.zone if not (on_panel(zone) or on_camera(zone)) and zone.bands is None)
    blind += [f"zone/{zone.id}" for zone in zones if not (zone.input_counter or zone.input_latch)]
    if blind:
        text = say("pulses under 100 ms are not seen: no counter or latch register is named for {points}.")
        print(text.format(points=", ".join(blind)))
    for lack, step in lacking(site, None):
        print(f"{lack.told(say)}. {say('next step:')} {step.told(say)}")
    if site.centre is None:
        print(say("[centre] is missing: this file can be checked but not run."))
    return DONE


def _live(arguments: argparse.Namespace, say: Say) -> int:
    from agent.live_words import live_of_folder, live_of_site

    def described() -> "Site":
        return _read_site(arguments.site, say) if arguments.site else _settings_of_folder(arguments, say).site

    if arguments.state is None and arguments.site is not None:
        return live_of_site(described(), arguments, say)
    arguments.state = arguments.state or STATE
    check_open(arguments.state)
    return live_of_folder(arguments.state, described, arguments, say)


def _history(arguments: argparse.Namespace, say: Say) -> int:
    from agent.history import HistoryError, as_text, history

    try:
        summary, events = history(arguments.state, arguments.last)
    except HistoryError as error:
        raise InputError(told(error, say)) from None
    if arguments.json:
        print(json.dumps({**summary, "events": events}, ensure_ascii=False))
    else:
        for line in as_text(summary, events, say):
            print(line)
    return DONE


def _read_site(file: Path, say: Say) -> "Site":
    from protocol.site.reading import read_site

    try:
        with file.open("rb") as stream:
            text = stream.read(MAX_SITE_BYTES + 1)
    except OSError as error:
        sentence = say("{file} cannot be read: {reason}")
        raise InputError(sentence.format(file=file, reason=system_said(error).told(say))) from None
    return read_site(text, file.name)


def _parser(say: Say) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch agent",
        description=say("The program of a branch's box."),
        epilog=say("example:") + "\n  branchwatch agent check site.toml\n  branchwatch agent health",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(required=True, metavar="COMMAND")

    run = _word(
        words,
        "run",
        say("guard the site until told to stop"),
        say("example:") + "\n  branchwatch agent run",
    )
    run.add_argument(
        "--config", type=Path, metavar="SITE.toml", help=say("try a plain site file instead of the signed bundle")
    )
    run.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=say("the agent's folder; /var/lib/branchwatch if not said, and with --config none"),
    )
    run.set_defaults(run=_run)

    check = _word(
        words,
        "check",
        say("check a site file: every fault at once, nothing is started"),
        say("example:")
        + "\n  branchwatch agent check site.toml\n  branchwatch agent check --live"
        + "\n  branchwatch agent check --live site.toml --for 30s",
    )
    check.add_argument("site", type=Path, nargs="?", metavar="SITE.toml", help=say("the site file"))
    add_live_options(check, say)
    check.set_defaults(run=_check)

    past = _word(
        words,
        "history",
        say("show what the outbox holds"),
        say("example:") + "\n  branchwatch agent history --last 20",
    )
    add_state_option(past, say)
    past.add_argument(
        "--last", type=int, default=50, metavar="N", help=say("how many of the latest events; 50 if not said")
    )
    past.add_argument("--json", action="store_true", help=say("for a program"))
    past.set_defaults(run=_history)
    add_site_words(words, say)
    add_enrol_words(words, say)
    add_health_words(words, say)
    add_discover_words(words, say)
    add_probe_words(words, say)
    add_models_words(words, say)
    add_reference_words(words, say)
    add_arm_words(words, say)
    add_acceptance_words(words, say)
    add_replay_words(words, say, _read_site)
    return parser


def _word(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, does: str, example: str
) -> argparse.ArgumentParser:
    return words.add_parser(
        name, help=does, description=does, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
