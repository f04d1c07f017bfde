"""What the demo plays last: an alarm that nobody takes, told from the desk to the shift leader to the director.

Acts through the branch's own button, looks through the centre's API and at people's telephones: it knows nothing that a
person could not see. Who is told when is the centre's own doing, by the rules that were loaded. Flow: demo.py -> here.
"""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import told as in_words
from simulator.acting import BranchUnreachableError, DoorStayedShutError, act
from simulator.actions import Action
from simulator.awaiting import NotSeenError, until
from simulator.console import Console, ConsoleError
from simulator.demo_file import Officer, SiteAccess
from simulator.demo_people import DIRECTOR, LEADER, Seat
from simulator.demo_rules import DIRECTOR_S, LEADER_S
from simulator.ordering_people import ONE, NobodyError, OrderFailedError, order
from simulator.phone_gateway import PhoneGateway
from simulator.phones import Arrived

RAISED_S: Final = 30.0
RESET_S: Final = 90.0
HELD: Final = frozenset({"acknowledged", "verifying", "dispatched"})
WAITING: Final = frozenset({"new", "returned", "parked"})
LATE_S: Final = 30.0
"""How much later than the rules say a busy machine may tell."""
KIND: Final = "zone.hold_up"

Say = Callable[[str], str]
Tell = Callable[[str], None]


async def escalating(
    desk: Console,
    leader: Console,
    site: SiteAccess,
    name: str,
    gateway: PhoneGateway,
    officers: Sequence[Officer],
    folder: Path,
    say: Say,
    tell: Tell,
) -> None:
    """Play it once, told as it happens; what goes wrong is told too."""
    try:
        for button in await _latched(desk, site):
            tell(say("{site}: the panic button is latched from before; an officer resets it").format(site=name))
            await until(functools.partial(_reset, site, button, officers, folder), RESET_S)
        await anew(desk, leader, site, say)
        before = {each["id"]: each["events"] for each in await _hold_ups(desk, site)}
        here = {seat.id: _ids(gateway.phones.of(seat.id)) for seat in (LEADER, DIRECTOR)}
        tell(say("{site}: somebody presses the panic button; everybody at the desk is asleep").format(site=name))
        await act(site.modbus, Action.HOLD_UP, None)
        alarm = await until(lambda: _raised(desk, site, before), RAISED_S)
        tell(
            say("{site}: the alarm is at the desk. Nobody takes it: {seconds} s until the shift leader is told").format(
                site=name, seconds=LEADER_S
            )
        )
        await until(lambda: _told(gateway, LEADER, here, alarm), LEADER_S + LATE_S)
        tell(
            say("{site}: the shift leader does not answer either; the director is told after {seconds} s").format(
                site=name, seconds=DIRECTOR_S
            )
        )
        message = await until(lambda: _told(gateway, DIRECTOR, here, alarm), DIRECTOR_S - LEADER_S + LATE_S)
        await asyncio.to_thread(gateway.reply, message)
        tell(say("{site}: the director replies: the chain pauses for 3 minutes, the alarm is open").format(site=name))
        whole = await desk.get(f"/api/v1/alarms/{alarm['id']}")
        await leader.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", {}, version=whole["version"])
        tell(say("{site}: the shift leader has come to the desk and takes it: nobody else is told").format(site=name))
    except (BranchUnreachableError, DoorStayedShutError, ConsoleError, NobodyError) as error:
        tell(in_words(error, say))
    except NotSeenError:
        tell(say(NOT_SEEN).format(site=name))


async def anew(desk: Console, leader: Console, site: SiteAccess, say: Say) -> None:
    """Let a hold-up that is open from before wait as if it had just come.

    What joins an alarm is told to nobody while somebody has it, nor to those whom its chain has told already.
    """
    for old in await _hold_ups(desk, site):
        alarm, path = old, f"/api/v1/alarms/{old['id']}"
        if alarm["state"] in WAITING:
            alarm = await leader.post(f"{path}/acknowledge", {}, version=alarm["version"])
        if alarm["state"] in HELD:
            words = {"text": say("the demo begins anew")}
            await leader.post(f"{path}/release", words, version=alarm["version"])


NOT_SEEN: Final = N_("{site}: the story of the escalation does not go on; the centre's log says why")


def _ids(messages: Sequence[Arrived]) -> frozenset[str]:
    return frozenset(message.id for message in messages)


async def _hold_ups(console: Console, site: SiteAccess) -> list[Mapping[str, Any]]:
    alarms = (await console.get("/api/v1/alarms?limit=100"))["items"]
    return [each for each in alarms if each["site"] == site.id and each["kind"] == KIND]


async def _latched(console: Console, site: SiteAccess) -> list[str]:
    """Zones whose hold-up nobody reset: a demo's folder that is used again; pressed again, they tell nothing new."""
    lasting = [each for each in await _hold_ups(console, site) if each["restored_at"] is None]
    return sorted({str(each["source"]).removeprefix("zone/") for each in lasting})


async def _reset(site: SiteAccess, button: str, officers: Sequence[Officer], folder: Path) -> bool:
    """Whether the officer's order was obeyed; it is not before the box that just started has spoken."""
    try:
        await order("reset-latch", site, f"--zone={button}", officers, folder, people=ONE)
    except OrderFailedError:
        return False
    return True


async def _raised(console: Console, site: SiteAccess, before: Mapping[str, int]) -> Mapping[str, Any] | None:
    found = await _hold_ups(console, site)
    return next((each for each in found if each["events"] > before.get(each["id"], 0)), None)


async def _told(
    gateway: PhoneGateway, seat: Seat, here: Mapping[str, frozenset[str]], alarm: Mapping[str, Any]
) -> Arrived | None:
    """The newest message about this alarm that this person got since the story began."""
    new = (each for each in gateway.phones.of(seat.id) if each.id not in here[seat.id])
    return next((each for each in new if each.number == alarm["number"]), None)
