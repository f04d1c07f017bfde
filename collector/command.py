"""`branchwatch collector`: its words, arguments in, exit codes out; some words have a file of their own.

Exit codes: 0 done, 1 it says no, 2 the input is wrong, 3 cannot be reached. No traceback reaches a person.
"""

import argparse
import asyncio
import errno
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from collector.audit_words import add_audit_words
from collector.backup_words import add_backup_words
from collector.config import Config, read_config
from collector.deliver_words import add_deliver_words
from collector.export_words import export_evidence_words
from collector.keys import Keys, KeysError, load_keys
from collector.notify_words import add_notify_words
from collector.registrations_words import add_registrations_words
from collector.revocation import Lists
from collector.rules_words import add_rules_words, said_rules
from protocol.settings import MAX_SETTINGS_BYTES, SettingsError
from protocol.texts import Texts, said, system_said, texts_for_user, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

DONE, SAYS_NO, INPUT_WRONG, OUT_OF_REACH = 0, 1, 2, 3
TOKEN_BYTES: Final = 32
SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 256

EXAMPLES: Final = """
  branchwatch collector check  --config collector.toml
  branchwatch collector serve  --config collector.toml --embedded
  branchwatch collector deliver bundles/0755-031-a.json --config collector.toml
  branchwatch collector export --config collector.toml --out ledger.ndjson && branchwatch verify ledger.ndjson
"""

WORDS: Final = {
    "serve": (
        N_("run the centre until it is told to end"),
        "branchwatch collector serve --config collector.toml --embedded",
    ),
    "check": (
        N_("check collector.toml and its certificates; starts nothing"),
        "branchwatch collector check --config collector.toml",
    ),
    "migrate": (
        N_("bring the database to this version; `serve` does it too"),
        "branchwatch collector migrate --config collector.toml",
    ),
    "export": (
        N_("write the whole ledger to a file that `branchwatch verify` checks"),
        "branchwatch collector export --config collector.toml --out ledger.ndjson",
    ),
    "token": (N_("make a token and its hash for a [[person]]"), "branchwatch collector token"),
    "password": (
        N_("hash the password on standard input for a [[person]]"),
        "branchwatch collector password < password.txt",
    ),
}
"""What the words do that stand in this file, and how each is typed."""


def main(argv: list[str]) -> int:
    """Run one `collector` command."""
    say = texts_for_user()
    arguments = _parser(say).parse_args(argv)
    try:
        return int(arguments.run(arguments, say))
    except SettingsError as error:
        for fault in error.faults:
            print(fault.told(say), file=sys.stderr)
        return INPUT_WRONG
    except KeysError as error:
        for missing in error.faults:
            print(missing.told(say), file=sys.stderr)
        return INPUT_WRONG


def _serve(arguments: argparse.Namespace, say: Texts) -> int:
    from collector.app import AddressError, IngestEndedError, serve
    from collector.embedded import EmbeddedBrokerError
    from collector.evidence.files import FilesError
    from collector.evidence.serving import ListenError
    from collector.storage.own_id import IdTakenError
    from collector.storage.store import StoreError

    config = _config(arguments)
    if arguments.embedded and config.settings.embedded is None:
        needs = say("{file}: --embedded needs an [embedded] table with listen, certificate, key and boxes")
        print(needs.format(file=arguments.config), file=sys.stderr)
        return INPUT_WRONG
    keys = _keys(config)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for quiet in ("uvicorn", "alembic", "sse_starlette", "paho"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    try:
        asyncio.run(serve(config, keys, embedded=arguments.embedded))
    except (IdTakenError, IngestEndedError) as error:
        print(told(error, say), file=sys.stderr)
        return SAYS_NO
    except (AddressError, StoreError, EmbeddedBrokerError, FilesError, ListenError) as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    return DONE


def _check(arguments: argparse.Namespace, say: Texts) -> int:
    from collector.notify.channels import open_channels
    from collector.notify.dc09.loading import load_receivers

    config = _config(arguments)
    keys = _keys(config)
    load_receivers(config)
    open_channels(config, lambda: 0)
    settings = config.settings
    for shown in Lists(keys.trust.crls, ()).judge(datetime.now(UTC)):
        print(shown.said.told(say), file=sys.stderr)
    sound = say("{file}: sound; {id}, {brokers} brokers, {people} people")
    print(sound.format(file=arguments.config, id=settings.id, brokers=len(config.brokers), people=len(settings.person)))
    if not settings.person:
        print(say("worth a look: {fault}").format(fault=say("nobody can log in: name people as [[person]]")))
    if rules := said_rules(config, say):
        print(rules)
    return DONE


def _migrate(arguments: argparse.Namespace, say: Texts) -> int:
    from collector.storage.migrating import migrate
    from collector.storage.store import Store, StoreError

    try:
        store = Store(_config(arguments).database_url)
        try:
            before, after = migrate(store)
        finally:
            store.close()
    except StoreError as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    if before == after:
        print(say("the database is at {after} already").format(after=after))
    elif before:
        print(say("the database is at {after}, it was at {before}").format(after=after, before=before))
    else:
        print(say("the database is at {after}; it was empty").format(after=after))
    return DONE


def _export(arguments: argparse.Namespace, say: Texts) -> int:
    from collector.exporting import export_ledger
    from collector.storage.evidence import last_event
    from collector.storage.store import Store, StoreError

    if arguments.dir is not None:
        arguments.config = arguments.dir / "collector.toml"
    config = _config(arguments)
    keys = _keys(config)
    if config.database_file is not None and not config.database_file.is_file():
        # Opening it would make an empty one.
        raise KeysError(
            [
                said(
                    N_("{path} cannot be read: {reason}"),
                    path=config.database_file,
                    reason=said(os.strerror(errno.ENOENT)),
                )
            ]
        )
    out: Path = arguments.out
    partial = out.with_name(f"{out.name}.part")
    lines = 0
    try:
        store = Store(config.database_url)
        try:
            with store.read() as reading:
                upto = last_event(reading)
            with partial.open("wb") as file:
                for line in export_ledger(store, keys, config.settings.id, datetime.now(UTC)):
                    file.write(line)
                    lines += 1
                file.flush()
                os.fsync(file.fileno())
        finally:
            store.close()
        partial.replace(out)
    except StoreError as error:
        partial.unlink(missing_ok=True)
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    except OSError as error:
        partial.unlink(missing_ok=True)
        print(
            say("{file} cannot be written: {reason}").format(file=out, reason=system_said(error).told(say)),
            file=sys.stderr,
        )
        return INPUT_WRONG
    if arguments.evidence is None:
        print(say("{file}: {count} records. Next step: branchwatch verify {file}").format(file=out, count=lines))
        return DONE
    return export_evidence_words(config, arguments.evidence, out, lines, upto, say)


def _token(_: argparse.Namespace, say: Texts) -> int:
    from collector.people import token_hash

    token = token_urlsafe(TOKEN_BYTES)
    print(f"token      = {token}")
    print(f"token_hash = {token_hash(token)}")
    print(say("Give the token to its owner; put token_hash into collector.toml under [[person]]."), file=sys.stderr)
    return DONE


def _password(_: argparse.Namespace, say: Texts) -> int:
    from collector.people import hash_password

    password = sys.stdin.readline(LONGEST_PASSWORD + 2).rstrip("\r\n")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        length = say("a password has {least} to {most} characters; type it on standard input")
        print(length.format(least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD), file=sys.stderr)
        return INPUT_WRONG
    print(hash_password(password))
    return DONE


def _config(arguments: argparse.Namespace) -> Config:
    path: Path = arguments.config
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SETTINGS_BYTES + 1)
    except OSError as error:
        raise KeysError([said(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error))]) from None
    return read_config(text, path.name, path.parent)


def _keys(config: Config) -> Keys:
    return load_keys(config, datetime.now(UTC))


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch collector",
        description=say("The centre: receives, verifies and stores what boxes send, and shows the alarm desk."),
        epilog=_epilog(say),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(title=say("words"), metavar="WORD", required=True)
    serve = words.add_parser("serve", **_taught("serve", say))
    _add_config(serve, say)
    serve.add_argument("--embedded", action="store_true", help=say("also run the built-in broker of [embedded]"))
    serve.set_defaults(run=_serve)
    check = words.add_parser("check", **_taught("check", say))
    _add_config(check, say)
    check.set_defaults(run=_check)
    bring = words.add_parser("migrate", **_taught("migrate", say))
    _add_config(bring, say)
    bring.set_defaults(run=_migrate)
    export = words.add_parser("export", **_taught("export", say))
    where = export.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="FILE", help=say("the centre's collector.toml"))
    where.add_argument("--dir", type=Path, metavar="DIR", help=say("the folder of a demo"))
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help=say("the file to write"))
    export.add_argument(
        "--evidence", type=Path, metavar="DIR", help=say("also copy the pictures and clips that stand in it there")
    )
    export.set_defaults(run=_export)
    add_backup_words(words, say, _config, _keys)
    add_deliver_words(words, say, _add_config, lambda arguments: (config := _config(arguments), _keys(config)))
    add_registrations_words(words, say, _add_config, _config)
    add_rules_words(words, say, _add_config, _config)
    add_audit_words(words, say, _config)
    add_notify_words(words, say, _add_config, _config)
    token = words.add_parser("token", **_taught("token", say))
    token.set_defaults(run=_token)
    password = words.add_parser("password", **_taught("password", say))
    password.set_defaults(run=_password)
    return parser


def _taught(name: str, say: Texts) -> Any:
    """What every word's help has: what it does, and one line that can be typed as it stands."""
    does, example = WORDS[name]
    return {
        "help": say(does),
        "description": say(does),
        "epilog": f"{say('example:')}  {example}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _epilog(say: Texts) -> str:
    token = say("prints a new token for its owner, and the hash for token_hash")
    password = say("prints the hash for password_hash of the password on the first line")
    return (
        f"{say('example:')}{EXAMPLES}"
        f"  branchwatch collector token            {token}\n"
        f"  branchwatch collector password < file  {password}\n\n"
        f"{say('Exit codes: 0 done, 1 it says no, 2 your input is wrong, 3 cannot be reached.')}\n"
    )


def _add_config(parser: argparse.ArgumentParser, say: Texts) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=say("the centre's collector.toml"))
