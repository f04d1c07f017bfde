"""The mind of one camera: looks in, findings and points out. Pure: whoever calls says what time it is.

looks -> tracks -> areas -> findings; and of the camera itself: pictures that stop (`detectors/video.py`) and faults of
the picture (`detectors/picture.py`). `told` are the conditions that were told by the run before and have not ended:
what stood then stands now, and ends when it is seen to be over.

    mind = Mind(camera, areas, told, now)
    thought = mind.hear(message, around, now)    # of its eye; or mind.pass_time(around, now), once a second
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec

from agent.detectors import picture, video
from agent.detectors.picture import PictureState
from agent.detectors.video import VideoState
from agent.eyes.area import NO_MODEL, AreaMind, Heard, View
from agent.eyes.around import Around
from agent.eyes.told import Told
from agent.findings import Finding
from agent.people.tracks import Tracks, follow
from agent.signals import Moment, Signal, State
from agent.video.words import FromEye, Learn, Learned, Look, Lost, Made, Opened, ToEye
from protocol.site.schema import Area, Camera

BLINDING: Final = frozenset({"black", "snow", "frozen", "covered", "defocused", "moved"})
"""Picture faults in which nobody can be seen where he is."""

NOT_YET: Final = "not read yet"
SECRET: Final = "secret_pending"  # noqa: S105 - a word


class Speak(msgspec.Struct, frozen=True, kw_only=True):
    """That an announcement shall be made now, and for which area."""

    area: str
    announcement: str


class Thought(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was seen."""

    findings: tuple[Finding, ...] = ()
    signals: tuple[Signal, ...] = ()
    speak: tuple[Speak, ...] = ()
    tell: tuple[ToEye, ...] = ()


class Mind:
    """Everything about one camera and its areas."""

    def __init__(self, camera: Camera, areas: Iterable[Area], told: Iterable[Told]) -> None:
        kinds: dict[str, set[str]] = {}
        for each in told:
            kinds.setdefault(each.source, set()).add(each.kind)
        self.camera = camera
        self.point = f"camera/{camera.id}"
        self._areas = [AreaMind(area, frozenset(kinds.get(f"area/{area.id}", ()))) for area in areas]
        self._video: VideoState = video.standing(frozenset(kinds.get(self.point, ())))
        self._tracks = Tracks()
        self._picture: PictureState = picture.standing(frozenset(kinds.get(self.point, ())))
        self._told_eye = False  # that its picture is faulty
        self._model = ""
        self._quiet = False
        self._reference = 0
        self._pending = False  # no password yet: nobody looks, and that is no loss
        self._marks: frozenset[str] = frozenset()  # of others: the camera's clock, its login
        self._shown: dict[str, tuple[State, str, tuple[str, ...]]] = {}

    def hear(self, message: FromEye, around: Around, now: Moment) -> Thought:
        """One word of the eye."""
        match message:
            case Look():
                return self._look(message, around, now)
            case Lost():
                return self._lost(message, around, now)
            case Opened() | Learned() | Made():
                return self.pass_time(around, now)

    def pass_time(self, around: Around, now: Moment) -> Thought:
        """What only time, a door or a partition changes."""
        if self._pending:
            return self._areas_judged([], around, now)
        self._video, findings = video.observe(self._video, self.camera.id, None, now)
        return self._areas_judged(list(findings), around, now)

    def mark(self, marks: Iterable[str], now: Moment) -> Thought:
        """What others know of the camera: `clock_drift`, `login_refused`."""
        self._marks = frozenset(marks)
        return self._thought((), (), now)

    def unspoken(self, area: str) -> None:
        """The announcement for this area could not be made."""
        for each in self._areas:
            if each.area.id == area:
                each.unspoken()

    def _look(self, look: Look, around: Around, now: Moment) -> Thought:
        at = now.after(timedelta(milliseconds=look.at_ms - now.mono_ms))
        self._pending = False
        self._video, lost = video.observe(self._video, self.camera.id, at, now)
        self._quiet, self._reference = look.quiet, look.reference
        findings = [*lost, *self._judged(look, at)]
        if look.boxes is not None:
            self._model = look.model
            self._tracks = follow(self._tracks, look.boxes, look.at_ms)
        if not self._sees:
            return self._areas_judged(findings, around, now)
        if self._picture.fault in BLINDING:
            return self._thought(findings, (), now)  # perhaps a fault: nobody is counted in it, and nobody forgotten
        tracks = tuple(track for track in self._tracks.tracks if track.seen_ms == look.at_ms)
        heard = [
            (
                area,
                area.look(
                    View(
                        boxes=look.boxes,
                        tracks=tracks,
                        cells=look.cells.get(area.area.id, ()),
                        model=look.model or self._model,
                    ),
                    around,
                    at,
                ),
            )
            for area in self._areas
        ]
        return self._thought(findings, heard, now)

    def _judged(self, look: Look, at: Moment) -> Iterable[Finding]:
        if "picture" not in self.camera.watch:
            return ()
        self._picture, findings = picture.observe(self._picture, self.camera.id, look.measures, look.reference, at)
        return findings

    def _lost(self, lost: Lost, around: Around, now: Moment) -> Thought:
        at = now.after(timedelta(milliseconds=lost.at_ms - now.mono_ms))
        self._pending = lost.cause == "secret"
        if self._pending:
            return self._areas_judged([], around, now)
        word = video.Lost(cause=lost.cause, detail=lost.detail, at=at)
        self._video, findings = video.observe(self._video, self.camera.id, word, now)
        return self._areas_judged(list(findings), around, now)

    def _areas_judged(self, findings: list[Finding], around: Around, now: Moment) -> Thought:
        if not self._video.sees:
            self._picture = picture.blind(self._picture)
        if not self._sees:
            for area in self._areas:
                area.blind()
        return self._thought(findings, [(area, area.pass_time(around, now)) for area in self._areas], now)

    @property
    def sees(self) -> bool:
        """Whether pictures come."""
        return self._video.sees

    @property
    def _sees(self) -> bool:
        return self._video.sees and self._picture.told not in BLINDING

    def _thought(self, findings: Iterable[Finding], heard: Iterable[tuple[AreaMind, Heard]], now: Moment) -> Thought:
        found, speak = list(findings), list[Speak]()
        for area, each in heard:
            found += each.findings
            if each.speak and area.area.speak is not None:
                speak.append(Speak(area=area.area.id, announcement=area.area.speak))
        faulty = bool(self._picture.told)
        tell = (Learn(fault=faulty),) if faulty is not self._told_eye else ()
        self._told_eye = faulty
        return Thought(findings=tuple(found), signals=tuple(self._changed(now)), speak=tuple(speak), tell=tell)

    def _changed(self, now: Moment) -> Iterable[Signal]:
        shown = {self.point: self._camera_shown()}
        shown |= {f"area/{area.area.id}": self._area_shown(area) for area in self._areas}
        for point, (state, cause, marks) in shown.items():
            if self._shown.get(point) != (state, cause, marks):
                yield Signal(point=point, state=state, at=now, cause=cause, marks=marks)
        self._shown = shown

    def _camera_shown(self) -> tuple[State, str, tuple[str, ...]]:
        people = "people" in self.camera.watch
        own = (
            ("quiet", self._quiet and self._video.sees),
            ("no_model", people and self._model == NO_MODEL),
            ("no_reference", "picture" in self.camera.watch and self._video.sees and not self._reference),
        )
        faults = (self._picture.told,) if self._picture.told else ()
        marks = (*faults, *sorted(self._marks), *(mark for mark, shown in own if shown))
        if self._pending:
            return State.UNKNOWN, SECRET, marks
        if self._video.stage is video.Stage.LOST:
            return State.OFFLINE, self._video.cause, marks
        if self._video.sees:
            return State.ONLINE, "", marks
        return State.UNKNOWN, self._video.cause or NOT_YET, marks

    def _area_shown(self, area: AreaMind) -> tuple[State, str, tuple[str, ...]]:
        marks = ("occupied",) if area.occupied else ()
        if area.stands:
            return State.ACTIVE, "", marks
        if not self._sees:
            _, cause, _ = self._camera_shown()
            return State.UNKNOWN, cause or self._picture.told, marks
        if not area.known:
            return State.UNKNOWN, NOT_YET, marks
        return State.NORMAL, "", marks
