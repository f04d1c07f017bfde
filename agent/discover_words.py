"""`branchwatch agent discover`: which ONVIF devices answer in this machine's networks. Logs in nowhere.

Exit codes: 0 some answered, 1 none did, 2 the input is wrong, 3 this machine's network cannot be used.
Flow: command.py -> here -> drivers/onvif/discovery.py.
"""

import argparse
import asyncio
import ipaddress
import json
import sys
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from protocol.texts import system_said

if TYPE_CHECKING:
    from agent.drivers.onvif.discovery import Found

DONE, SAYS_NO, INPUT_WRONG, UNREACHED = 0, 1, 2, 3
LISTEN_S: Final = 3.0
MAX_LISTEN_S: Final = 60.0

Say = Callable[[str], str]


def add_discover_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Teach `agent` its word about devices around."""
    does = say("find ONVIF cameras and recorders in this machine's networks")
    discover = words.add_parser(
        "discover",
        help=does,
        description=does,
        epilog=say("example:") + "\n  branchwatch agent discover\n  branchwatch agent discover --interface 192.0.2.5",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    discover.add_argument(
        "--interface",
        action="append",
        metavar="ADDRESS",
        help=say("ask by this address of this machine only; all if not said"),
    )
    discover.add_argument(
        "--for", dest="seconds", type=float, default=LISTEN_S, metavar="S", help=say("listen so long")
    )
    discover.add_argument("--json", action="store_true", help=say("for a program"))
    discover.set_defaults(run=_discover)


def _discover(arguments: argparse.Namespace, say: Say) -> int:
    from agent.drivers.onvif.discovery import find, interfaces

    asked = arguments.interface or interfaces()
    if not 0 < arguments.seconds <= MAX_LISTEN_S:
        return _wrong(say("--for takes seconds up to {most}").format(most=int(MAX_LISTEN_S)))
    for address in asked:
        if not _is_ipv4(address):
            return _wrong(say("{address} is no IPv4 address of this machine").format(address=address))
    if not asked:
        print(say("this machine has no network with an IPv4 address"), file=sys.stderr)
        return UNREACHED
    try:
        found = asyncio.run(find(arguments.seconds, asked))
    except OSError as error:
        print(f"branchwatch agent discover: {system_said(error).told(say)}", file=sys.stderr)
        return UNREACHED
    if arguments.json:
        print(json.dumps({"asked_from": list(asked), "devices": [_plain(each) for each in found]}, ensure_ascii=False))
    else:
        _show(found, say)
    return DONE if found else SAYS_NO


def _show(found: "tuple[Found, ...]", say: Say) -> None:
    if not found:
        print(say("no device answered."))
        print(
            f"{say('next step:')} "
            + say("only devices in the same network answer, with ONVIF switched on; others: probe their address")
        )
        return
    head = (say("address"), say("name"), say("hardware"), say("profiles"))
    rows = [head, *((each.address, each.name, each.hardware, " ".join(each.profiles)) for each in found)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    print(f"{say('next step:')} branchwatch agent probe onvif {found[0].address} --user NAME")


def _plain(found: "Found") -> dict[str, object]:
    return {
        "address": found.address,
        "name": found.name,
        "hardware": found.hardware,
        "profiles": list(found.profiles),
        "identity": found.identity,
        "answered_from": found.answered_from,
    }


def _wrong(sentence: str) -> int:
    print(f"branchwatch agent discover: {sentence}", file=sys.stderr)
    return INPUT_WRONG


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
