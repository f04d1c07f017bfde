"""What the centre may ask of pictures: `still`, `clip`, `playback`, `preset`, `evidence_over`; read and limited. Pure.

Flow: conversation.py -> evidence.py -> here; a word says why not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from agent.evidence.promising import Ask
from agent.signals import Moment
from protocol.ids import EVENT_ID_PATTERN
from protocol.timestamps import parse_time

STILL: Final = "still"
CLIP: Final = "clip"
PLAYBACK: Final = "playback"
PRESET: Final = "preset"
OVER: Final = "evidence_over"
ACTIONS: Final = frozenset({STILL, CLIP, PLAYBACK, PRESET, OVER})

LONGEST: Final = timedelta(seconds=120)
MAX_EVENTS: Final = 300
"""Of one `evidence_over`; a request holds no more."""

PRESET_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

MOST: Final[Mapping[str, tuple[int, timedelta]]] = {
    STILL: (10, timedelta(minutes=1)),
    CLIP: (6, timedelta(minutes=10)),
    PLAYBACK: (6, timedelta(minutes=10)),
    PRESET: (20, timedelta(minutes=1)),
    OVER: (120, timedelta(minutes=10)),
}
"""How many of each within such a time, for each camera: a stolen centre must not fill disk and line."""

MOST_TOLD: Final = (200, timedelta(minutes=10))
"""Of all together: each answer is a line of the ledger."""


@dataclass(frozen=True, kw_only=True)
class Over:
    """The alarms of these events are over."""

    events: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A camera shall turn to a preset."""

    camera: str
    preset: str


Wanted = Ask | Over | Preset
Asked = Mapping[str, tuple[Moment, ...]]
"""When what was let through, by action and camera."""


def read_wanted(
    action: str, args: Mapping[str, Any], cameras: frozenset[str], ring: timedelta, now: Moment
) -> Wanted | str:
    """What is wanted; a word where it is not to be had."""
    if action == OVER:
        events = args.get("events")
        if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
            return "malformed"
        if not all(isinstance(each, str) and re.fullmatch(EVENT_ID_PATTERN, each) for each in events):
            return "malformed"
        return Over(events=tuple(events))
    camera = args.get("camera")
    if not isinstance(camera, str):
        return "malformed"
    if camera not in cameras:
        return "no_such_camera"
    if action == STILL:
        return Ask(camera=camera, action=action, kind="still")
    if action == PRESET:
        preset = args.get("preset")
        if not isinstance(preset, str) or not PRESET_PATTERN.fullmatch(preset):
            return "malformed"
        return Preset(camera=camera, preset=preset)
    return _span(action, camera, args, ring, now)


def admit(asked: Asked, action: str, camera: str, now: Moment) -> Asked | None:
    """Let one more through; None: there were too many."""
    kept = {
        name: recent
        for name, moments in asked.items()
        if (recent := tuple(each for each in moments if now.since(each) < MOST_TOLD[1]))
    }
    if sum(len(moments) for moments in kept.values()) >= MOST_TOLD[0]:
        return None
    name = f"{action} {camera}"
    most, within = MOST[action]
    if sum(now.since(each) < within for each in kept.get(name, ())) >= most:
        return None
    return {**kept, name: (*kept.get(name, ()), now)}


def _span(action: str, camera: str, args: Mapping[str, Any], ring: timedelta, now: Moment) -> Ask | str:
    try:
        since, until = (_moment(str(args.get(name)), now) for name in ("from", "to"))
    except ValueError:
        return "malformed"
    if until.wall <= since.wall:
        return "malformed"
    if until.wall - since.wall > LONGEST:
        return "too_long"
    if action == CLIP and since.wall < now.wall - ring:
        return "not_in_ring"
    if until.wall > now.wall + (ring if action == CLIP else timedelta(0)):
        return "in_the_future"
    return Ask(camera=camera, action=action, kind="clip", since=since, until=until)


def _moment(text: str, now: Moment) -> Moment:
    wall = parse_time(text)
    return Moment(wall=wall, mono_ms=now.mono_ms - (now.wall - wall) // timedelta(milliseconds=1))
