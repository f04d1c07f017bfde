"""What the demo plays before its cameras: somebody stays too long in the ATM hall, then the lens is covered.

Looks through the centre's API, acts through the cameras' control address: it knows nothing that a person could not see.
Whether somebody is seen, and when that is too long, is the box's own doing. Flow: demo.py -> here.
"""

from collections import Counter
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
class _Before:
    """The alarm of one kind at the site as it was before: used again, a demo's folder has old ones."""

    id: str = ""
    events: int = 0
    here: Mapping[str, int]  # pieces that the centre has, by kind


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
    before = await _before(console, site, LOITERING)
    await tell(hall.control, hall.name, PERSON, STAY_S)
    alarm = await until(lambda: _raised(console, site, LOITERING, before), SEEN_S)
    sentence = N_("{site}: the box says so, after {seconds} s")
    if alarm["facts"].get("model") == NO_MODEL:
        sentence = N_("{site}: the box says so, after {seconds} s; without people model, by what moves")
    out(say(sentence).format(site=name, seconds=LOITERING_S))
    await until(lambda: _brought(console, alarm, "still", before), BROUGHT_S)
    out(say("{site}: the centre has a picture of it").format(site=name))
    await tell(hall.control, hall.name, LEAVE)
    await until(lambda: _brought(console, alarm, "clip", before), BROUGHT_S)
    out(say("{site}: and a clip, whose hash the box has signed; they have gone").format(site=name))


async def _covered(console: Console, site: SiteAccess, hall: CameraAccess, name: str, say: Say, out: Tell) -> None:
    out(say("{site}: somebody covers that camera").format(site=name))
    before = await _before(console, site, COVERED)
    await tell(hall.control, hall.name, Fault.COVER)
    alarm = await until(lambda: _raised(console, site, COVERED, before), SEEN_S)
    await until(lambda: _brought(console, alarm, "still", before), BROUGHT_S)
    out(say("{site}: a covered camera is an alarm, with the picture as it was and as it is").format(site=name))
    await tell(hall.control, hall.name, CLEAR)
    await until(lambda: _ended(console, alarm), SEEN_S)
    out(say("{site}: it sees again").format(site=name))


async def _ready(console: Console, site: SiteAccess) -> Any:
    """The camera gives pictures, and knows how its picture should look."""
    points = (await console.get(f"/api/v1/sites/{site.id}/points"))["items"]
    return [
        each
        for each in points
        if each["id"] == "camera/03" and each["state"] == "online" and "no_reference" not in each["marks"]
    ]


async def _newest(console: Console, site: SiteAccess, kind: str) -> Alarm | None:
    alarms = (await console.get("/api/v1/alarms?limit=100"))["items"]
    found = next((each for each in alarms if each["site"] == site.id and each["kind"] == kind), None)
    return None if found is None else await console.get(f"/api/v1/alarms/{found['id']}")


async def _before(console: Console, site: SiteAccess, kind: str) -> _Before:
    alarm = await _newest(console, site, kind)
    return _Before(here={}) if alarm is None else _Before(id=alarm["id"], events=alarm["events"], here=_here(alarm))


async def _raised(console: Console, site: SiteAccess, kind: str, before: _Before) -> Alarm | None:
    """An alarm of that kind which is new, or happened again."""
    alarm = await _newest(console, site, kind)
    return alarm if alarm is not None and (alarm["id"] != before.id or alarm["events"] > before.events) else None


async def _brought(console: Console, alarm: Alarm, kind: str, before: _Before) -> bool:
    here = _here(await console.get(f"/api/v1/alarms/{alarm['id']}"))
    return here[kind] > (before.here.get(kind, 0) if alarm["id"] == before.id else 0)


def _here(alarm: Alarm) -> Counter[str]:
    return Counter(piece["kind"] for piece in alarm["evidence"] if piece["state"] == "here")


async def _ended(console: Console, alarm: Alarm) -> bool:
    whole = await console.get(f"/api/v1/alarms/{alarm['id']}")
    return whole["restored_at"] is not None
