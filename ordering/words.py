"""What words of `order` and `request` have in common: which console is asked, as whom, and who approves."""

import argparse
import os
import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from ordering.asking import Console
from ordering.giving import Hand, How
from ordering.keys import open_key
from ordering.page_serving import PORT
from ordering.passphrase import asks
from ordering.refusal import InputError
from ordering.settings import Access, access_of
from ordering.terminal import Terminal
from protocol.ids import EVENT_ID_PATTERN, is_id
from protocol.texts import Texts, user_language
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_EVENT_ID = re.compile(EVENT_ID_PATTERN)


def takes_console(word: argparse.ArgumentParser, say: Texts) -> None:
    """Which console is asked, and as whom."""
    group = word.add_argument_group(say("the console"))
    group.add_argument(
        "--console", metavar="URL", help=say("its address; else BRANCHWATCH_CONSOLE, or your own settings")
    )
    group.add_argument("--token-file", type=Path, metavar="FILE", help=say("your token; else BRANCHWATCH_TOKEN"))
    group.add_argument("--ca", type=Path, metavar="FILE", help=say("the bank's own certificate authority, PEM"))
    group.add_argument("--dir", type=Path, metavar="DEMO", help=say("the folder of a demo: its console, its people"))
    group.add_argument("--as", dest="who", metavar="PERSON", help=say("a person of the demo, with token and key file"))
    word.add_argument("--json", action="store_true", help=say("print what came of it as JSON"))


def takes_keys(word: argparse.ArgumentParser, say: Texts) -> None:
    """With what an order is approved, and whether it is followed."""
    group = word.add_argument_group(say("approving"))
    group.add_argument(
        "--key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help=say("approve with this key file; may repeat"),
    )
    group.add_argument(
        "--page", action="store_true", help=say("approve with a security key, on a page of this machine")
    )
    group.add_argument("--port", type=port_read(say), default=PORT, metavar="N", help=say("port of that page"))
    group.add_argument("--open", action="store_true", help=say("open the page in this machine's browser"))
    group.add_argument("--no-wait", action="store_true", help=say("do not wait for what becomes of it"))


def how_of(arguments: Namespace, access: Access, say: Texts) -> How:
    """How an order is to be approved; key files are opened before anything is drafted, for a challenge gets old.

    Raises:
        InputError: a key file cannot be opened.
    """
    files = [] if arguments.page else [*arguments.key, *access.keys]
    ask = asks(os.environ, say)
    keys = [open_key(path, ask) for path in dict.fromkeys(files)]
    return How(keys=keys, page=arguments.page, port=arguments.port, opens=arguments.open, wait=not arguments.no_wait)


def console_of(arguments: Namespace) -> tuple[Access, Console]:
    """The console that the options name, in the reader's language."""
    access = access_of(arguments, os.environ)
    return access, Console(access, user_language() or "en")


def hand_of(arguments: Namespace, console: Console, say: Texts) -> Hand:
    """What an order is given with."""
    return Hand(console=console, terminal=Terminal(texts=say, as_json=arguments.json))


def id_named(text: str) -> str:
    """An id as it was typed.

    Raises:
        InputError: it cannot be one.
    """
    if not is_id(text):
        raise InputError(N_('"{text}" is no id: small letters, digits and hyphens, 32 at most'), text=text)
    return text


def order_named(text: str) -> str:
    """The id of an order as it was typed.

    Raises:
        InputError: it cannot be one.
    """
    if _EVENT_ID.fullmatch(text) is None:
        raise InputError(N_('"{text}" is no id of an order. Look with: branchwatch order list'), text=text)
    return text


def port_read(say: Texts) -> Callable[[str], int]:
    """What reads a port that was typed."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
            raise argparse.ArgumentTypeError(say("must be a port, 1 to 65535"))
        return int(text)

    return read
