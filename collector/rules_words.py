"""`branchwatch collector rules check | load | show`: the bank's rules, judged, loaded, shown.

Exit codes: 0 done, 2 the rules are refused, 3 the database cannot be reached. Flow: command.py -> here -> rules/*.
"""

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from collector.config import Config
from collector.people import PersonRole
from protocol.texts import Said, Texts, said, told

DONE, SAYS_NO, INPUT_WRONG, OUT_OF_REACH = 0, 1, 2, 3

EXAMPLES: Final = """
  branchwatch collector rules check inventory/centre --config collector.toml
  branchwatch collector rules load inventory/centre --config collector.toml --as centre-director
  branchwatch collector rules show --config collector.toml
"""

LOADERS: Final = frozenset({PersonRole.ADMINISTRATOR, PersonRole.CENTRE_DIRECTOR})
"""Whoever writes the bank's rules."""

LoadConfig = Callable[[argparse.Namespace], Config]


def add_rules_words(words: Any, say: Texts, add_config: Callable[[Any, Texts], None], load: LoadConfig) -> None:
    """Add `rules` and its three words."""
    taught: dict[str, Any] = {
        "epilog": say("example:") + EXAMPLES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
    does = say("who is told when, whose turn it is, what is to be done: check, load, show")
    rules = words.add_parser("rules", help=does, description=does, **taught)
    inner = rules.add_subparsers(title=say("words"), metavar="WORD", required=True)
    for name, help_said, run in (
        ("check", say("say everything that is wrong with a folder of rules; changes nothing"), _check),
        ("load", say("let a folder of rules hold from now on, for every collector of this database"), _load),
    ):
        word = inner.add_parser(name, help=help_said, description=help_said, **taught)
        word.add_argument("folder", type=Path, metavar="DIR", help=say("the folder: policies.toml, rotas.toml, ..."))
        add_config(word, say)
        if name == "load":
            word.add_argument(
                "--as",
                dest="person",
                metavar="PERSON",
                help=say("who loads them: an administrator or the centre's director, by id in collector.toml"),
            )
        word.set_defaults(run=lambda arguments, texts, run=run: run(arguments, texts, load(arguments)))
    show_help = say("say which rules hold, since when and by whom")
    show = inner.add_parser("show", help=show_help, description=show_help, **taught)
    add_config(show, say)
    show.set_defaults(run=lambda arguments, texts: _show(arguments, texts, load(arguments)))


def _check(arguments: argparse.Namespace, say: Texts, config: Config) -> int:
    read = _judged(arguments, say, config)
    if read is None:
        return INPUT_WRONG
    rules = read.rules
    sound = say("{folder}: sound; policies: {policies}, rotas: {rotas}, contacts: {contacts}, procedures: {procedures}")
    print(
        sound.format(
            folder=arguments.folder,
            policies=len(rules.policy),
            rotas=len(rules.rota),
            contacts=len(rules.contact),
            procedures=len(rules.procedure),
        )
    )
    return DONE


def _load(arguments: argparse.Namespace, say: Texts, config: Config) -> int:
    from collector.audit_words import print_findings
    from collector.rules.loading import load
    from collector.rules.surrounding import surroundings_of
    from collector.storage.migrating import migrate
    from collector.storage.store import Store, StoreError

    if arguments.person is not None and (no := _may_not(arguments.person, config)) is not None:
        print(no.told(say), file=sys.stderr)
        return INPUT_WRONG
    read = _judged(arguments, say, config)
    if read is None:
        return INPUT_WRONG
    person = arguments.person or f"os:{getpass.getuser()}"[:64]
    try:
        store = Store(config.database_url)
        try:
            migrate(store)
            now_ms = round(datetime.now(UTC).timestamp() * 1000)
            loaded = load(store, read.rules, surroundings_of(config), person, now_ms)
        finally:
            store.close()
    except StoreError as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    if loaded.fresh:
        holds = say("rules {version} hold from now on; alarms whose next step comes earlier now: {count}")
        print(holds.format(version=loaded.version, count=loaded.brought_forward))
    else:
        print(say("rules {version} say the same and hold already").format(version=loaded.version))
    print_findings(loaded.findings, say)
    return DONE


def _may_not(name: str, config: Config) -> Said | None:
    """Why this person loads no rules; None when they do (DOMAIN 4: policies are the administrator's)."""
    person = next((each for each in config.settings.person if each.id == name), None)
    if person is None:
        return said('there is no person "{name}" in collector.toml', name=name)
    if LOADERS.isdisjoint(person.roles):
        return said('"{name}" loads no rules: a person with role "administrator" or "centre_director" does', name=name)
    return None


def _show(_: argparse.Namespace, say: Texts, config: Config) -> int:
    from collector.storage.migrating import migrate
    from collector.storage.rule_rows import rule_rows
    from collector.storage.store import Store, StoreError

    try:
        store = Store(config.database_url)
        try:
            migrate(store)
            with store.read() as reading:
                rows = rule_rows(reading.connection)
        finally:
            store.close()
    except StoreError as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    if not rows:
        print(say("no rules were loaded: the built-in ones hold, the desk, then shift leaders, then the director"))
    for row in rows:
        at = datetime.fromtimestamp(row.loaded_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        sentence = (
            say("rules {version} hold since {at}, loaded by {person}")
            if row is rows[0]
            else say("rules {version} were loaded {at} by {person}")
        )
        print(f"{sentence.format(version=row.version, at=at, person=row.person)}  {row.hash[:12]}")
    return DONE


def said_rules(config: Config, say: Texts, today: date | None = None) -> str:
    """Which rules hold, and what is worth a look; nothing where the database's file is not there yet."""
    from collector.alarms.clocks import calendar_faults
    from collector.rules.holding import rules_now
    from collector.storage.rule_rows import rule_rows
    from collector.storage.store import Store, StoreError

    if config.database_file is not None and not config.database_file.is_file():
        return ""  # opening it would make an empty one
    try:
        store = Store(config.database_url)
        try:
            with store.read() as reading:
                newest = next(iter(rule_rows(reading.connection, 1)), None)
                calendar = rules_now(reading.connection).rules.calendar
        finally:
            store.close()
    except StoreError as error:
        return say("worth a look: {fault}").format(fault=told(error, say))
    judged = calendar_faults(calendar, today or datetime.now().astimezone().date())
    looks = [say("worth a look: {fault}").format(fault=each.told(say)) for each in (*judged.faults, *judged.warnings)]
    if newest is None:
        builtin = say("no rules were loaded: the built-in ones hold, the desk, then shift leaders, then the director")
        if config.settings.receiver:
            looks.append(say("no receiver is told of anything until a policy of loaded rules names it"))
        return "\n".join((builtin, *looks))
    at = datetime.fromtimestamp(newest.loaded_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    holds = say("rules {version} hold since {at}, loaded by {person}")
    return "\n".join((holds.format(version=newest.version, at=at, person=newest.person), *looks))


def _judged(arguments: argparse.Namespace, say: Texts, config: Config) -> Any:
    """What the folder says; None when it is refused, with every fault printed."""
    from collector.rules.checking import faults, warnings
    from collector.rules.folder import read_folder
    from collector.rules.knowing import known_of
    from collector.rules.surrounding import sites_of

    read = read_folder(arguments.folder)
    known = known_of(config.settings, datetime.now().astimezone().date(), *sites_of(config))
    found = list(read.faults)
    placed = {(fault.file, fault.line) for fault in found}
    unread = bool(read.faults) and not read.rules.policy  # whether there is a hole, nobody can tell
    for path, message in faults(read.rules, known):
        if unread and path == ("policy",):
            continue
        fault = read.fault(path, message)
        if (fault.file, fault.line) not in placed:  # what does not fit its shape is not judged twice
            found.append(fault)
    for fault in sorted(found, key=lambda each: (each.file, each.line)):
        print(fault.told(say), file=sys.stderr)
    if found:
        one = say("{folder}: refused for this fault; what held before holds on")
        count = one if len(found) == 1 else say("{folder}: refused, {count} faults; what held before holds on")
        print(count.format(folder=arguments.folder, count=len(found)), file=sys.stderr)
        return None
    for path, message in warnings(read.rules, known):
        warned = say("worth a look: {fault}").format(fault=read.fault(path, message).told(say))
        print(warned, file=sys.stderr)
    return read
