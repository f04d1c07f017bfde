"""What can happen to the cameras and recorders of a branch of a running demo: `simulate act SITE camera-03 cover`.

Flow: command.py -> here -> the demo's control address -> cameras/control.py.
"""

from collections.abc import Sequence

from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.actions import ActionRefusedError
from simulator.cameras.control import WORDS, tell
from simulator.demo_file import SiteAccess


def is_camera(site: SiteAccess, word: str) -> bool:
    """Whether this word names something that pictures come from; a name of a camera that is not there does so too."""
    return any(each.name == word for each in site.cameras) or word.startswith(("camera-", "recorder-"))


async def act_at(site: SiteAccess, words: Sequence[str], say: Texts) -> str:
    """Do it; the sentence to print.

    Raises:
        ActionRefusedError: there is no such camera here, or no word says what should happen.
        CameraRefusedError: nothing of that name can be done.
        CameraUnreachableError: the demo does not answer.
    """
    name = words[0]
    camera = next((each for each in site.cameras if each.name == name), None)
    if camera is None:
        known = ", ".join(each.name for each in site.cameras) or say("none")
        raise ActionRefusedError(
            N_('there is no "{camera}" at this branch; there are {known}'), camera=name, known=known
        )
    if len(words) != 2:
        raise ActionRefusedError(N_("say what happens to {camera}: {known}"), camera=name, known=", ".join(WORDS))
    await tell(camera.control, name, words[1])
    return f"{site.id} {name}: {say(WORDS[words[1]])}"
