"""One area: who is in it, and what its rules make of that. Pure; the detectors decide, this joins them.

Counts go by boxes, dwell by tracks (docs/eyes.md 6). Without a model only the rules about presence are judged: what
moves is somebody. While the camera cannot see, nothing is concluded and nothing is remembered of who was there.

    area = AreaMind(area, kinds)         # kinds: what was told of it by the run before and has not ended
    heard = area.look(view, around, at)  # or area.pass_time(around, now)
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec

from agent.detectors import custody, fascia, loitering, occupancy, places, presence, tailgating, vehicle
from agent.detectors.doors import DoorView
from agent.detectors.lasting import Stage
from agent.detectors.occupancy import Occupancy
from agent.eyes.around import Around
from agent.findings import Finding
from agent.people.tracks import Track
from agent.signals import Moment, State
from agent.video.words import CERTAIN, Box, Thing
from protocol.site.schema import Area

NO_MODEL: Final = "none"

MAX_ELSEWHERE: Final = 200
"""Tracks that are remembered to have been seen outside an area, the latest."""

ARMED: Final = frozenset({State.ARMED_AWAY, State.ALARM})
"""A partition in its entry delay lets people come in to disarm; armed stay has people inside."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one look shows."""

    boxes: tuple[Box, ...] | None  # None: nobody looked for people
    tracks: tuple[Track, ...]  # seen in this look
    cells: tuple[float, ...] = ()
    model: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What follows."""

    findings: tuple[Finding, ...] = ()
    speak: bool = False


class AreaMind:
    """The rules of one area, and what they remember."""

    def __init__(self, area: Area, kinds: frozenset[str]) -> None:
        self.area = area
        self.shape = tuple(area.polygon)
        self._model = ""
        self._people, self._vehicles = Occupancy(), Occupancy()
        self._here: dict[int, Moment] | None = None
        self._elsewhere: frozenset[int] = frozenset()  # tracks that were seen outside it
        self._loitering = loitering.standing(loitering.LOITERING in kinds)
        self._presence = presence.standing(kinds)
        self._custody = custody.standing(kinds)
        self._vehicle = vehicle.standing(vehicle.ABSENT in kinds)
        self._fascia = fascia.standing(fascia.FASCIA_CHANGED in kinds)
        self._tailgating = tailgating.TailgatingState()

    @property
    def stands(self) -> bool:
        """Whether one of its rules stands."""
        return (
            self._loitering.told
            or bool(self._presence.standing)
            or self._custody.stage is not custody.Stage.FINE
            or Stage.STANDS in {self._vehicle.stage, self._fascia.stage}
        )

    @property
    def occupied(self) -> bool:
        """Whether somebody, or in a bay something, is there."""
        return bool(self._people.count or self._vehicles.count)

    @property
    def known(self) -> bool:
        """Whether it is known who is there."""
        return self._people.since is not None

    def look(self, view: View, around: Around, at: Moment) -> Heard:
        """One look at a sound picture."""
        findings: list[Finding] = []
        self._here = None
        if view.boxes is not None:
            if view.model != self._model and NO_MODEL in {view.model, self._model}:
                self.blind()  # counts of a model and of background subtraction do not go on as one
            self._model = view.model
            people = [box for box in view.boxes if self._is_somebody(box) and self._is_in(box)]
            trucks = [box for box in view.boxes if box.thing is Thing.VEHICLE and self._holds(box)]
            self._people = _counted(self._people, people, at, occupancy.HELD)
            self._vehicles = _counted(self._vehicles, trucks, at, vehicle.HELD)
            tracks = [track for track in view.tracks if self._is_somebody(track.box) and self._is_in(track.box)]
            # Who appeared in it is there since he was first seen, who walked in since now.
            self._here = {each.id: at if each.id in self._elsewhere else _moment(each.since_ms, at) for each in tracks}
            outside = {track.id for track in view.tracks} - self._here.keys()
            self._elsewhere = frozenset(sorted(self._elsewhere | outside)[-MAX_ELSEWHERE:])
            findings += self._tailgated(tracks, around, at)
        findings += self._fascia_look(view, at)
        heard = self._judged(around, at)
        return Heard(findings=(*findings, *heard.findings), speak=heard.speak)

    def pass_time(self, around: Around, now: Moment) -> Heard:
        """What only time, a door or a partition changes."""
        if occupancy.forgotten(self._people, now) is not self._people:
            self.blind()
        self._here = None
        return self._judged(around, now)

    def blind(self) -> None:
        """Nobody can be seen: what was known is known no longer."""
        self._people, self._vehicles = Occupancy(), Occupancy()
        self._here = None
        self._loitering = loitering.blind(self._loitering)
        self._fascia = fascia.forgotten(self._fascia)

    def unspoken(self) -> None:
        """The announcement could not be made."""
        self._loitering = loitering.unspoken(self._loitering)

    def _judged(self, around: Around, now: Moment) -> Heard:
        findings: list[Finding] = [*self._present(around, now), *self._in_custody(around, now)]
        findings += self._in_bay(around, now)
        speak = False
        if self.area.loitering_after is not None:
            self._loitering, found, speak = loitering.observe(self._loitering, self._loiterers(around), now)
            findings += found
        return Heard(findings=tuple(findings), speak=speak)

    def _loiterers(self, around: Around) -> loitering.Sight:
        area = self.area
        return loitering.Sight(
            area=area.id,
            tracks=self._here,
            limit=area.loitering_after or loitering.GONE,
            model=self._model,
            transactions=around.transactions.get(area.id),
            speak=area.speak is not None,
            speak_wait=area.speak_wait,
        )

    def _present(self, around: Around, now: Moment) -> Iterable[Finding]:
        area, people = self.area, self._people
        sight = presence.Sight(
            area=area.id,
            people=people.count if people.since else None,
            since=people.since,
            model=self._model,
            shut=self._shut(around, now) if area.after_hours else None,
            open=around.open,
            after_hours=area.after_hours,
            restricted=area.restricted,
            post_empty_after=area.post_empty_after,
            crowd_over=area.crowd_over,
            crowd_after=area.crowd_after,
        )
        self._presence, findings = presence.observe(self._presence, sight, now)
        return findings

    def _shut(self, around: Around, now: Moment) -> presence.Shut | None:
        if self.area.partition is None:
            since = around.since or now
            return presence.Shut(why="hours", state="closed", since=since) if around.business is False else None
        armed = around.partitions.get(self.area.partition)
        if armed is None or armed.state not in ARMED:
            return None
        point = f"partition/{self.area.partition}"
        return presence.Shut(why="armed", point=point, state=armed.state, since=armed.since)

    def _in_custody(self, around: Around, now: Moment) -> Iterable[Finding]:
        door = self._door(self.area.two_people_while, around, now)
        if door is None:
            return ()
        known = self._people.since is not None and self._model != NO_MODEL and occupancy.is_fresh(self._people, now)
        sight = custody.Sight(
            area=self.area.id,
            door=door,
            people=self._people.count if known else None,
            since=self._people.since,
            grace=self.area.grace,
            model=self._model,
        )
        self._custody, findings = custody.observe(self._custody, sight, now)
        return findings

    def _in_bay(self, around: Around, now: Moment) -> Iterable[Finding]:
        door = self._door(self.area.truck_while, around, now)
        if not self.area.bay and door is None:
            return ()
        known = self._vehicles.since is not None and self._model != NO_MODEL
        sight = vehicle.Sight(
            area=self.area.id,
            vehicles=self._vehicles.count if known else None,
            since=self._vehicles.since,
            model=self._model,
            bay=self.area.bay,
            door=door,
            grace=self.area.grace,
        )
        self._vehicle, findings = vehicle.observe(self._vehicle, sight, now)
        return findings

    def _tailgated(self, tracks: list[Track], around: Around, at: Moment) -> Iterable[Finding]:
        door = self._door(self.area.tailgating_at, around, at)
        if door is None or self._model == NO_MODEL:
            return ()
        people = [tailgating.Person(track=each.id, since=_moment(each.since_ms, at)) for each in tracks]
        sight = tailgating.Sight(
            door=door,
            people=tuple(people),
            released=around.released.get(door.id, 0),
            everybody=door.id in around.everybody,
            area=self.area.id,
            model=self._model,
        )
        self._tailgating, findings = tailgating.observe(self._tailgating, sight, at)
        return findings

    def _fascia_look(self, view: View, at: Moment) -> Iterable[Finding]:
        if not self.area.fascia or not view.cells:
            return ()
        certain = [box for box in view.boxes or () if box.score >= CERTAIN and self._is_somebody(box)]
        somebody = any(places.touches(self.shape, box) for box in certain)
        sight = fascia.Sight(area=self.area.id, cells=view.cells, somebody=somebody, model=view.model)
        self._fascia, findings = fascia.observe(self._fascia, sight, at)
        return findings

    def _is_somebody(self, box: Box) -> bool:
        return box.thing is Thing.PERSON or (self._model == NO_MODEL and box.thing is Thing.MOVING)

    def _is_in(self, box: Box) -> bool:
        if places.inside(self.shape, places.feet(box)):
            return True
        return self.area.two_people_while is not None and places.share(self.shape, box) >= places.HALF

    def _holds(self, box: Box) -> bool:
        return places.inside(self.shape, places.centre(box)) or places.share(self.shape, box) >= places.HALF

    def _door(self, name: str | None, around: Around, now: Moment) -> DoorView | None:
        if name is None:
            return None
        return around.doors.get(name) or DoorView(id=name, state=State.UNKNOWN, since=now)


def _counted(state: Occupancy, boxes: list[Box], at: Moment, held: timedelta) -> Occupancy:
    """What moves has no certainty."""
    certain = sum(box.thing is Thing.MOVING or box.score >= CERTAIN for box in boxes)
    return occupancy.observe(state, certain, at, held, faint=len(boxes) - certain)


def _moment(at_ms: int, now: Moment) -> Moment:
    """A time of the machine's clock, on both."""
    return now.after(timedelta(milliseconds=at_ms - now.mono_ms))
