"""A camera's picture is faulty, and sound again: which fault, since when, by which figure. Pure.

Every look is judged by the tree (`faults.py`). A fault is told when it was there at every look of its time, and ends
when it was at none for SOUND; so no more than one stands at a time. What a bank wants:

- **Light is no fault.** While most of the picture changes at once, and for SETTLES after, nothing is judged but snow
  and jumping, which no light looks like; a lamp that flickers on is judged after FLICKER, or it would hide a hand.
- **Infrared is no fault**: what is compared with the reference does not see it (edges by direction, contrast taken
  out), and a grey picture has no wrong colours.
- **A dark room is one fault**: `camera.black`, told once when the lamp goes out with no infrared, standing all night,
  because nobody sees there; headlights that pass in less than SOUND do not end it.
- **A still room is not frozen**: live pixels differ by their noise (`standstill.py`).
- A picture that is faulty at every look, now one way and now another, is told after MIXED as what it is then.

What was told outlives a restart (`standing`). Without a picture nothing is judged (`blind`), and what stands stands.
Flow: eye -> agent/eyes/ -> here -> findings.
"""

from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from agent.detectors.faults import NAMES, Fault, Lately, judged
from agent.detectors.standstill import Standstill, doubted, followed, stands
from agent.findings import Finding, Phase, because
from agent.signals import Moment
from agent.video.words import Measures
from protocol.messages import BecauseRow

LASTS: Final = {
    "black": timedelta(seconds=4),
    "snow": timedelta(seconds=3),
    "jumping": timedelta(seconds=4),
    "colour_cast": timedelta(seconds=5),
    "moved": timedelta(seconds=5),
    "defocused": timedelta(seconds=5),
    "covered": timedelta(seconds=5),
    "frozen": timedelta(0),  # standstill.py waits
}
MIXED: Final = timedelta(seconds=8)
SOUND: Final = timedelta(seconds=5)
SETTLES: Final = timedelta(seconds=1.5)
"""After most of the picture changed: exposure and white balance find their place."""
LIGHT_SHARE: Final = 0.6
FLICKER: Final = timedelta(seconds=10)
JUMPS_WITHIN: Final = timedelta(seconds=4)
LONGEST_GAP: Final = timedelta(seconds=10)
"""Between looks: after a longer one, what was begun is begun anew."""
_WHATEVER_THE_LIGHT: Final = frozenset({"snow", "jumping"})
SHARES: Final = frozenset({"edges_kept", "sharpness", "equal"})
"""Measures that are told in per cent."""
_DIGITS: Final = 1


class PictureState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between looks."""

    told: str = ""  # the fault that stands
    told_at: Moment | None = None  # None: by the run before
    sound_since: Moment | None = None  # what stands was not seen since then
    fault: str = ""  # what the last look showed
    since: Moment | None = None  # at every look since then
    faulty_since: Moment | None = None  # some fault at every look since then
    first: BecauseRow | None = None
    light_since: Moment | None = None  # most of the picture changes, look after look
    light: Moment | None = None  # when it last did
    jumped: tuple[int, ...] = ()  # when the picture jumped, monotonic ms
    still: Standstill = Standstill()
    seen: Moment | None = None  # the last look


def standing(kinds: frozenset[str]) -> PictureState:
    """The state in which these kinds were told and have not ended."""
    return PictureState(told=next((name for name in NAMES if f"camera.{name}" in kinds), ""))


def blind(state: PictureState) -> PictureState:
    """No picture comes: nothing is judged, and what stands stands."""
    return PictureState(told=state.told, told_at=state.told_at, still=Standstill(patience=state.still.patience))


def observe(
    state: PictureState, camera: str, measures: Measures, reference: int, at: Moment
) -> tuple[PictureState, tuple[Finding, ...]]:
    """What this look at the picture changes; `reference`: the version that was compared with, 0 for none."""
    if state.seen and not timedelta(0) <= at.since(state.seen) <= LONGEST_GAP:
        state = blind(state)
    before, state = state.seen, _followed(state, measures, at)
    fault = judged(measures, Lately(jumps=len(state.jumped), equal=stands(state.still, at)), state.told)
    if suspended(state, at) and not (fault and fault.name in _WHATEVER_THE_LIGHT):
        return _waited(state, at.since(before) if before else timedelta(0)), ()
    point = f"camera/{camera}"
    state = _counted(state, point, fault, at)
    findings: list[Finding] = []
    if state.told and state.sound_since and at.since(state.sound_since) >= SOUND:
        findings.append(_ended(state, point, reference, at))
        still = doubted(state.still) if state.told == "frozen" else state.still
        state = replace(state, told="", told_at=None, sound_since=None, still=still)
    if fault and not state.told and _lasted(state, fault, at):
        findings.append(_raised(state, point, fault, reference, at))
        state = replace(state, told=fault.name, told_at=at, sound_since=None)
    return state, tuple(findings)


def suspended(state: PictureState, at: Moment) -> bool:
    """Whether the light changes, or did moments ago."""
    if state.light is None or state.light_since is None or at.since(state.light) >= SETTLES:
        return False
    return at.since(state.light_since) < FLICKER


def _waited(state: PictureState, wait: timedelta) -> PictureState:
    """Time in which nothing is judged counts for nothing: what was begun goes on where it was."""
    return replace(
        state,
        since=state.since and state.since.after(wait),
        faulty_since=state.faulty_since and state.faulty_since.after(wait),
        sound_since=state.sound_since and state.sound_since.after(wait),
    )


def _followed(state: PictureState, measures: Measures, at: Moment) -> PictureState:
    """What only several looks show: light that changes, jumps, a standstill."""
    earliest = at.mono_ms - JUMPS_WITHIN // timedelta(milliseconds=1)
    jumps = (*(each for each in state.jumped if each > earliest), *((at.mono_ms,) if measures.row_shift else ()))
    still = followed(state.still, measures, at)
    state = replace(state, seen=at, jumped=jumps, still=still)
    if measures.changed < LIGHT_SHARE:
        return state
    goes_on = state.light is not None and at.since(state.light) <= SETTLES
    return replace(state, light=at, light_since=state.light_since if goes_on else at)


def _counted(state: PictureState, point: str, fault: Fault | None, at: Moment) -> PictureState:
    """How long what is seen has been there, and how long what stands has not."""
    sound_since = state.sound_since or at if state.told and (fault is None or fault.name != state.told) else None
    if fault is None:
        return replace(state, fault="", since=None, faulty_since=None, first=None, sound_since=sound_since)
    if fault.name == state.fault:
        return replace(state, sound_since=sound_since)
    since = (state.still.since if fault.name == "frozen" else None) or at
    return replace(
        state,
        fault=fault.name,
        since=since,
        faulty_since=state.faulty_since or since,
        first=because(point, fault.name, since, _figure(fault)),
        sound_since=sound_since,
    )


def _lasted(state: PictureState, fault: Fault, at: Moment) -> bool:
    if state.since is not None and at.since(state.since) >= LASTS[fault.name]:
        return True
    return state.faulty_since is not None and at.since(state.faulty_since) >= MIXED


def _raised(state: PictureState, point: str, fault: Fault, reference: int, at: Moment) -> Finding:
    return Finding(
        kind=f"camera.{fault.name}",
        source=point,
        phase=Phase.RAISED,
        at=at,
        facts={
            "measure": fault.measure,
            "value": _told(fault, fault.value),
            "limit": _told(fault, fault.limit),
            "reference": reference,
        },
        because=(*((state.first,) if state.first else ()), because(point, fault.name, at, _figure(fault))),
    )


def _ended(state: PictureState, point: str, reference: int, at: Moment) -> Finding:
    lasted = {"lasted_s": at.since(state.told_at).total_seconds()} if state.told_at else {}
    return Finding(
        kind=f"camera.{state.told}",
        source=point,
        phase=Phase.ENDED,
        at=at,
        facts={**lasted, "reference": reference},
        because=(because(point, "sound", state.sound_since or at),),
    )


def _told(fault: Fault, figure: float) -> float:
    return round(figure * 100 if fault.measure in SHARES else figure, _DIGITS)


def _figure(fault: Fault) -> str:
    return f"{fault.measure} {_told(fault, fault.value):g}, limit {_told(fault, fault.limit):g}"
