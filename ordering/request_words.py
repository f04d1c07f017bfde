"""`branchwatch request`: asks a box for something that changes no protection (docs/guarding.md 4.3).

Flow: the one command -> here -> the console, which signs the request itself.
"""

import argparse
import time
from argparse import Namespace
from typing import Any, Final

import msgspec

from ordering.asking import Console
from ordering.drafts import Asked, AskedList
from ordering.giving import TOLD_AFTER_S
from ordering.picture_words import add_picture_words, brought
from ordering.reading import printable
from ordering.refusal import DONE, SAYS_NO
from ordering.running import run
from ordering.showing import lasting
from ordering.terminal import Terminal
from ordering.words import console_of, id_named, takes_console
from protocol.messages import Health
from protocol.texts import Said, Texts, said, texts_for_user
from protocol.words import Words

ANSWER_S: Final = 30.0
"""A box answers at once, an announcement is spoken first."""
EVERY_S: Final = 0.2


def main(argv: list[str]) -> int:
    """Run one `branchwatch request` command; 0 done, 1 it says no, 2 the input is wrong, 3 cannot be reached."""
    say = texts_for_user()
    return run("request", _parser(say).parse_args(argv), say)


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch request",
        description=say("Asks a box for something that changes no protection: a picture, an announcement, its health."),
        epilog=say("example:") + "  branchwatch request announce 0755-031 leave",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = Words(parser, say)
    announce = words.add(
        "announce",
        say("have an announcement of the site file spoken at the site"),
        say("Has the box speak one of the announcements that stand in its signed site file."),
        "branchwatch request announce 0755-031 leave",
        _announce,
    )
    announce.add_argument("site", metavar="SITE", help=say("the site's id"))
    announce.add_argument("announcement", metavar="ANNOUNCEMENT", help=say("the announcement's id"))
    announce.add_argument("--no-wait", action="store_true", help=say("do not wait for what becomes of it"))
    takes_console(announce, say)
    health = words.add(
        "health",
        say("have a box tell its condition now"),
        say("Has the box tell its own condition at once instead of with its next beat."),
        "branchwatch request health 0755-031",
        _health,
    )
    health.add_argument("site", metavar="SITE", help=say("the site's id"))
    health.add_argument("--no-wait", action="store_true", help=say("do not wait for what becomes of it"))
    takes_console(health, say)
    add_picture_words(words, say, _ask)
    return parser


def _announce(arguments: Namespace, say: Texts) -> int:
    return _ask(arguments, say, "announce", {"announcement": id_named(arguments.announcement)})


def _health(arguments: Namespace, say: Texts) -> int:
    return _ask(arguments, say, "health", {})


def _followed(console: Console, taken: Asked, terminal: Terminal) -> Asked:
    """The request once the box has answered it, or after ANSWER_S as it is."""
    began = time.monotonic()
    while taken.state == "sent" and (passed := time.monotonic() - began) < ANSWER_S:
        if passed >= TOLD_AFTER_S:
            terminal.progress(said("Waiting for the box"), int(passed))
        time.sleep(EVERY_S)
        newest = console.ask("GET", f"/api/v1/requests?site={taken.site}&limit=100", AskedList).items
        taken = next((each for each in newest if each.id == taken.id), taken)
    return taken


def condition_of(health: object) -> Said | None:
    """A box's own condition in one line; None where it told none that this version understands."""
    try:
        read = msgspec.convert(health, Health)
    except msgspec.ValidationError:
        return None
    return said(
        "It has run for {time}. Events that wait to be sent: {count}. Devices that do not answer: {devices}.",
        time=lasting(read.uptime_s),
        count=read.pending_urgent + read.pending_routine,
        devices=read.devices_offline,
    )


def _ask(arguments: Namespace, say: Texts, action: str, args: dict[str, Any]) -> int:
    asked = {"site": id_named(arguments.site), "action": action, "args": args}
    _, console = console_of(arguments)
    terminal = Terminal(texts=say, as_json=arguments.json)
    with console:
        taken = console.ask("POST", "/api/v1/requests", Asked, asked)
        if not arguments.no_wait:
            taken = _followed(console, taken, terminal)
        out = getattr(arguments, "out", None)
        if out is not None and taken.state == "answered":
            brought(console, taken, out, terminal)
    terminal.line(said("Asked. It is: {state}", state=printable(taken.words.state or taken.state, 64)))
    if taken.outcome is not None and taken.outcome.said and taken.state != "answered":
        terminal.line(said("What the box reported: {said}", said=printable(taken.outcome.said, 400)))
    condition = {} if taken.outcome is None else taken.outcome.facts.get("health", {})
    if (told := condition_of(condition)) is not None:
        terminal.line(told)
    told_too = {"health": condition} if condition else {}
    terminal.result({"id": taken.id, "site": asked["site"], "action": action, "state": taken.state, **told_too})
    return DONE if arguments.no_wait or taken.state == "answered" else SAYS_NO
