"""`branchwatch agent reference`: what a camera's picture is compared with, and asking for a new one.

Reads the folder of references without a picture library; the new one is learned by the running agent's eye. Exit codes:
0 done, 1 there is none or the agent says no, 2 input is wrong, 3 the agent cannot be reached.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.state_option import add_state_option
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

if TYPE_CHECKING:
    from agent.video.reference_files import Description, Refused

DONE, SAYS_NO, INPUT_WRONG, UNREACHED = 0, 1, 2, 3
REFERENCES: Final = "references"
"""The folder in the state folder; in it one for each camera."""

LIGHTS: Final[Mapping[str, str]] = {"colour": N_("by day"), "grey": N_("by infrared light")}
WHY: Final[Mapping[str, str]] = {
    "first": N_("the first"),
    "asked": N_("somebody asked for it"),
    "light": N_("the light changed for good"),
    "infrared": N_("the first by infrared light"),
    "damaged": N_("the one before was damaged or changed"),
}
WRONG: Final[Mapping[str, str]] = {
    "gone": N_("its picture is gone"),
    "damaged": N_("its picture is not the one that was learned: not used"),
    "not described": N_("its description is gone or broken: not used"),
}
REFUSALS: Final[Mapping[str, str]] = {
    "no_such_camera": N_("there is no camera {camera} in the site file"),
    "no_eye": N_("nothing looks at {camera} now. Next step: branchwatch agent health"),
    "unknown": N_("the running agent is of another version. Next step: restart it"),
}

Say = Callable[[str], str]


def add_reference_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Teach `agent` its word about reference pictures."""
    word = words.add_parser(
        "reference",
        help=say("what a camera's picture is compared with; learn it anew"),
        description=say(
            "Shows the reference pictures of a camera: version, when, by which light, why, SHA-256. With --learn the "
            "running agent learns a new one from the next quiet moment: after a camera was moved or its view rebuilt."
        ),
        epilog=say("example:") + "\n  branchwatch agent reference hall --learn",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    word.add_argument("camera", metavar="CAMERA", help=say("the camera's id"))
    word.add_argument("--learn", action="store_true", help=say("learn a new one"))
    add_state_option(word, say)
    word.add_argument("--json", action="store_true", help=say("for a program"))
    word.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, say: Say) -> int:
    from protocol.ids import is_id

    if not is_id(arguments.camera):
        text = say('"{text}" is no id: those are made of a-z, 0-9 and -, at most 32 characters')
        return _wrong(text.format(text=arguments.camera), INPUT_WRONG)
    return _learn(arguments, say) if arguments.learn else _show(arguments, say)


def _show(arguments: argparse.Namespace, say: Say) -> int:
    from agent.video.reference_files import Description, listed

    folder = Path(arguments.state) / REFERENCES / arguments.camera
    try:
        versions = listed(folder)
    except OSError as error:
        text = say("{path} cannot be read: {reason}. Next step: run this as its user or as root")
        return _wrong(text.format(path=folder, reason=error.strerror), UNREACHED)
    if arguments.json:
        print(json.dumps([_plain(each) for each in versions], ensure_ascii=False))
        return DONE if versions else SAYS_NO
    if not versions:
        text = say(
            "no reference picture of {camera} is here yet: one is learned from its first quiet moment. "
            "Next step: branchwatch agent health says whether anybody looks at it"
        )
        return _wrong(text.format(camera=arguments.camera), SAYS_NO)
    for each in versions:
        if isinstance(each, Description):
            print(_line(each, say))
        else:
            print(f"{each.version:>4}  {say(WRONG[each.reason])}")
    return DONE


def _learn(arguments: argparse.Namespace, say: Say) -> int:
    from agent.local.client import NotRunningError, SaysNoError

    try:
        asyncio.run(_ask(arguments.state, arguments.camera))
    except SaysNoError as refused:
        text = say(REFUSALS.get(refused.word, "the box says no ({reason})"))
        wrong = INPUT_WRONG if refused.word == "no_such_camera" else SAYS_NO
        return _wrong(text.format(camera=arguments.camera, reason=refused.word), wrong)
    except NotRunningError:
        text = say("no agent answers in {state}; start it, or run this as its user or as root")
        return _wrong(text.format(state=arguments.state), UNREACHED)
    text = say(
        "asked for: it is learned once nobody is in the picture and nothing moves, at the latest after "
        "a minute or two. Next step: branchwatch agent reference {camera} shows it"
    )
    print(
        json.dumps({"camera": arguments.camera, "asked": True})
        if arguments.json
        else text.format(camera=arguments.camera)
    )
    return DONE


async def _ask(state: Path, camera: str) -> None:
    from agent.local.client import LocalClient
    from agent.local.lines import Learn

    client = await LocalClient.connect(state)
    try:
        await client.ask(Learn(camera=camera))
    finally:
        await client.close()


def _line(each: "Description", say: Say) -> str:
    light, why = say(LIGHTS[each.light]), say(WHY.get(each.why, each.why))
    return f"{each.version:>4}  {each.at:<24}  {light}, {why}  sha256 {each.sha256}"


def _plain(each: "Description | Refused") -> dict[str, object]:
    from agent.video.reference_files import Refused

    if isinstance(each, Refused):
        return {"version": each.version, "refused": each.reason}
    return {"version": each.version, "at": each.at, "light": each.light, "why": each.why, "sha256": each.sha256}


def _wrong(text: str, code: int) -> int:
    sys.stderr.write(f"branchwatch agent: {text}\n")
    return code
