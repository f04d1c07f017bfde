"""The shell around minds: who is told what, which doors and hours they see, and what costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from agent.eyes.eyes import Branch, Eyes, ring_of
from agent.eyes.told import Told
from agent.findings import Finding
from agent.signals import Moment, PointView, Signal, State
from agent.video.words import EyeSettings, FromEye, Learn, Look, Loss, Made, Measures, TakeStill, ToEye
from protocol.site.schema import Site
from tests.clock import Clock
from tests.scenes import person, site_of
from tests.watched import AtOnce


class QuietLink:
    """An eye that looks nowhere: what it is told is kept."""

    def __init__(self, settings: EyeSettings, hear: Callable[[FromEye], None]) -> None:
        self.settings = settings
        self.hear = hear
        self.told: list[ToEye] = []
        self.runs = False

    def take(self, message: ToEye) -> bool:
        self.told.append(message)
        return True

    async def run(self) -> None:
        self.runs = True
        await asyncio.Event().wait()


class AtWork:
    """Eyes with quiet links, and everything that they told."""

    def __init__(self, site: Site, folder: Path, told: Iterable[Told] = (), word: str = "") -> None:
        self.clock = Clock()
        self.signals: list[Signal] = []
        self.findings: list[Finding] = []
        self.announced: list[str] = []
        self.made: list[Made] = []
        self.links: list[QuietLink] = []
        self.way = AtOnce("rtsp://192.0.2.23/1")
        self.points: list[PointView] = []
        self._word = word
        branch = Branch(
            now=self.now,
            deliver=self.signals.extend,
            tell=self._tell,
            points=lambda: tuple(self.points),
            released=dict,
            announce=self._announce,
            made=self.made.append,
        )
        self.eyes = Eyes(site, folder, {"03": self.way}, told, branch, make=self._link)

    @property
    def link(self) -> QuietLink:
        """The one eye."""
        return self.links[0]

    def now(self) -> Moment:
        """This instant."""
        return Moment(wall=self.clock.now().astimezone(UTC), mono_ms=self.clock.mono_ms())

    def point(self, name: str, state: str) -> None:
        """A point of the branch becomes so."""
        self.points = [each for each in self.points if each.id != name]
        self.points.append(PointView(id=name, name="", state=State(state), since=self.now()))
        self.eyes.stirred([name])

    def look(self, seconds: float, people: int = 0, **fields: object) -> None:
        """Looks for so long."""
        for _ in range(round(seconds * 2)):
            self.clock.advance(timedelta(milliseconds=500))
            boxes = tuple(person(0.1 + 0.15 * at) for at in range(people))
            about = {"boxes": boxes, "model": "m", "measures": Measures()} | fields
            self.link.hear(Look(at_ms=self.clock.mono_ms(), frame=1, **about))  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Let what was handed over arrive."""
        task = asyncio.ensure_future(self.eyes.run())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [each.kind for each in self.findings]

    def _link(self, settings: EyeSettings, _way: object, hear: Callable[[FromEye], None], _now: object) -> QuietLink:
        self.links.append(QuietLink(settings, hear))
        return self.link

    async def _tell(self, findings: Iterable[Finding]) -> None:
        self.findings += findings

    def _announce(self, name: str, _done: Callable[[str], Awaitable[None]]) -> str:
        self.announced.append(name)
        return self._word


async def test_findings_reach_the_watch_and_states_the_points(tmp_path: Path) -> None:
    """One camera, one loiterer: the whole way through the shell."""
    work = AtWork(site_of('loitering_after = "15s"'), tmp_path)
    work.look(16, people=1)
    await work.settle()
    assert work.kinds() == ["presence.loitering"]
    states = [(each.point, each.state) for each in work.signals]
    assert ("camera/03", State.ONLINE) in states
    assert states[-1] == ("area/hall", State.ACTIVE)


async def test_a_door_is_judged_when_it_moves(tmp_path: Path) -> None:
    """A change of a door, a partition or a release has its areas judged at once; other points change nothing."""
    work = AtWork(site_of('after_hours = true\npartition = "cash"'), tmp_path)
    work.point("partition/cash", "disarmed")
    work.look(5, people=1)
    work.point("partition/cash", "armed_away")
    work.point("zone/motion", "active")
    await work.settle()
    assert work.kinds() == ["presence.after_hours"]


@pytest.mark.parametrize("word", ["", "speaking"])
async def test_a_loiterer_is_spoken_to(word: str, tmp_path: Path) -> None:
    """The announcer is asked; where it cannot speak nobody waits for an answer."""
    work = AtWork(site_of('loitering_after = "15s"\nspeak = "leave"\nspeak_wait = "10s"'), tmp_path, word=word)
    work.look(16, people=1)
    await work.settle()
    assert work.announced == ["leave"]
    assert work.kinds() == (["presence.loitering"] if word else [])


async def test_what_nobody_judges_any_more_is_ended(tmp_path: Path) -> None:
    """A condition of a camera that went with the old site file."""
    work = AtWork(site_of('loitering_after = "15s"'), tmp_path, [Told(kind="camera.black", source="camera/09")])
    await work.settle()
    assert [(each.kind, each.source) for each in work.findings] == [("camera.black", "camera/09")]


async def test_a_camera_whose_password_is_not_there_starts_no_process(tmp_path: Path) -> None:
    """Its point says so; nobody is forked, no people server is started, and nothing is told as lost."""
    work = AtWork(site_of('loitering_after = "15s"'), tmp_path)
    work.way.standing = lambda: Loss.SECRET  # type: ignore[method-assign]
    await work.settle()
    assert not work.link.runs
    assert [(each.point, each.state, each.cause) for each in work.signals] == [
        ("camera/03", State.UNKNOWN, "secret_pending"),
        ("area/hall", State.UNKNOWN, "secret_pending"),
    ]
    assert work.kinds() == []


async def test_stills_are_asked_for_and_brought(tmp_path: Path) -> None:
    """Evidence asks an eye by the camera's name; what it made comes back; an unknown camera takes nothing."""
    work = AtWork(site_of('loitering_after = "15s"'), tmp_path)
    asked = TakeStill(slot="s-1", path="x")
    assert work.eyes.take("03", asked)
    assert not work.eyes.take("04", asked)
    assert work.eyes.learn("03")
    assert work.link.told == [asked, Learn(now=True)]
    made = Made(slot="s-1", missing="no_picture")
    work.link.hear(made)
    assert work.made == [made]


async def test_what_others_know_of_a_camera_is_shown_with_it(tmp_path: Path) -> None:
    """Marks of two who say so stand together, and each takes back its own."""
    work = AtWork(site_of('loitering_after = "15s"'), tmp_path)
    work.eyes.mark("03", "clock", ["clock_drift"])
    work.eyes.mark("03", "login", ["login_refused"])
    work.eyes.mark("03", "clock", [])
    marks = [each.marks for each in work.signals if each.point == "camera/03"]
    assert marks == [("clock_drift",), ("clock_drift", "login_refused"), ("login_refused",)]


async def test_a_camera_that_cannot_be_asked_is_lost(tmp_path: Path) -> None:
    """Nobody knows where its stream is, because it is away: that is a loss, with its cause."""
    work = AtWork(site_of('loitering_after = "15s"'), tmp_path)
    work.eyes.away("03", "login_refused")
    work.clock.advance(timedelta(seconds=6))
    work.eyes.away("03", "login_refused")
    await work.settle()
    assert [(each.kind, each.facts) for each in work.findings] == [("camera.video_loss", {"cause": "login_refused"})]


def test_an_eye_is_told_what_it_looks_at(tmp_path: Path) -> None:
    """Its own folder of references, its fascias and masks, and a ring that holds a clip with what is around it."""
    site = site_of('loitering_after = "15s"')
    settings = AtWork(site, tmp_path).link.settings
    assert settings.references == str(tmp_path / "references" / "03")
    assert settings.people_socket == str(tmp_path / "people.socket")
    assert (settings.people, settings.picture, settings.fascias) == (True, False, {})
    assert ring_of(site) == timedelta(seconds=120)
