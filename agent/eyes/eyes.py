"""The eyes of one site at work: a link and a mind a camera, the people server, doors and hours around them.

Joins, and decides nothing: what a mind concludes goes to the watch, what it wants said to the announcer. Nothing waits
here for anybody. Flow: app.py -> here: `EyeLink` -> `Mind` -> signals and findings to the watch; evidence calls `take`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import msgspec

from agent.arming.calendar import Timetable
from agent.children.keeper import ChildLimits, ChildState, Keeper
from agent.children.starting import Starter, program
from agent.detectors.doors import DoorView
from agent.eyes.around import Armed, Around
from agent.eyes.hours import opened
from agent.eyes.mind import Mind, Speak, Thought
from agent.eyes.told import Told, orphans
from agent.findings import Finding
from agent.people.words import Serving, from_people
from agent.signals import Moment, PointView, Signal
from agent.video.watcher import EyeLink, Way
from agent.video.words import EyeSettings, FromEye, Learn, Look, Loss, Lost, Made, ToEye
from protocol.site.schema import Camera, Site

LOG: Final = logging.getLogger("branchwatch.eyes")

TICK_S: Final = 1.0
RING_S: Final = 120.0
"""At the least: what somebody may ask for afterwards."""

RING_SLACK_S: Final = 30.0
RING_BYTES: Final = 12 * 1024 * 1024
"""A sub-stream of 500 kbit/s takes 7.5 MB for two minutes; a larger one remembers less."""

PEOPLE_LIMITS: Final = ChildLimits(beat_s=10.0, memory_bytes=500 * 1024 * 1024)
SOCKET: Final = "people.socket"
REFERENCES: Final = "references"
REFUSED: Final = "login_refused"
MOVES: Final = 0.02
"""The share of the picture that moves when any camera should have seen it."""

_AROUND: Final = ("door/", "partition/", "release/")


class Link(Protocol):
    """One eye, as agent/video/watcher.py keeps it."""

    def take(self, message: ToEye) -> bool:
        """Tell the eye; False: it cannot hear now."""

    async def run(self) -> None:
        """Look until cancelled."""


MakeLink = Callable[[EyeSettings, Way, Callable[[FromEye], None], Callable[[], Moment]], Link]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What eyes need of the rest of the agent."""

    now: Callable[[], Moment]
    deliver: Callable[[tuple[Signal, ...]], None]
    tell: Callable[[Iterable[Finding]], Awaitable[None]]
    points: Callable[[], tuple[PointView, ...]]
    released: Callable[[], Mapping[str, int]]
    announce: Callable[[str, Callable[[str], Awaitable[None]]], str]
    made: Callable[[Made], None] = lambda _made: None


@dataclass
class _Eye:
    camera: Camera
    mind: Mind
    link: Link
    marks: dict[str, frozenset[str]] = field(default_factory=dict)  # by who says so


class Eyes:
    """All cameras of one site. Make it inside a running loop and await `run`."""

    def __init__(
        self,
        site: Site,
        state: Path,
        ways: Mapping[str, Way],
        told: Iterable[Told],
        branch: Branch,
        *,
        make: MakeLink = EyeLink,
        models: Path | None = None,
        moved: Callable[[str], None] = lambda _camera: None,
    ) -> None:
        standing = tuple(told)
        self._site = site
        self._ways = ways
        self._branch = branch
        self._moved = moved  # told of every look in which something moves
        self._timetable = Timetable(site.opening, site.calendar, site.timezone)
        self._around = Around()
        self._business: tuple[bool | None, Moment] | None = None
        self._findings: list[Finding] = list(orphans(standing, site, branch.now()))
        self._woken = asyncio.Event()
        people = any("people" in camera.watch for camera in site.camera)
        socket = state / SOCKET if people else None
        self._people = Keeper("people", _people(state, socket, models), PEOPLE_LIMITS, branch.now) if socket else None
        self.people_model = ""
        """What finds people; `none`: nothing does; empty: nobody is looked for."""
        self._eyes: dict[str, _Eye] = {}
        for camera in site.camera:
            areas = [area for area in site.area if area.camera == camera.id]
            settings = settings_of(site, camera, state, str(socket) if socket else "")
            link = make(settings, ways[camera.id], _hearing(self, camera.id), branch.now)
            self._eyes[camera.id] = _Eye(camera=camera, mind=Mind(camera, areas, standing), link=link)

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._telling(), name="eyes telling")
            if not self._eyes:
                return
            tasks.create_task(self._ticking(), name="eyes ticking")
            looking = [eye for name, eye in self._eyes.items() if not self._is_waiting(name)]
            if self._people is not None and any("people" in eye.camera.watch for eye in looking):
                tasks.create_task(self._people.run(self._hear_people, self._people_changed), name="people")
            for eye in looking:
                tasks.create_task(eye.link.run(), name=f"eye {eye.camera.id}")

    def take(self, camera: str, message: ToEye) -> bool:
        """Hand this to the eye of a camera; False: there is none, or it cannot hear now."""
        eye = self._eyes.get(camera)
        return eye is not None and eye.link.take(message)

    def learn(self, camera: str) -> bool:
        """Have a new reference learned from the next quiet picture."""
        return self.take(camera, Learn(now=True))

    def mark(self, camera: str, who: str, marks: Iterable[str]) -> None:
        """What somebody else knows of a camera, shown with its point: `clock_drift`, `login_refused`."""
        if (eye := self._eyes.get(camera)) is not None:
            eye.marks[who] = frozenset(marks)
            self._take(eye, eye.mind.mark(frozenset().union(*eye.marks.values()), self._now()))

    def away(self, camera: str, cause: str) -> None:
        """It cannot be asked where its stream is: no picture will come."""
        if (eye := self._eyes.get(camera)) is not None and not eye.mind.sees:
            lost = Lost(cause=_LOSSES.get(cause, Loss.UNREACHABLE), at_ms=self._now().mono_ms)
            self._take(eye, eye.mind.hear(lost, self._around, self._now()))

    def stirred(self, points: Iterable[str]) -> None:
        """These points changed: doors and partitions are judged at once."""
        if self._eyes and any(point.startswith(_AROUND) for point in points):
            self._look_around()

    def hear(self, camera: str, message: FromEye) -> None:
        """A word of one eye."""
        eye = self._eyes[camera]
        if isinstance(message, Made):
            self._branch.made(message)
            return
        if isinstance(message, Look) and message.measures.motion >= MOVES:
            self._moved(camera)
        self._take(eye, eye.mind.hear(message, self._around, self._now()))

    def _is_waiting(self, camera: str) -> bool:
        """Whether its password is not to be had in this run: then nobody looks, and no process is started for it."""
        if self._ways[camera].standing() is not Loss.SECRET:
            return False
        self.hear(camera, Lost(cause=Loss.SECRET, at_ms=self._now().mono_ms))
        return True

    async def _ticking(self) -> None:
        while True:
            self._look_around()
            for camera, way in self._ways.items():
                self.mark(camera, "login", [REFUSED] if way.standing() is Loss.LOGIN_REFUSED else [])
            await asyncio.sleep(TICK_S)

    async def _telling(self) -> None:
        while True:
            found, self._findings = self._findings, []
            await self._branch.tell(found)
            self._woken.clear()
            if not self._findings:
                await self._woken.wait()

    def _look_around(self) -> None:
        self._around = self._seen_around()
        for eye in self._eyes.values():
            self._take(eye, eye.mind.pass_time(self._around, self._now()))

    def _take(self, eye: _Eye, thought: Thought) -> None:
        if thought.signals:
            self._branch.deliver(thought.signals)
        if thought.findings:
            self._findings += thought.findings
            self._woken.set()
        for message in thought.tell:
            eye.link.take(message)
        for speak in thought.speak:
            self._speak(eye, speak)

    def _speak(self, eye: _Eye, speak: Speak) -> None:
        async def done(word: str) -> None:
            if word:
                eye.mind.unspoken(speak.area)

        if word := self._branch.announce(speak.announcement, done):
            LOG.warning("announcement %s for area %s was not begun: %s", speak.announcement, speak.area, word)
            eye.mind.unspoken(speak.area)

    def _seen_around(self) -> Around:
        now = self._now()
        doors: dict[str, DoorView] = {}
        partitions: dict[str, Armed] = {}
        released: set[str] = set()
        for view in self._branch.points():
            family, _, name = view.id.partition("/")
            if family == "door":
                doors[name] = DoorView(id=name, state=view.state, since=view.since)
            elif family == "partition":
                partitions[name] = Armed(state=view.state, since=view.since)
            elif family == "release" and view.state == "active":
                released.add(name)
        hours = opened(self._timetable, now.wall)
        business = hours[1] if hours else None
        if self._business is None or self._business[0] is not business:
            self._business = business, now
        return Around(
            doors=doors,
            released=self._branch.released(),
            everybody=frozenset(door for each in self._site.interlock if each.id in released for door in each.doors),
            partitions=partitions,
            open=hours[0] if hours else None,
            business=business,
            since=self._business[1],
        )

    def _hear_people(self, data: bytes) -> None:
        try:
            said = from_people(data)
        except msgspec.DecodeError:
            return
        if isinstance(said, Serving):
            self.people_model = said.model
            LOG.info("people are found with %s of %s", said.model, said.place)
        else:
            self.people_model = "none"
            LOG.warning("without people model: %s %s", said.lack, said.detail)

    def _people_changed(self, state: ChildState) -> None:
        if not state.alive:
            self.people_model = "none"
            LOG.warning("the people server ended (%s); people are not told from what moves", state.cause)

    def _now(self) -> Moment:
        return self._branch.now()


def ring_of(site: Site) -> timedelta:
    """How far an eye remembers, where its bytes allow."""
    kept = site.evidence.before + site.evidence.after
    return max(timedelta(seconds=RING_S), kept + timedelta(seconds=RING_SLACK_S))


def settings_of(site: Site, camera: Camera, state: Path, people_socket: str) -> EyeSettings:
    """What the eye of a camera is told when it begins."""
    people = "people" in camera.watch
    return EyeSettings(
        camera=camera.id,
        picture="picture" in camera.watch,
        people=people,
        ring_s=ring_of(site).total_seconds(),
        ring_bytes=RING_BYTES,
        references=str(state / REFERENCES / camera.id),
        people_socket=people_socket if people else "",
        masks=camera.mask,
        fascias={area.id: area.polygon for area in site.area if area.camera == camera.id and area.fascia},
    )


def _hearing(eyes: Eyes, camera: str) -> Callable[[FromEye], None]:
    return lambda message: eyes.hear(camera, message)


def _people(state: Path, socket: Path, models: Path | None) -> Starter:
    given = ("--models", str(models)) if models else ()
    return program("agent.people.server", "--socket", str(socket), "--state", str(state), *given)


_LOSSES: Final = {each.value: each for each in Loss}
