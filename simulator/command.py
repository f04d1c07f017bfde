"""`branchwatch simulate`: have people do something at a simulated branch, or run one by itself.

The shell around `acting.py` and `branch.py`: reads arguments, prints one sentence, returns the exit code.
"""

import argparse
import asyncio
import secrets
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from protocol.texts import Texts, texts_for_user, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.acting import BranchUnreachableError, DoorStayedShutError, act
from simulator.actions import ACTIONS, Action, ActionRefusedError
from simulator.branch import BranchServer
from simulator.branch_cameras import MOST, BranchCameras, hall_clip
from simulator.camera_deeds import act_at, is_camera
from simulator.cameras.camera_words import USER, add_words
from simulator.cameras.control import WORDS, CameraRefusedError, CameraUnreachableError
from simulator.cameras.scenes import ClipUnreadableError
from simulator.children import CommandFailedError
from simulator.deeds import DEEDS, PanelUnheardError, Scene
from simulator.demo_file import DemoFileError, read_demo
from simulator.demo_folder import issue_boxes
from simulator.fleet import MAX_BOXES, Figures, FleetSettings, fleet_boxes, run_fleet
from simulator.lasting import seconds
from simulator.model import Door
from simulator.ordering_people import NobodyError, OrderFailedError

DONE, SAYS_NO, INPUT_WRONG, UNREACHABLE = 0, 1, 2, 3
LIST: Final = "list"
W = TypeVar("W", Action, Door)


def main(argv: list[str]) -> int:
    """Run one `branchwatch simulate` command; 0 done, 1 the branch says no, 2 input wrong, 3 cannot be reached."""
    say = texts_for_user()
    arguments = _parser(say).parse_args(argv)
    try:
        return int(arguments.run(arguments, say))
    except (DemoFileError, ActionRefusedError, CommandFailedError, CameraRefusedError, ClipUnreadableError) as error:
        return _fail(error, INPUT_WRONG, say)
    except (DoorStayedShutError, NobodyError, PanelUnheardError, OrderFailedError) as error:
        return _fail(error, SAYS_NO, say)
    except (BranchUnreachableError, CameraUnreachableError, OSError) as error:
        return _fail(error, UNREACHABLE, say)


def _act(arguments: argparse.Namespace, say: Texts) -> int:
    words: list[str] = arguments.words
    if words == [LIST]:
        for action, known in ACTIONS.items():
            doors = "|".join(known.doors)
            print(f"{action} {doors}".rstrip())
            print(f"    {say(known.looks)}")
        for name, deed in DEEDS.items():
            print(f"{name} {deed.takes}".rstrip())
            print(f"    {say(deed.looks)}")
        print("camera-ID|recorder-ID " + "|".join(WORDS))
        print(f"    {say(N_('what happens to a camera; `simulate tell list` explains each word'))}")
        return DONE
    if not 2 <= len(words) <= 3:
        raise ActionRefusedError(N_("name the site, the action and, where it needs one, the door"))
    demo = read_demo(arguments.dir)
    site = next((each for each in demo.sites if each.id == words[0]), None)
    if site is None:
        known_sites = ", ".join(each.id for each in demo.sites[:10])
        raise ActionRefusedError(
            N_('there is no site "{site}" in this demo; there are {known}'), site=words[0], known=known_sites
        )
    if is_camera(site, words[1]):
        print(asyncio.run(act_at(site, words[1:], say)))
        return DONE
    if words[1] in DEEDS:
        deed, what = DEEDS[words[1]], words[2] if len(words) == 3 else ""
        if what and not deed.takes:
            raise ActionRefusedError(N_('"{action}" takes no further word'), action=words[1])
        done = asyncio.run(deed.do(Scene(demo=demo, site=site, what=what, folder=arguments.dir, say=say)))
        print(done or f"{site.id}: {say(deed.looks)}")
        return DONE
    action = _word(Action, words[1], N_('there is no action "{word}"; there are {known}'), (*Action, *DEEDS))
    no_door = N_('there is no door "{word}"; there are {known}')
    door = _word(Door, words[2], no_door, tuple(Door)) if len(words) == 3 else None
    asyncio.run(act(site.modbus, action, door))
    print(f"{site.id}: {say(ACTIONS[action].looks)}")
    return DONE


def _branch(arguments: argparse.Namespace, say: Texts) -> int:
    asyncio.run(_serve(arguments.host, arguments.port, arguments.cameras, say))
    return DONE


def _fleet(arguments: argparse.Namespace, say: Texts) -> int:
    host, _, port = arguments.broker.rpartition(":")
    if not port.isdigit():
        raise ActionRefusedError(N_("--broker takes host:port, like localhost:8883"))
    boxes = fleet_boxes(arguments.boxes)
    settings = FleetSettings(host=host, port=int(port), keys=arguments.keys, boxes=boxes, beat_s=arguments.beat)

    async def run() -> None:
        making = say("making what is missing of {count} certificates in {folder}")
        print(making.format(count=len(boxes), folder=arguments.keys), flush=True)
        await issue_boxes(boxes, authority=arguments.ca, keys=arguments.keys)
        beating = asyncio.create_task(run_fleet(settings, lambda figures: _tell_figures(figures, say)))
        _on_signal(beating.cancel)
        if arguments.for_s is not None:
            asyncio.get_running_loop().call_later(arguments.for_s, beating.cancel)
        with suppress(asyncio.CancelledError):
            await beating

    asyncio.run(run())
    return DONE


def _tell_figures(figures: Figures, say: Texts) -> None:
    line = say("connected {connected}, beats {beats}, receipts {receipts}, connections lost {lost}")
    print(
        line.format(connected=figures.connected, beats=figures.beats, receipts=figures.receipts, lost=figures.lost),
        flush=True,
    )


def _on_signal(leave: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, leave)


async def _serve(host: str, port: int, count: int, say: Texts) -> None:
    password = secrets.token_hex(6)
    cameras = BranchCameras(count, user=USER, password=password, host=host, clip=hall_clip())
    async with BranchServer(host, port) as branch, cameras:
        answers = say("a branch answers at {address}, unit 1; end it with Ctrl-C")
        print(answers.format(address=f"{branch.host}:{branch.port}"), flush=True)
        for each in cameras.access:
            line = say("{name}: ONVIF {onvif}, {rtsp}, login {login}; tell it: {command}")
            command = f"branchwatch simulate tell {each.control} --name {each.name} cover"
            login = f"{USER}:{password}"
            print(
                line.format(name=each.name, onvif=each.onvif, rtsp=each.rtsp, login=login, command=command), flush=True
            )
        ended = asyncio.Event()
        _on_signal(ended.set)
        await ended.wait()


def _word(kind: type[W], text: str, otherwise: str, known: Iterable[str]) -> W:
    try:
        return kind(text)
    except ValueError:
        raise ActionRefusedError(otherwise, word=text, known=", ".join(known)) from None


def _fail(error: Exception, code: int, say: Texts) -> int:
    print(f"branchwatch simulate: {told(error, say)}", file=sys.stderr)
    return code


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch simulate",
        description=say("Moves doors, zones, panels and people of simulated branches."),
        epilog=say("example:") + "  branchwatch simulate act --dir demo 0755-031 dual-open",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    acting = commands.add_parser(
        "act",
        help=say("have something done at a branch of a running demo"),
        description=say("Has something done at a branch of a running demo. The word `list` names the actions."),
        epilog=say("example:") + "  branchwatch simulate act --dir demo 0755-031 open outer",
    )
    acting.add_argument("--dir", type=Path, default=Path("demo"), help=say("the demo's folder (default: demo)"))
    acting.add_argument("words", nargs="+", metavar="SITE ACTION [WHAT]", help=say("or the one word: list"))
    acting.set_defaults(run=_act)

    branch = commands.add_parser(
        "branch",
        help=say("run one branch by itself"),
        description=say("Runs the Modbus module of one branch by itself, for a box or mbpoll to talk to."),
        epilog=say("example:") + "  branchwatch simulate branch --port 1502",
    )
    branch.add_argument("--host", default="127.0.0.1", help=say("address to listen on (default: loopback)"))
    branch.add_argument("--port", type=int, default=0, help=say("port (default: a free one, printed)"))
    branch.add_argument(
        "--cameras",
        type=int,
        default=0,
        choices=range(MOST + 1),
        help=say("with so many cameras and a recorder, 0 to {most} (default: 0)").format(most=MOST),
    )
    branch.set_defaults(run=_branch)

    add_words(commands, say)

    fleet = commands.add_parser(
        "fleet",
        help=say("many boxes that only beat, for load"),
        description=say(
            "Connects many boxes that only introduce themselves and beat. Their ids are fleet-0001-a and so on; "
            "a built-in broker must have them in [embedded] boxes."
        ),
        epilog=say("example:")
        + "  branchwatch simulate fleet --boxes 200 --broker localhost:8883 --ca ca --keys fleet-keys",
    )
    fleet.add_argument("--boxes", type=int, required=True, choices=range(1, MAX_BOXES + 1), metavar="N")
    fleet.add_argument("--broker", required=True, metavar="HOST:PORT")
    fleet.add_argument("--ca", type=Path, required=True, help=say("the authority's folder"))
    fleet.add_argument("--keys", type=Path, required=True, help=say("folder for the boxes' certificates"))
    fleet.add_argument(
        "--beat",
        type=int,
        default=5,
        choices=range(1, 61),
        metavar="SECONDS",
        help=say("between beats, 1 to 60 (default: 5)"),
    )
    fleet.add_argument(
        "--for", type=seconds(say), dest="for_s", metavar="SECONDS", help=say("end by itself after so long")
    )
    fleet.set_defaults(run=_fleet)
    return parser
