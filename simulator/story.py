"""What the demo plays and tells: a customer passes, two doors open at once, and every alarm as the desk sees it.

Acts through the branches' Modbus, looks through the centre's API: it knows nothing that a person could not see.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from simulator.acting import BranchUnreachableError, DoorStayedShutError, act
from simulator.actions import Action
from simulator.console import Console, ConsoleError
from simulator.demo_file import SiteAccess

LOOK_EVERY_S: Final = 0.5
PAUSE_S: Final = 2.0
ROMAN: Final = ("", "I", "II", "III", "IV", "V")

Say = Callable[[str], str]
Tell = Callable[[str], None]


async def play(sites: Sequence[SiteAccess], names: Sequence[str], say: Say, tell: Tell) -> None:
    """A customer at the first branch, which must raise nothing; then a dual-open at the last."""
    try:
        tell(say("{site}: a customer walks in through both doors, one after the other").format(site=names[0]))
        await act(sites[0].modbus, Action.CUSTOMER, None)
        await asyncio.sleep(PAUSE_S)
        tell(say("{site}: now both doors of the vestibule open at once").format(site=names[-1]))
        await act(sites[-1].modbus, Action.DUAL_OPEN, None)
    except (BranchUnreachableError, DoorStayedShutError) as error:
        tell(str(error))


async def follow(console: Console, known: set[str], say: Say, tell: Tell) -> None:
    """Tell of every alarm that is not `known`, and of every change of its state; returns never."""
    states: dict[str, str] = {}
    while True:
        try:
            alarms = (await console.get("/api/v1/alarms?limit=100"))["items"]
        except ConsoleError as error:
            tell(str(error))
            await asyncio.sleep(PAUSE_S)
            continue
        for alarm in reversed(alarms):
            if alarm["id"] not in known and states.get(alarm["id"]) != alarm["state"]:
                states[alarm["id"]] = alarm["state"]
                tell(_line(alarm, say))
        await asyncio.sleep(LOOK_EVERY_S)


def _line(alarm: dict[str, object], say: Say) -> str:
    at = datetime.fromisoformat(str(alarm["at"])).astimezone()
    words = alarm["words"] if isinstance(alarm["words"], dict) else {}
    return say("{time}  alarm, level {level}: {place}: {title} ({state}, {delay} ms after it happened)").format(
        time=f"{at:%H:%M:%S}",
        level=ROMAN[int(str(alarm["level"]))],
        place=words.get("place", alarm["site"]),
        title=words.get("title", alarm["kind"]),
        state=say(str(alarm["state"]).capitalize()),
        delay=alarm["delay_ms"],
    )
