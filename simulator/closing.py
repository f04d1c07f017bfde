"""Closing time at the demo's first branch: late, warned, armed by itself, an intruder, entry delay, alarm, two people.

Looks through the centre's API and the branch's own outputs, acts through its module, orders by `branchwatch order`: it
knows nothing that a person could not see. What the partitions become is the box's own doing.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import told as in_words
from protocol.timestamps import parse_time
from simulator.acting import BranchUnreachableError, act
from simulator.actions import Action
from simulator.awaiting import NotSeenError, until
from simulator.console import Console, ConsoleError
from simulator.demo_file import Officer, SiteAccess
from simulator.looking import look
from simulator.ordering_people import BOTH, ONE, WHOLE_SITE, NobodyError, OrderFailedError, order

PATIENCE_S: Final = 90.0
LOBBY: Final = "partition/lobby"
ARMS: Final = frozenset({"arming", "armed_away"})
"""Past what came before: on a busy machine a short while may go unseen."""

Say = Callable[[str], str]
Tell = Callable[[str], None]
Partitions = Mapping[str, Mapping[str, Any]]


SCENES: Final[tuple[tuple[str, Callable[[Partitions], bool]], ...]] = (
    (
        N_("{site}: it is past the hour, and nobody has armed: late to close"),
        lambda seen: "late" in seen[LOBBY]["marks"] or seen[LOBBY]["state"] in ARMS,
    ),
    (
        N_("{site}: the buzzer warns: the box is about to arm by itself"),
        lambda seen: "warned" in seen[LOBBY]["marks"] or seen[LOBBY]["state"] in ARMS,
    ),
    (
        N_("{site}: lobby, cash area and vault are armed"),
        lambda seen: all(each["state"] == "armed_away" for each in seen.values()),
    ),
)

ALREADY: Final = N_(
    "{site}: the box armed by itself within this hour, as it does once an evening; an officer signs the order to arm"
)
"""A demo's folder that is used again soon: to the box it is the same evening still."""
ONCE_AN_EVENING: Final = timedelta(hours=1)


async def closing_time(
    console: Console, site: SiteAccess, name: str, officers: list[Officer], folder: Path, say: Say, tell: Tell
) -> None:
    """Play it once, told as it happens; what goes wrong is told too."""
    try:
        scenes = SCENES
        if await _armed_itself_lately(console, site):
            scenes = SCENES[-1:]
            tell(say(ALREADY).format(site=name))
            await order("arm", site, WHOLE_SITE, officers, folder, people=ONE)
        for sentence, is_so in scenes:
            await _until(console, site, is_so)
            tell(say(sentence).format(site=name))
        tell(say("{site}: somebody raises the shutter and walks in").format(site=name))
        await act(site.modbus, Action.ENTER, None)
        await _until(console, site, lambda seen: seen[LOBBY]["state"] in {"entry_delay", "alarm"})
        tell(say("{site}: entry delay: whoever may be here has seconds to disarm").format(site=name))
        await _until(console, site, lambda seen: seen[LOBBY]["state"] == "alarm")
        sounds = (await look(site.modbus))["siren"]
        sentence = N_("{site}: nobody did: alarm, the siren sounds") if sounds else N_("{site}: nobody did: alarm")
        tell(say(sentence).format(site=name))
        tell(say("{site}: two officers sign the order to disarm, each with a key of his own").format(site=name))
        await order("disarm", site, WHOLE_SITE, officers, folder, people=BOTH)
        await _until(console, site, lambda seen: all(each["state"] == "disarmed" for each in seen.values()))
        tell(say("{site}: disarmed, and the siren is silent").format(site=name))
    except (BranchUnreachableError, ConsoleError, NobodyError) as error:
        tell(in_words(error, say))
    except OrderFailedError as error:
        tell(str(error))
    except NotSeenError:
        tell(say("{site}: the story of closing time does not go on; the box's log says why").format(site=name))


async def _armed_itself_lately(console: Console, site: SiteAccess) -> bool:
    told = (await console.get(f"/api/v1/events?site={site.id}&kind=partition.armed&limit=100"))["items"]
    since = datetime.now(UTC) - ONCE_AN_EVENING
    return any(each["facts"]["way"] == "schedule" and parse_time(each["at"]) > since for each in told)


async def _until(console: Console, site: SiteAccess, is_so: Callable[[Partitions], bool]) -> None:
    async def look_again() -> bool:
        points = (await console.get(f"/api/v1/sites/{site.id}/points"))["items"]
        seen = {each["id"]: each for each in points if each["id"].startswith("partition/")}
        return LOBBY in seen and is_so(seen)

    await until(look_again, PATIENCE_S)
