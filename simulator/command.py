"""`branchwatch simulate`: have people do something at a simulated branch, or run one by itself.

The shell around `acting.py` and `branch.py`: reads arguments, prints one sentence, returns the exit code.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Final, TypeVar

from simulator.acting import BranchUnreachableError, DoorStayedShutError, act
from simulator.actions import ACTIONS, Action, ActionRefusedError
from simulator.branch import BranchServer
from simulator.demo_file import DemoFileError, read_demo
from simulator.model import Door

DONE, SAYS_NO, INPUT_WRONG, UNREACHABLE = 0, 1, 2, 3
LIST: Final = "list"
W = TypeVar("W", Action, Door)


def main(argv: list[str]) -> int:
    """Run one `branchwatch simulate` command; 0 done, 1 the branch says no, 2 input wrong, 3 cannot be reached."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (DemoFileError, ActionRefusedError) as error:
        return _fail(error, INPUT_WRONG)
    except DoorStayedShutError as error:
        return _fail(error, SAYS_NO)
    except (BranchUnreachableError, OSError) as error:
        return _fail(error, UNREACHABLE)


def _act(arguments: argparse.Namespace) -> int:
    words: list[str] = arguments.words
    if words == [LIST]:
        for action, known in ACTIONS.items():
            doors = "|".join(known.doors)
            print(f"{action} {doors}".rstrip())
            print(f"    {known.looks}")
        return DONE
    if not 2 <= len(words) <= 3:
        raise ActionRefusedError("name the site, the action and, where it needs one, the door")
    site = next((each for each in read_demo(arguments.dir).sites if each.id == words[0]), None)
    if site is None:
        known_sites = ", ".join(each.id for each in read_demo(arguments.dir).sites[:10])
        raise ActionRefusedError(f'there is no site "{words[0]}" in this demo; there are {known_sites}')
    action = _word(Action, words[1], "action")
    door = _word(Door, words[2], "door") if len(words) == 3 else None
    asyncio.run(act(site.modbus, action, door))
    print(f"{site.id}: {ACTIONS[action].looks}")
    return DONE


def _branch(arguments: argparse.Namespace) -> int:
    asyncio.run(_serve(arguments.host, arguments.port))
    return DONE


async def _serve(host: str, port: int) -> None:
    async with BranchServer(host, port) as branch:
        print(f"a branch answers at {branch.host}:{branch.port}, unit 1; end it with Ctrl-C", flush=True)
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()


def _word(kind: type[W], text: str, what: str) -> W:
    try:
        return kind(text)
    except ValueError:
        raise ActionRefusedError(f'there is no {what} "{text}"; there are {", ".join(kind)}') from None


def _fail(error: Exception, code: int) -> int:
    print(f"branchwatch simulate: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch simulate",
        description="Moves doors and people of simulated branches.",
        epilog="example:  branchwatch simulate act --dir demo 0755-031 dual-open",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    acting = commands.add_parser(
        "act",
        help="have something done at a branch of a running demo",
        description="Has something done at a branch of a running demo. The word `list` names the actions.",
        epilog="example:  branchwatch simulate act --dir demo 0755-031 open outer",
    )
    acting.add_argument("--dir", type=Path, default=Path("demo"), help="the demo's folder (default: demo)")
    acting.add_argument("words", nargs="+", metavar="SITE ACTION [DOOR]", help="or the one word: list")
    acting.set_defaults(run=_act)

    branch = commands.add_parser(
        "branch",
        help="run one branch by itself",
        description="Runs the Modbus module of one branch by itself, for a box or mbpoll to talk to.",
        epilog="example:  branchwatch simulate branch --port 1502",
    )
    branch.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    branch.add_argument("--port", type=int, default=0, help="port (default: a free one, printed)")
    branch.set_defaults(run=_branch)
    return parser
