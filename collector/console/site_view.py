"""A site on one page: its partitions with their zones, then doors, outputs and devices; what a person may ask of each.

Pure. Unknown is never taken for good, and has a look of its own; of a silent box everything is unknown. Flow: points as
the API tells them -> here -> templates/site.html.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collector.console import eye_sentences, guard_sentences
from collector.console.order_shapes import SitePoint
from collector.console.wording import Wording
from protocol.orders import WHOLE_SITE
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

BYPASS_S: Final = 12 * 3600
TEST_S: Final = 1800

_GRAVE: Final = frozenset({"alarm", "tamper"})
_WARNS: Final = frozenset({"bypassed", "shut_down", "not_ready", "late", "warned", "test"})
_TRIGGERED: Final = frozenset({"active", "open", "unlocked", "offline"})
_SEEN: Final = frozenset({"camera", "area"})


@dataclass(frozen=True, kw_only=True)
class Button:
    """Something that a person may draw up."""

    words: str
    action: str
    args: Mapping[str, Any]
    main: bool = False
    asks: bool = False  # it only asks, and goes to the box at once


@dataclass(frozen=True, kw_only=True)
class Row:
    """One point; `look` is empty, `unknown`, `grave`, `warns` or `active`."""

    id: str
    name: str
    state: str
    look: str
    marks: tuple[tuple[str, str], ...]  # words and look
    cause: str
    since_ms: int
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Area:
    """A partition with its zones."""

    row: Row
    kind: str
    people: str
    zones: tuple[Row, ...] = ()


@dataclass(frozen=True, kw_only=True)
class View:
    """The whole page."""

    areas: tuple[Area, ...]
    zones: tuple[Row, ...]
    cameras: tuple[Row, ...]
    others: tuple[Row, ...]
    buttons: tuple[Button, ...] = field(default=())


def view(
    points: Sequence[SitePoint],
    wording: Wording,
    since_ms: Mapping[str, int],
    *,
    may: bool,
    tests: bool,
    asks: bool = False,
) -> View:
    """Put the points of a site in order.

    `may`: this person may draw orders up, `tests`: walk tests at least, `asks`: it may ask for a picture.
    """
    by_id = {point.id: point for point in points}
    in_areas: set[str] = set()
    areas: list[Area] = []
    for point in points:
        if point.family != "partition":
            continue
        zones = [by_id[f"zone/{zone}"] for zone in point.zones if f"zone/{zone}" in by_id]
        in_areas |= {zone.id for zone in zones}
        areas.append(
            Area(
                row=_row(point, wording, since_ms, _partition_buttons(point, wording, may=may, tests=tests)),
                kind=_kind(point, wording),
                people=_people(point, wording),
                zones=tuple(
                    _row(zone, wording, since_ms, _zone_buttons(zone, wording) if may else ()) for zone in zones
                ),
            )
        )
    loose = [point for point in points if point.family == "zone" and point.id not in in_areas]
    seen = [point for point in points if point.family in _SEEN]
    rest = [point for point in points if point.family not in {"partition", "zone", *_SEEN}]
    return View(
        areas=tuple(sorted(areas, key=lambda area: (_rank(area.row), area.row.id))),
        zones=tuple(_row(zone, wording, since_ms, _zone_buttons(zone, wording) if may else ()) for zone in loose),
        cameras=tuple(_row(each, wording, since_ms, _camera_buttons(each, wording) if asks else ()) for each in seen),
        others=tuple(_row(each, wording, since_ms, _other_buttons(each, wording) if may else ()) for each in rest),
        buttons=_site_buttons(wording) if may and areas else (),
    )


def _row(point: SitePoint, wording: Wording, since_ms: Mapping[str, int], buttons: Iterable[Button]) -> Row:
    return Row(
        id=point.id,
        name=wording.point(point.id),
        state=point.words,
        look=_look(point),
        marks=tuple((wording.mark(mark), _look_of(mark)) for mark in point.marks if mark != "quiet"),
        cause=point.cause,
        since_ms=since_ms[point.id],
        buttons=tuple(buttons),
    )


def _look_of(mark: str) -> str:
    if mark in eye_sentences.CALM_MARKS:
        return ""
    return "grave" if mark in _GRAVE or mark in eye_sentences.GRAVE_MARKS else "warns"


def _look(point: SitePoint) -> str:
    if point.state == "unknown":
        return "unknown"
    if point.state in _GRAVE or "alarm" in point.marks or eye_sentences.GRAVE_MARKS.intersection(point.marks):
        return "grave"
    if point.family in _SEEN and (point.state == "offline" or "login_refused" in point.marks):
        return "warns"
    if _WARNS.intersection(point.marks) or point.state in {"test", "entry_delay", "arming"}:
        return "warns"
    return "active" if point.state in _TRIGGERED else ""


def _rank(row: Row) -> int:
    return ("grave", "unknown", "warns", "active", "").index(row.look)


def _kind(point: SitePoint, wording: Wording) -> str:
    word = guard_sentences.KINDS_OF_PARTITION.get(point.partition_kind or "")
    return wording.texts(word) if word else ""


def _people(point: SitePoint, wording: Wording) -> str:
    if point.people is None or point.people < 2:
        return ""
    return wording.texts(N_("{count} people must approve its disarming")).format(count=point.people)


def _partition_buttons(point: SitePoint, wording: Wording, *, may: bool, tests: bool) -> Iterable[Button]:
    _, _, partition = point.id.partition("/")
    told, _ = point.told, wording.texts
    if may and told in {"disarmed", "unknown", "armed_stay"}:
        yield Button(words=_(N_("Arm")), action="arm", args={"partition": partition}, main=True)
    if may and told in {"disarmed", "unknown"}:
        yield Button(words=_(N_("Arm, people inside")), action="arm", args={"partition": partition, "mode": "stay"})
    if may and told != "disarmed":
        yield Button(words=_(N_("Disarm")), action="disarm", args={"partition": partition})
    if may and "alarm" in point.marks:
        yield Button(words=_(N_("Reset")), action="reset_latch", args={"partition": partition})
    if (may or tests) and told in {"disarmed", "armed_away", "armed_stay"}:
        yield Button(words=_(N_("Test")), action="run_test", args={"partition": partition, "for_s": TEST_S})


def _zone_buttons(point: SitePoint, wording: Wording) -> Iterable[Button]:
    _, _, zone = point.id.partition("/")
    _ = wording.texts
    if "alarm" in point.marks:
        yield Button(words=_(N_("Reset")), action="reset_latch", args={"zone": zone})
    if "bypassed" in point.marks:
        yield Button(words=_(N_("End the bypass")), action="bypass", args={"zone": zone, "on": False})
    elif not point.never_bypassed:
        yield Button(words=_(N_("Bypass 12 h")), action="bypass", args={"zone": zone, "for_s": BYPASS_S})


def _other_buttons(point: SitePoint, wording: Wording) -> Iterable[Button]:
    family, _, name = point.id.partition("/")
    _ = wording.texts
    if family == "lock":
        yield Button(words=_(N_("Unlock")), action="unlock", args={"door": name})
        if point.told == "unlocked":
            yield Button(words=_(N_("Lock")), action="lock", args={"door": name})


def _camera_buttons(point: SitePoint, wording: Wording) -> Iterable[Button]:
    family, _, name = point.id.partition("/")
    if family == "camera" and point.state != "unknown":
        yield Button(words=wording.texts(N_("Ask for a picture")), action="still", args={"camera": name}, asks=True)


def _site_buttons(wording: Wording) -> tuple[Button, ...]:
    _ = wording.texts
    return (
        Button(words=_(N_("Arm the whole site")), action="arm", args={"partition": WHOLE_SITE}, main=True),
        Button(words=_(N_("Disarm the whole site")), action="disarm", args={"partition": WHOLE_SITE}),
        Button(words=_(N_("Silence every siren")), action="silence", args={}),
    )
