"""The small boxes of the desk: a door with its lock, a site as it stands. Unknown is never taken for good.

Pure. What people see as one thing is one tile: a door with lock, button and key, an interlock with its emergency
release. Flow: points, words and now -> tiles -> templates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from collector.console import config_words
from collector.console.sentences import ORDER
from collector.console.wording import Wording
from collector.storage.records import OPEN_STATES, AlarmRow, BoxRow, PointRow, SiteRow
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOST_TILES: Final = 24
"""Tiles of a site that are drawn beside an alarm; those it speaks of and the unknown stand first."""
MOST_SITES: Final = 60
"""Sites that are drawn when there is no alarm; those with something unknown stand first."""

OWNERS: Final[Mapping[str, str]] = MappingProxyType(
    {"lock": "door", "exit": "door", "key": "door", "reader": "door", "release": "interlock"}
)
"""Family of a part -> family of what it is a part of; both bear the same id."""

PART_STATES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("lock", "locked"): N_("locked"),
        ("lock", "unlocked"): N_("not locked"),
        ("lock", "unknown"): N_("lock unknown"),
        ("exit", "active"): N_("exit button pressed"),
        ("exit", "unknown"): N_("exit button unknown"),
        ("key", "active"): N_("mechanical key turned"),
        ("key", "unknown"): N_("mechanical key unknown"),
        ("release", "active"): N_("emergency release pulled"),
        ("release", "unknown"): N_("emergency release unknown"),
    }
)
"""What a part adds to its tile; a part at rest that is not named here adds nothing."""

_ALARM_SIDE: Final = frozenset({"open", "active", "unlocked", "offline"})


@dataclass(frozen=True, kw_only=True)
class Part:
    """A word beside the state; `look` is empty or `unknown`."""

    text: str
    look: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What one box says; `look` is empty, `concerns` (outlined), `needs` (colour too) or `unknown` (its own colour)."""

    name: str
    state: str
    parts: tuple[Part, ...] = ()
    cause: str = ""
    since_ms: int | None
    look: str


def point_tiles(box: BoxRow, points: Iterable[PointRow], alarm: AlarmRow, wording: Wording, now_ms: int) -> list[Tile]:
    """What a box guards: the alarm's own first, then the unknown, then in the usual order; then the box itself."""
    told = {point.id: point for point in points}
    concerned = _concerned(alarm, told)
    last = len(concerned)
    ranked: list[tuple[int, int, str, Tile]] = []
    for point in told.values():
        if _owner(point.id, told) != point.id:
            continue
        parts = [each for each in told.values() if each.id != point.id and _owner(each.id, told) == point.id]
        open_alarm = alarm.state in OPEN_STATES
        tile = _tile(box, point, parts, concerns=open_alarm and point.id in concerned, wording=wording)
        family = point.id.partition("/")[0]
        kind = ORDER.index(family) if family in ORDER else len(ORDER)
        ranked.append((concerned.get(point.id, last if tile.look == "unknown" else last + 1), kind, point.id, tile))
    tiles = [tile for *_, tile in sorted(ranked, key=lambda each: each[:3])]
    return [*tiles[:MOST_TILES], *_line_tiles(box, wording.texts), *_trust_tiles(box, wording, now_ms)]


def site_tiles(sites: Iterable[SiteRow], boxes: Sequence[BoxRow], texts: Texts) -> list[Tile]:
    """Each site in one box: the ones that are not fully known first."""
    by_site: dict[str, list[BoxRow]] = {}
    for box in boxes:
        by_site.setdefault(box.site, []).append(box)
    ranked: list[tuple[int, str, Tile]] = []
    for site in sites:
        own = by_site.get(site.id, [])
        if not own:
            continue  # the centre's own events need a place, but there is nothing to guard
        silent = [box for box in own if box.silent]
        unknown = sum(point.state == "unknown" for box in own if not box.silent for point in box.points)
        heard = min(box.heard_ms for box in (silent or own))
        if silent:
            tile = Tile(
                name=site.name, state=texts("unknown"), cause=texts("box silent"), since_ms=heard, look="unknown"
            )
        elif unknown:
            cause = _points(unknown, texts)
            tile = Tile(name=site.name, state=texts("unknown"), cause=cause, since_ms=heard, look="unknown")
        else:
            points = sum(len(box.points) for box in own)
            cause = _points(points, texts)
            drifts = any(box.config.drift for box in own)
            parts = (Part(text=texts(N_("another site file")), look=""),) if drifts else ()
            look = "concerns" if drifts else ""
            tile = Tile(name=site.name, state=texts("guarded"), parts=parts, cause=cause, since_ms=heard, look=look)
        ranked.append((("unknown", "concerns", "").index(tile.look), site.id, tile))
    return [tile for _, _, tile in sorted(ranked, key=lambda each: each[:2])]


def _tile(box: BoxRow, point: PointRow, parts: Sequence[PointRow], *, concerns: bool, wording: Wording) -> Tile:
    """One thing with its parts; its age is that of the newest change among what it shows."""
    name = wording.point(point.id)
    if box.silent:
        # What was last told of a silent box is the past: it is shown as the cause, never as the state.
        state, silent = wording.state(point.id, "unknown"), wording.texts(N_("box silent"))
        return Tile(name=name, state=state, cause=silent, since_ms=box.heard_ms, look="unknown")
    known = point.state != "unknown"
    shown = [
        (part, PART_STATES[_family(part), part.state])
        for part in sorted(parts, key=lambda each: ORDER.index(_family(each)))
        # Where the thing itself is unknown, its parts being so too says nothing more.
        if (_family(part), part.state) in PART_STATES and (known or part.state != "unknown")
    ]
    needs = concerns and known and any(each.state in _ALARM_SIDE for each in (point, *(part for part, _ in shown)))
    unknown = not known or any(part.state == "unknown" for part, _ in shown)
    return Tile(
        name=name,
        state=wording.state(point.id, point.state),
        parts=tuple(
            Part(text=wording.texts(word), look="unknown" if part.state == "unknown" else "") for part, word in shown
        ),
        cause=wording.reason(point.cause, point.id) if point.cause else "",
        since_ms=max(each.since_ms for each in (point, *(part for part, _ in shown))),
        look="needs" if needs else "unknown" if unknown else "concerns" if concerns else "",
    )


def _line_tiles(box: BoxRow, texts: Texts) -> list[Tile]:
    """How the box itself is: when it was heard, whether its clock can be believed, what waits there."""
    line, look = (
        (N_("silent"), "unknown") if box.silent else (N_("late"), "needs") if box.delayed else (N_("heard"), "")
    )
    clock = {"synced": N_("in step"), "holdover": N_("holds over"), "suspect": N_("suspect")}.get(box.clock, box.clock)
    offset = f"{box.offset_ms / 1000:+.1f} s" if abs(box.offset_ms) >= 1000 else ""
    tiles = [
        Tile(name=texts(N_("Link to the box")), state=texts(line), since_ms=box.heard_ms, look=look),
        Tile(
            name=texts(N_("Clock")),
            state=texts(clock),
            cause=offset,
            since_ms=box.heard_ms,
            look="needs" if box.clock == "suspect" else "",
        ),
    ]
    waiting = int(box.health.get("pending_urgent", 0)) + int(box.health.get("pending_routine", 0))
    if waiting and not box.silent:
        tiles.append(Tile(name=texts(N_("Waiting at the box")), state=str(waiting), since_ms=box.heard_ms, look=""))
    return tiles


def _trust_tiles(box: BoxRow, wording: Wording, now_ms: int) -> list[Tile]:
    """What the box works with and until when it is believed: it changes with papers, so it shows no age."""
    told = (
        (N_("Site file"), config_words.site_file(box.config, wording, forked=box.forked)),
        (N_("Roster"), config_words.roster(box.config, wording, now_ms)),
        (N_("Certificate"), config_words.certificate(box.config, wording, now_ms)),
    )
    return [
        Tile(
            name=wording.texts(name),
            state=each.state,
            cause=each.detail,
            since_ms=None,
            look="needs" if each.needs else "",
        )
        for name, each in told
        if each is not None
    ]


def _family(point: PointRow) -> str:
    return point.id.partition("/")[0]


def _owner(point: str, told: Mapping[str, PointRow]) -> str:
    """What a point is a part of: its door or interlock where there is one, else itself."""
    family, _, rest = point.partition("/")
    owner = f"{OWNERS[family]}/{rest}" if family in OWNERS else point
    return owner if owner in told else point


def _concerned(alarm: AlarmRow, told: Mapping[str, PointRow]) -> dict[str, int]:
    """The things an alarm speaks of, each with its place in the story."""
    doors = alarm.facts.get("doors", ())
    named = [f"door/{door}" for door in doors] if isinstance(doors, list) else []
    points = [_owner(point, told) for point in (*(row[1] for row in alarm.because), *named, alarm.source)]
    return {point: place for place, point in enumerate(dict.fromkeys(points))}


def _points(count: int, texts: Texts) -> str:
    return texts(N_("1 point")) if count == 1 else texts(N_("{count} points")).format(count=count)
