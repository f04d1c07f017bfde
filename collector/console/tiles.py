"""The small boxes of the desk: a point's state with its age, a site as it stands. Unknown is never taken for good.

Pure. Flow: storage rows, words and now -> tiles -> templates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.console.sentences import ORDER
from collector.console.wording import Wording
from collector.storage.records import AlarmRow, BoxRow, SiteRow
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOST_TILES: Final = 24
"""Points of a site that are drawn beside an alarm; those it speaks of and the unknown stand first."""
MOST_SITES: Final = 60
"""Sites that are drawn when there is no alarm; those with something unknown stand first."""

_ALARM_SIDE: Final = frozenset({"open", "active", "unlocked", "offline"})


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What one box says; `look` is empty, `needs` (colour) or `unknown` (its own colour)."""

    name: str
    state: str
    cause: str
    since_ms: int | None
    look: str


def point_tiles(box: BoxRow, alarm: AlarmRow, wording: Wording) -> list[Tile]:
    """The points of a box: the alarm's own first, then the unknown, then in the usual order; then line and clock."""
    concerned = _concerned(alarm)
    last = len(concerned)
    silent = wording.texts(N_("box silent")) if box.silent else ""
    ranked: list[tuple[int, int, str, Tile]] = []
    for point in box.points:
        unknown = box.silent or point.state == "unknown"
        needs = not unknown and point.id in concerned and point.state in _ALARM_SIDE
        tile = Tile(
            name=wording.point(point.id),
            # What was last told of a silent box is the past: it is shown as the cause, never as the state.
            state=wording.state(point.id, "unknown" if unknown else point.state),
            cause=silent or (wording.reason(point.cause) if point.cause else ""),
            since_ms=box.heard_ms if box.silent else point.since_ms,
            look="unknown" if unknown else "needs" if needs else "",
        )
        family = point.id.partition("/")[0]
        kind = ORDER.index(family) if family in ORDER else len(ORDER)
        ranked.append((concerned.get(point.id, last if unknown else last + 1), kind, point.id, tile))
    tiles = [tile for *_, tile in sorted(ranked, key=lambda each: each[:3])]
    return [*tiles[:MOST_TILES], *_line_tiles(box, wording.texts)]


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
            cause = texts("{count} points").format(count=unknown)
            tile = Tile(name=site.name, state=texts("unknown"), cause=cause, since_ms=heard, look="unknown")
        else:
            points = sum(len(box.points) for box in own)
            cause = texts("{count} points").format(count=points)
            tile = Tile(name=site.name, state=texts("guarded"), cause=cause, since_ms=heard, look="")
        ranked.append((0 if tile.look else 1, site.id, tile))
    return [tile for _, _, tile in sorted(ranked, key=lambda each: each[:2])]


def _line_tiles(box: BoxRow, texts: Texts) -> list[Tile]:
    """How the box itself is: when it was heard, whether its clock can be believed, what waits there."""
    line, look = (
        (N_("silent"), "unknown") if box.silent else (N_("late"), "needs") if box.delayed else (N_("heard"), "")
    )
    clock = {"synced": N_("in step"), "holdover": N_("holds over"), "suspect": N_("suspect")}.get(box.clock, box.clock)
    offset = f"{box.offset_ms / 1000:+.1f} s" if abs(box.offset_ms) >= 1000 else ""
    tiles = [
        Tile(name=texts(N_("Link to the box")), state=texts(line), cause="", since_ms=box.heard_ms, look=look),
        Tile(
            name=texts(N_("Clock")),
            state=texts(clock),
            cause=offset,
            since_ms=None,
            look="needs" if box.clock == "suspect" else "",
        ),
    ]
    waiting = int(box.health.get("pending_urgent", 0)) + int(box.health.get("pending_routine", 0))
    if waiting and not box.silent:
        tiles.append(Tile(name=texts(N_("Waiting at the box")), state=str(waiting), cause="", since_ms=None, look=""))
    return tiles


def _concerned(alarm: AlarmRow) -> dict[str, int]:
    """The points an alarm speaks of, each with its place in the story."""
    doors = alarm.facts.get("doors", ())
    told = [f"door/{door}" for door in doors] if isinstance(doors, list) else []
    return {
        point: place
        for place, point in enumerate(dict.fromkeys([*(row[1] for row in alarm.because), *told, alarm.source]))
    }
