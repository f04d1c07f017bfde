"""`branchwatch simulate camera` and `simulate tell`: one simulated camera or recorder by hand, and what happens to it.

The shell around camera.py and control.py: reads arguments, prints addresses, serves until it is ended.
"""

import argparse
import asyncio
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from protocol.texts import Texts, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.control import WORDS, CameraRefusedError, ControlServer, do, tell
from simulator.cameras.events import Quirk
from simulator.cameras.recordings import Recording
from simulator.lasting import seconds

DONE: Final = 0
USER: Final = "guard"
MAX_CHANNELS: Final = 64
LOGIN_BYTES: Final = 512


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Texts) -> None:
    """Add both to the words of `branchwatch simulate`."""
    camera = commands.add_parser(
        "camera",
        help=say("run one camera or recorder by itself"),
        description=say(
            "Runs one camera by itself: RTSP with H.264, ONVIF with events, a clip or a drawn room before it. With "
            "--recorder it keeps recordings too (ONVIF Profile G). It prints its addresses, its login, and where to "
            "tell it what happens."
        ),
        epilog=say("example:") + "  branchwatch simulate camera --clip lobby.mp4 --faults cover",
    )
    camera.add_argument(
        "--clip", type=Path, metavar="FILE", help=say("what it sees, in a loop (default: a drawn room)")
    )
    camera.add_argument("--host", default="127.0.0.1", help=say("address to listen on (default: loopback)"))
    camera.add_argument("--port", type=int, default=0, help=say("of ONVIF (default: a free one, printed)"))
    camera.add_argument("--rtsp-port", type=int, default=0, help=say("of RTSP (default: a free one, printed)"))
    camera.add_argument("--control-port", type=int, default=0, help=say("for commands (default: a free one, printed)"))
    camera.add_argument("--name", default="camera", help=say("what it calls itself (default: camera)"))
    camera.add_argument(
        "--login-file",
        type=Path,
        metavar="FILE",
        help=say("a file with user:password (default: a password made now and printed)"),
    )
    camera.add_argument(
        "--faults",
        default="",
        metavar="A,B",
        help=say("what is wrong with it from the beginning: {known}").format(known=", ".join(WORDS)),
    )
    camera.add_argument(
        "--quirks",
        default="",
        metavar="A,B",
        help=say("how it errs with events: {known}").format(known=", ".join(Quirk)),
    )
    camera.add_argument("--sessions", type=int, default=8, metavar="N", help=say("streams at a time (default: 8)"))
    camera.add_argument("--osd", action="store_true", help=say("burn its clock into the picture"))
    camera.add_argument(
        "--recorder",
        type=int,
        default=0,
        metavar="CHANNELS",
        choices=range(MAX_CHANNELS + 1),
        help=say("record so many channels, with 95 days kept (default: none)"),
    )
    camera.add_argument(
        "--discovery", default="", metavar="ADDRESS", help=say("answer to discovery on the network of this address")
    )
    camera.add_argument(
        "--for", type=seconds(say), dest="for_s", metavar="SECONDS", help=say("end by itself after so long")
    )
    camera.set_defaults(run=_camera)

    telling = commands.add_parser(
        "tell",
        help=say("have something happen to a camera that runs by itself"),
        description=say("Has something happen to a camera that runs by itself. The word `list` names what can."),
        epilog=say("example:") + "  branchwatch simulate tell 127.0.0.1:41023 cover",
    )
    telling.add_argument("words", nargs="+", metavar="ADDRESS WORD", help=say("or the one word: list"))
    telling.add_argument("--name", default="camera", help=say("what it calls itself (default: camera)"))
    telling.set_defaults(run=_tell)


def print_words(say: Texts) -> None:
    """What can happen to a camera."""
    for word, looks in WORDS.items():
        print(f"{word}\n    {say(looks)}")


def _tell(arguments: argparse.Namespace, say: Texts) -> int:
    words: list[str] = arguments.words
    if words == ["list"]:
        print_words(say)
        return DONE
    if len(words) != 2:
        raise CameraRefusedError(N_("name the control address of the camera and what happens to it"))
    asyncio.run(tell(words[0], arguments.name, words[1]))
    print(say(WORDS[words[1]]))
    return DONE


def _camera(arguments: argparse.Namespace, say: Texts) -> int:
    faults = _known(arguments.faults, tuple(WORDS))
    quirks = [Quirk(each) for each in _known(arguments.quirks, tuple(Quirk))]
    user, password, shown = _login(arguments.login_file)
    camera = SimulatedCamera(
        name=arguments.name,
        clip=arguments.clip,
        user=user,
        password=password,
        host=arguments.host,
        rtsp_port=arguments.rtsp_port,
        onvif_port=arguments.port,
        sessions=arguments.sessions,
        osd=arguments.osd,
        channels=max(1, arguments.recorder),
        recordings=[Recording(channel=number) for number in range(1, arguments.recorder + 1)],
        quirks=quirks,
        discovery=arguments.discovery,
    )
    control = ControlServer({arguments.name: camera}, arguments.control_port)
    asyncio.run(_serve(camera, control, faults, arguments.for_s, lambda: _tell_addresses(camera, control, shown, say)))
    return DONE


async def _serve(
    camera: SimulatedCamera,
    control: ControlServer,
    faults: tuple[str, ...],
    for_s: float | None,
    ready: Callable[[], None],
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with camera:
        await control.start()
        try:
            for word in faults:
                await do(camera, word)
            ready()
            if for_s is not None:
                loop.call_later(for_s, ended.set)
            await ended.wait()
        finally:
            await control.stop()


def _tell_addresses(camera: SimulatedCamera, control: ControlServer, login: str, say: Texts) -> None:
    lines = (
        say("RTSP:   {sub}, {main}").format(sub=camera.rtsp, main=camera.rtsp_main),
        say("ONVIF:  {address}").format(address=camera.onvif),
        say("login:  {login}").format(login=login),
        say("tell:   {command}").format(
            command=f"branchwatch simulate tell {control.address} --name {camera.state.name} cover"
        ),
        say("end it with Ctrl-C"),
    )
    print("\n".join(lines), flush=True)


def _login(file: Path | None) -> tuple[str, str, str]:
    """User, password, and what may be printed of them."""
    if file is None:
        password = secrets.token_hex(6)
        return USER, password, f"{USER}:{password}"
    try:
        with file.open(encoding="utf-8") as opened:
            user, colon, password = opened.read(LOGIN_BYTES).strip().partition(":")
    except UnicodeDecodeError:
        user = colon = password = ""
    except OSError as error:
        raise CameraRefusedError(N_("{path} cannot be read: {reason}"), path=file, reason=system_said(error)) from None
    if not (user and colon and password):
        raise CameraRefusedError(N_("{path} must hold one line: user:password"), path=file)
    return user, password, user


def _known(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in words:
        if word not in known:
            raise CameraRefusedError(
                N_('nothing called "{word}" can be done to a camera; there are {known}'),
                word=word,
                known=", ".join(known),
            )
    return words
