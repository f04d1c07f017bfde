"""`branchwatch order keygen|register`: a person's own key, and its way to the desk's list. Flow: command.py -> here."""

import asyncio
import os
from argparse import Namespace
from pathlib import Path

from ordering.asking import Console
from ordering.drafts import Registered
from ordering.keys import PersonalKey, make_key, open_key
from ordering.page_serving import PORT, listen, serve
from ordering.page_steps import Making
from ordering.passphrase import asks, new_passphrase
from ordering.refusal import DONE, SAYS_NO, InputError, RefusedError
from ordering.registering import KEY_FILE, LOCALHOST_KEY, Made
from ordering.terminal import Terminal
from ordering.words import console_of, port_read, takes_console
from protocol.registration import spoken_key
from protocol.texts import Texts, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words

MAX_NAME = 64


def add_key_words(words: Words) -> None:
    """Teach `order` its words about keys."""
    say = words.say
    keygen = words.add(
        "keygen",
        say("make a key file"),
        say(
            "Makes a key file for approving orders, locked with a passphrase that is typed at the terminal or is the "
            "first line of the file that BRANCHWATCH_KEY_PASSPHRASE_FILE names. It has no power until it is "
            "registered, accepted at the offline machine and delivered."
        ),
        "branchwatch order keygen zhao.pem",
        _keygen,
    )
    keygen.add_argument("file", type=Path, metavar="FILE", help=say("where the key is to lie; must not be there yet"))
    keygen.add_argument("--no-passphrase", action="store_true", help=say("leave the key open; for trials only"))
    keygen.add_argument("--json", action="store_true", help=say("print what came of it as JSON"))

    register = words.add(
        "register",
        say("bring a key of this machine to the desk's list"),
        say(
            "Registers a security key for the pages that this command serves on this machine, or with --key the public "
            "half of a key file. It has no power until its fingerprint was read out at the offline machine's call."
        ),
        "branchwatch order register --name blue",
        _register,
    )
    register.add_argument("--name", default="", metavar="NAME", help=say("what you call the key"))
    register.add_argument("--key", type=Path, metavar="FILE", help=say("a key file instead of a security key"))
    register.add_argument("--port", type=port_read(say), default=PORT, metavar="N", help=say("port of that page"))
    takes_console(register, say)


def _keygen(arguments: Namespace, say: Texts) -> int:
    if arguments.file.exists():
        raise InputError(N_("{path} is there already; a key is never written over"), path=arguments.file)
    passphrase = None if arguments.no_passphrase else new_passphrase(os.environ, say)
    key = make_key(arguments.file, passphrase, os.urandom)
    terminal = Terminal(texts=say, as_json=arguments.json)
    groups = spoken_key(key.der)
    terminal.line(said("{path}: made. Keep it for yourself; nobody needs a copy.", path=key.path))
    terminal.line(said("fingerprint  {groups}", groups=groups))
    terminal.line(said("Next step: branchwatch order register --key {path}", path=key.path))
    terminal.result({"file": str(key.path), "fingerprint": groups, "public_key": key.public_key})
    return DONE


def _register(arguments: Namespace, say: Texts) -> int:
    name = arguments.name or (arguments.key.stem if arguments.key else "localhost")
    if not name.isprintable() or len(name) > MAX_NAME:
        raise InputError(
            N_("the name of a key has {count} characters at most, all of which can be shown"), count=MAX_NAME
        )
    access, console = console_of(arguments)
    terminal = Terminal(texts=say, as_json=arguments.json)
    with console:
        if arguments.key is not None or access.keys:
            path = arguments.key or access.keys[0]
            return _register_file(console, open_key(path, asks(os.environ, say)), name, terminal)
        return register_security_key(console, name, arguments.port, terminal)


def _register_file(console: Console, key: PersonalKey, name: str, terminal: Terminal) -> int:
    kept = console.ask("POST", KEY_FILE, Registered, {"name": name, "public_key": key.public_pem})
    return _tell(terminal, kept.id, spoken_key(key.der))


def register_security_key(console: Console, name: str, port: int, terminal: Terminal) -> int:
    """Have a credential made on this machine's page, and bring it to the desk's list; the exit code."""
    kept: list[str] = []

    def register(made: Made) -> None:
        kept.append(console.ask("POST", LOCALHOST_KEY, Registered, made.for_the_desk(name)).id)

    steps = Making(challenge=os.urandom(32), user=os.urandom(32), name=name, register=register)
    listeners = listen(port)
    try:
        show = lambda address: terminal.line(  # noqa: E731 - one line that is handed on
            said("Open this page in your browser; it opens once: {address}", address=address)
        )
        in_time = asyncio.run(serve(steps, listeners, os.urandom, show))
    finally:
        for each in listeners:
            each.close()
    if not in_time:
        raise RefusedError(N_("nobody registered a key on the page within ten minutes"))
    if steps.made is None:
        terminal.line(said("Nothing was registered."))
        return SAYS_NO
    return _tell(terminal, kept[-1], steps.made.spoken)


def _tell(terminal: Terminal, key: str, groups: str) -> int:
    terminal.line(said("Registered. It has no power yet: ring up the offline machine, and read out this fingerprint."))
    terminal.line(said("fingerprint  {groups}", groups=groups))
    terminal.result({"id": key, "fingerprint": groups})
    return DONE
