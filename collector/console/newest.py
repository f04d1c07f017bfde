"""The newest signed word about each point: what the last beat told, or what an alarm's own events say after it.

An alarm arrives at once, the points that changed come with the next beat, up to 15 s later (WIRE 2.8). Between the two
the desk would show a door closed beside an alarm that says it is open. Pure. Flow: box and alarm -> points -> tiles.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from collector.storage.records import AlarmDetail, BoxRow, PointRow
from collector.times import unix_ms
from protocol.kinds import RESTORED
from protocol.timestamps import parse_time

_BOTH_OPEN: Final = frozenset({"door.dual_open", "door.emergency_release"})
"""Kinds whose source is an interlock and whose fact `doors` names the doors that stood open together."""


def newest_points(box: BoxRow, detail: AlarmDetail) -> tuple[PointRow, ...]:
    """The points of `box`, each as the newest of beat and events of this alarm says."""
    points = {point.id: point for point in box.points}
    for point, state, at_ms in _told(detail, box.offset_ms):
        known = points.get(point)
        if known is not None and at_ms > known.since_ms:
            points[point] = msgspec.structs.replace(known, state=state, since_ms=at_ms, cause="")
    if (interlock := points.get(detail.alarm.source)) is not None and detail.alarm.kind in _BOTH_OPEN:
        points[interlock.id] = _interlock(interlock, _doors(detail, points))
    return tuple(points.values())


def _told(detail: AlarmDetail, offset_ms: int) -> Iterable[tuple[str, str, int]]:
    """Point, state, and when on our clock, of every step of its explanations."""
    for part in detail.parts:
        for at, point, state, _ in part.event.because:
            yield point, state, unix_ms(parse_time(at)) - offset_ms


def _doors(detail: AlarmDetail, points: dict[str, PointRow]) -> list[PointRow]:
    raised = [part.event for part in detail.parts if not part.event.kind.endswith(RESTORED)]
    named = raised[-1].facts.get("doors") if raised else None
    doors = [points.get(f"door/{door}") for door in named] if isinstance(named, list) else []
    return [door for door in doors if door is not None]


def _interlock(told: PointRow, doors: list[PointRow]) -> PointRow:
    """An interlock stands open together as long as its doors do, and no longer."""
    states = {door.state for door in doors}
    if len(doors) < 2 or "unknown" in states or told.state == "unknown":
        return told
    state, changes = ("active", "open") if states == {"open"} else ("normal", "closed")
    if state == told.state:
        return told
    return msgspec.structs.replace(
        told, state=state, since_ms=max(door.since_ms for door in doors if door.state == changes), cause=""
    )
