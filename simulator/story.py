"""What the demo plays and tells: a customer passes, two doors open at once, and every alarm as the desk sees it.

Acts through the branches' Modbus, looks through the centre's API: it knows nothing that a person could not see.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from protocol.texts import told
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
        tell(told(error, say))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was told of an alarm."""

    state: str
    events: int
    ended: bool


def seen_of(alarm: Mapping[str, Any]) -> Seen:
    """What can be told of an alarm as the API gives it."""
    return Seen(state=str(alarm["state"]), events=int(alarm["events"]), ended=alarm["restored_at"] is not None)


async def follow(console: Console, known: dict[str, Seen], say: Say, tell: Tell) -> None:
    """Tell of every alarm that is not `known`, and of what becomes of each; returns never."""
    while True:
        try:
            alarms = (await console.get("/api/v1/alarms?limit=100"))["items"]
        except ConsoleError as error:
            tell(told(error, say))
            await asyncio.sleep(PAUSE_S)
            continue
        for alarm in reversed(alarms):
            before, now = known.get(alarm["id"]), seen_of(alarm)
            known[alarm["id"]] = now
            if (what := _what(before, now, say)) is not None:
                tell(_line(alarm, what, datetime.now(UTC).astimezone(), say))
        await asyncio.sleep(LOOK_EVERY_S)


def _what(before: Seen | None, now: Seen, say: Say) -> str | None:
    if before is None or before.state != now.state:
        return say(now.state.capitalize())
    if before.events != now.events:
        return say("Happened again")
    if now.ended and not before.ended:
        return say("The condition ended")
    return None


def _line(alarm: Mapping[str, Any], what: str, now: datetime, say: Say) -> str:
    return say("{time}  alarm, level {level}: {place}: {title} ({what})").format(
        time=f"{now:%H:%M:%S}",
        level=ROMAN[alarm["level"]],
        place=alarm["words"]["place"],
        title=alarm["words"]["title"],
        what=what,
    )
