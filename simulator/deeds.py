"""What else can be done at a branch of a running demo, beside moving people: look, dial as its panel, give orders.

The shell behind the words of `simulate act` that need more than the branch's module. Each returns what to print.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from protocol.texts import SaidError, Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.demo_file import DemoFile, PanelAccess, SiteAccess
from simulator.dialler import Dialler, Heard
from simulator.looking import SEEN, look
from simulator.ordering_people import BOTH, WHOLE_SITE, order

HOLD_UP_ZONE: Final = 12
AREA: Final = 1
USER: Final = 1
WAIT_S: Final = 5.0
AGAIN_S: Final = 1.0
LINK_TEST_S: Final = 30.0


class PanelUnheardError(SaidError):
    """The branch has no panel, or its box does not answer it; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where a deed is done."""

    demo: DemoFile
    site: SiteAccess
    what: str  # the third word, if any
    folder: Path
    say: Texts


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One word of `simulate act`: what it looks like, what its third word names, and how it is done."""

    looks: str
    do: Callable[[Scene], Coroutine[Any, Any, str]]
    takes: str = ""


async def _look(scene: Scene) -> str:
    seen = await look(scene.site.modbus)
    return "\n".join(scene.say(SEEN[name][0 if so else 1]) for name, so in seen.items())


async def _arm(scene: Scene) -> str:
    people = scene.demo.people
    return await order("arm", scene.site, scene.what or WHOLE_SITE, people, scene.folder, people=1)


async def _disarm(scene: Scene) -> str:
    people = scene.demo.people
    return await order("disarm", scene.site, scene.what or WHOLE_SITE, people, scene.folder, people=BOTH)


async def _panel_hold_up(scene: Scene) -> str:
    return await _dialled(scene, lambda dialler: dialler.hold_up(HOLD_UP_ZONE))


async def _panel_open(scene: Scene) -> str:
    return await _dialled(scene, lambda dialler: dialler.opening(AREA, USER))


async def _panel_close(scene: Scene) -> str:
    return await _dialled(scene, lambda dialler: dialler.closing(AREA, USER))


async def _dialled(scene: Scene, say: Callable[[Dialler], Awaitable[Heard]]) -> str:
    """Have the panel of the branch say something, once; nothing to print where the box has taken it."""
    if scene.site.panel is None:
        raise PanelUnheardError(N_("this branch has no alarm panel; start the demo again"))
    async with _dialler_of(scene.site.panel) as dialler:
        heard = await say(dialler)
    if heard.answer is None:
        raise PanelUnheardError(N_("the box does not answer its alarm panel; is it running?"))
    return ""


def _dialler_of(panel: PanelAccess) -> Dialler:
    host, _, port = panel.address.rpartition(":")
    return Dialler(host, int(port), account=panel.account, key=bytes.fromhex(panel.key), wait_s=WAIT_S)


async def keep_dialling(panel: PanelAccess) -> None:
    """The panel's own life: a link test at once and every half minute; a box that is away is tried again."""
    async with _dialler_of(panel) as dialler:
        while True:
            heard = await dialler.link_test()
            await asyncio.sleep(AGAIN_S if heard.answer is None else LINK_TEST_S)


DEEDS: Final[Mapping[str, Deed]] = {
    "look": Deed(looks=N_("what sounds, what stands open, what is locked: looked at, nothing is done"), do=_look),
    "arm": Deed(
        looks=N_("an officer signs the order to arm, the whole site or one partition"), do=_arm, takes="PARTITION"
    ),
    "disarm": Deed(
        looks=N_("two officers sign the order to disarm, the whole site or one partition"),
        do=_disarm,
        takes="PARTITION",
    ),
    "panel-hold-up": Deed(looks=N_("a panic button of the alarm panel is pressed"), do=_panel_hold_up),
    "panel-open": Deed(looks=N_("the alarm panel is disarmed at its keypad and says so"), do=_panel_open),
    "panel-close": Deed(looks=N_("the alarm panel is armed at its keypad and says so"), do=_panel_close),
}
