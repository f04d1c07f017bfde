"""Which pictures an event promises, and which promises are open. Pure: events and requests in, slots and promises out.

A promise is stored in the transaction that stores its event, and ends in the one that stores its `evidence.sealed`: a
box that is cut off anywhere knows afterwards what it still owes. `zone.duress` promises nothing: its pictures would be
told in the routine lane, whose gaps anybody at the site may see (hidden.py). Flow: reporting.py -> here -> the outbox.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import msgspec

from agent.detectors.video import LOSS, VIDEO_LOSS
from agent.hidden import KINDS as HIDDEN
from agent.reporting import Draft
from agent.signals import Moment
from protocol.kinds import Lane
from protocol.messages import EvidenceSlot
from protocol.site.schema import Site
from protocol.uploads import slot_of

SEALED: Final = "evidence.sealed"
ANSWERED: Final = "request.answered"
DAMAGED: Final = "evidence.damaged"

LOWEST_LEVEL: Final = 4
"""Events of level 5 open no alarm; nobody would look."""

MOST_CAMERAS: Final = 2
"""Of one event. Two angles are what a person looks at."""

MAX_OPEN: Final = 400
"""Promises at once, some 100 KiB to store with each change; in a storm like that the clips show the rest."""

PICTURE_FAULTS: Final = frozenset(
    f"camera.{fault}"
    for fault in ("black", "snow", "jumping", "frozen", "colour_cast", "moved", "defocused", "covered")
)
"""What is judged against a reference: the two pictures are the proof."""

_NOT_SEEN: Final = ("device.", "recorder.")
"""Kinds at a camera that no picture of it shows: clocks, logins, disks. A camera may name such a source in `shows`."""

SlotKind = Literal["still", "clip", "reference"]
_USUAL: Final[tuple[SlotKind, ...]] = ("still", "clip")
_OF_PICTURE: Final[tuple[SlotKind, ...]] = ("reference", "still", "clip")


class Promise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture that is owed. `since` and `until` are of a clip."""

    slot: str
    owner: str  # id of the event, or of the request
    request: bool = False
    camera: str
    kind: SlotKind
    about: str  # kind of the event, action of the request
    level: int
    urgent: bool = False
    at: Moment
    since: Moment | None = None
    until: Moment | None = None
    over: bool = False  # the centre said that its alarm is over


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request for one picture that was let through and waits for its `request.answered` to be stored."""

    camera: str
    action: str
    kind: SlotKind
    since: Moment | None = None
    until: Moment | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which cameras picture which source, and how much of a clip lies before and after."""

    cameras: Mapping[str, tuple[str, ...]]  # by source, the one that sees it best first
    own: frozenset[str]  # sources that are cameras and areas themselves
    before: timedelta
    after: timedelta


Promises = Mapping[str, Promise]
"""What is owed, by slot, in the order in which it was promised."""


def plan_of(site: Site) -> Plan:
    """The plan that a site file makes."""
    named: dict[str, list[str]] = {f"camera/{camera.id}": [camera.id] for camera in site.camera}
    for area in site.area:
        named.setdefault(f"area/{area.id}", []).append(area.camera)
    own = frozenset(named)
    for camera in site.camera:
        for source in camera.shows:
            named.setdefault(source, []).append(camera.id)
    for interlock in site.interlock:
        of_doors = [camera for door in interlock.doors for camera in named.get(f"door/{door}", ())]
        if of_doors:
            named.setdefault(f"interlock/{interlock.id}", []).extend(of_doors)
    cameras = {source: tuple(dict.fromkeys(ids))[:MOST_CAMERAS] for source, ids in named.items()}
    return Plan(cameras=cameras, own=own, before=site.evidence.before, after=site.evidence.after)


def promised(
    promises: Promises, drafts: Iterable[Draft], plan: Plan, asks: Mapping[str, Ask]
) -> tuple[Promises, tuple[Draft, ...]]:
    """What is owed once these drafts are stored, and the drafts with their slots. `asks`: by id of the request."""
    owed = dict(promises)
    told: list[Draft] = []
    for draft in drafts:
        if draft.kind == SEALED:
            owed.pop(str(draft.facts.get("slot", "")), None)
            made: Sequence[Promise] = ()
        else:
            made = _of_request(draft, asks) if draft.kind == ANSWERED else _of_event(draft, plan)
        if made and len(owed) + len(made) <= MAX_OPEN:
            owed |= {each.slot: each for each in made}
            slots = tuple(EvidenceSlot(slot=each.slot, camera=each.camera, kind=each.kind) for each in made)
            told.append(msgspec.structs.replace(draft, evidence=slots))
        else:
            told.append(draft)
    return owed, tuple(told)


def ended(promises: Promises, events: Iterable[str]) -> Promises:
    """The same, where the alarms of these events are over."""
    over = frozenset(events)
    if not any(each.owner in over and not each.over for each in promises.values()):
        return promises
    return {
        slot: msgspec.structs.replace(each, over=True) if each.owner in over else each
        for slot, each in promises.items()
    }


def carried(promises: Iterable[Promise], now: Moment, same_boot: bool) -> Promises:
    """What an earlier run owed, on the clock of this one."""

    def moved(moment: Moment | None) -> Moment | None:
        return moment.carried(now, same_boot) if moment else None

    return {
        each.slot: msgspec.structs.replace(
            each, at=each.at.carried(now, same_boot), since=moved(each.since), until=moved(each.until)
        )
        for each in promises
    }


def _of_event(draft: Draft, plan: Plan) -> tuple[Promise, ...]:
    if draft.level > LOWEST_LEVEL or draft.restores or draft.kind in HIDDEN:
        return ()
    if draft.source in plan.own and draft.kind.startswith(_NOT_SEEN):
        return ()
    kinds = _OF_PICTURE if draft.kind in PICTURE_FAULTS else _USUAL
    before = plan.before + LOSS if draft.kind == VIDEO_LOSS else plan.before  # dark so long when told
    wanted = [(camera, kind) for kind in kinds for camera in plan.cameras.get(draft.source, ())]
    return tuple(
        Promise(
            slot=slot_of(draft.id, number),
            owner=draft.id,
            camera=camera,
            kind=kind,
            about=draft.kind,
            level=draft.level,
            urgent=draft.lane is Lane.URGENT,
            at=draft.at,
            since=_earlier(draft.at, before) if kind == "clip" else None,
            until=draft.at.after(plan.after) if kind == "clip" else None,
        )
        for number, (camera, kind) in enumerate(wanted, start=1)
    )


def _of_request(draft: Draft, asks: Mapping[str, Ask]) -> tuple[Promise, ...]:
    request = str(draft.facts.get("request", ""))
    ask = asks.get(request)
    if ask is None or draft.facts.get("reason") != "served":
        return ()
    return (
        Promise(
            slot=slot_of(request, 1),
            owner=request,
            request=True,
            camera=ask.camera,
            kind=ask.kind,
            about=ask.action,
            level=draft.level,
            at=draft.at,
            since=ask.since,
            until=ask.until,
        ),
    )


def _earlier(moment: Moment, by: timedelta) -> Moment:
    return Moment(wall=moment.wall - by, mono_ms=moment.mono_ms - by // timedelta(milliseconds=1))
