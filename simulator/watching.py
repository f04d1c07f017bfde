"""What the demo plays before its cameras: somebody stays too long in the ATM hall, then the lens is covered.

Looks through the centre's API, acts through the cameras' control address: it knows nothing that a person could not see.
Whether somebody is seen, and when that is too long, is the box's own doing. Flow: demo.py -> here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import told as in_words
from simulator.awaiting import NotSeenError, until
from simulator.cameras.control import CLEAR, LEAVE, PERSON, CameraRefusedError, CameraUnreachableError, tell
from simulator.cameras.faults import Fault
from simulator.console import Console, ConsoleError
from simulator.demo_file import CameraAccess, SiteAccess
from simulator.watched import HALL, LOITERING_S

SEEN_S: Final = 60.0
"""How long a camera may take until it is online and its reference learned, and an alarm until it is at the centre."""
BROUGHT_S: Final = 60.0
STAY_S: Final = LOITERING_S + 15.0
LOITERING, COVERED = "presence.loitering", "camera.covered"
NO_MODEL: Final = "none"
"""What a finding names as its model where background subtraction found it."""

Say = Callable[[str], str]
Tell = Callable[[str], None]
Alarm = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What was told, and the alarm that it opened, joined or made graver: a break-in keeps what supports it."""

    event: Mapping[str, Any]
    alarm: Alarm


async def watched(console: Console, site: SiteAccess, name: str, say: Say, out: Tell) -> None:
    """Play it once, told as it happens; what goes wrong is told too. Nothing for a branch without cameras."""
    hall = next((each for each in site.cameras if each.name == HALL), None)
    if hall is None:
        return
    try:
        await until(lambda: _ready(console, site), SEEN_S)
        await _loiterer(console, site, hall, name, say, out)
        await _covered(console, site, hall, name, say, out)
    except (CameraRefusedError, CameraUnreachableError, ConsoleError) as error:
        out(in_words(error, say))
    except NotSeenError:
        out(say("{site}: the story of the cameras does not go on; the box's log says why").format(site=name))


async def _loiterer(console: Console, site: SiteAccess, hall: CameraAccess, name: str, say: Say, out: Tell) -> None:
    out(say("{site}: somebody walks into the hall of the cash machines, and stays").format(site=name))
    before = await newest(console, site, LOITERING)
    await tell(hall.control, hall.name, PERSON, STAY_S)
    seen = await until(lambda: raised(console, site, LOITERING, before), SEEN_S)
    sentence = N_("{site}: the box says so, after {seconds} s")
    if seen.event["facts"].get("model") == NO_MODEL:
        sentence = N_("{site}: the box says so, after {seconds} s; without people model, by what moves")
    out(say(sentence).format(site=name, seconds=LOITERING_S))
    await until(lambda: _brought(console, seen, "still"), BROUGHT_S)
    out(say("{site}: the centre has a picture of it").format(site=name))
    await tell(hall.control, hall.name, LEAVE)
    await until(lambda: _brought(console, seen, "clip"), BROUGHT_S)
    out(say("{site}: and a clip, whose hash the box has signed; they have gone").format(site=name))


async def _covered(console: Console, site: SiteAccess, hall: CameraAccess, name: str, say: Say, out: Tell) -> None:
    out(say("{site}: somebody covers that camera").format(site=name))
    before = await newest(console, site, COVERED)
    await tell(hall.control, hall.name, Fault.COVER)
    seen = await until(lambda: raised(console, site, COVERED, before), SEEN_S)
    await until(lambda: _brought(console, seen, "still"), BROUGHT_S)
    sentence = N_("{site}: a covered camera is an alarm, with the picture as it was and as it is")
    if seen.alarm["kind"] != COVERED:
        sentence = N_(
            "{site}: a covered camera makes the break-in before it graver, with the picture as it was and as it is"
        )
    out(say(sentence).format(site=name))
    await tell(hall.control, hall.name, CLEAR)
    await until(lambda: _ended(console, site, seen), SEEN_S)
    out(say("{site}: it sees again").format(site=name))


async def _ready(console: Console, site: SiteAccess) -> Any:
    """The camera gives pictures, and knows how its picture should look."""
    points = (await console.get(f"/api/v1/sites/{site.id}/points"))["items"]
    return [
        each
        for each in points
        if each["id"] == "camera/03" and each["state"] == "online" and "no_reference" not in each["marks"]
    ]


async def newest(console: Console, site: SiteAccess, kind: str) -> Mapping[str, Any] | None:
    """The last event of this kind: used again, a demo's folder has old ones."""
    items = (await console.get(f"/api/v1/events?site={site.id}&kind={kind}&limit=1"))["items"]
    return items[0] if items else None


async def raised(console: Console, site: SiteAccess, kind: str, before: Mapping[str, Any] | None) -> _Seen | None:
    """A new event of that kind, with the alarm where it stands."""
    event = await newest(console, site, kind)
    if event is None or (before is not None and event["id"] == before["id"]):
        return None
    for each in (await console.get(f"/api/v1/alarms?site={site.id}&limit=100"))["items"]:
        whole = await console.get(f"/api/v1/alarms/{each['id']}")
        if event["id"] in whole["event_ids"]:
            return _Seen(event=event, alarm=whole)
    return None


async def _brought(console: Console, seen: _Seen, kind: str) -> bool:
    pieces = (await console.get(f"/api/v1/alarms/{seen.alarm['id']}"))["evidence"]
    return any(
        piece["kind"] == kind and piece["state"] == "here" and piece["slot"].startswith(seen.event["id"])
        for piece in pieces
    )


async def _ended(console: Console, site: SiteAccess, seen: _Seen) -> bool:
    end = await newest(console, site, f"{COVERED}.restored")
    return end is not None and end["restores"] == seen.event["id"]
