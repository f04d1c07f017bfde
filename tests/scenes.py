"""One camera with its areas in virtual time: people walk in and out of its picture, doors open, pictures stop.

A person is a box with its feet at a place; the picture is looked at twice a second while time passes. Places are those
of SITE: `hall` and its `fascia`, the `vault` behind its door, a `bay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from typing import Any

import msgspec

from agent.detectors.doors import DoorView
from agent.eyes.around import Armed, Around
from agent.eyes.mind import Mind, Speak, Thought
from agent.eyes.told import Told
from agent.findings import Finding, Phase
from agent.signals import Moment, State
from agent.video.words import Box, Look, Loss, Lost, Measures, Thing, ToEye
from protocol.site.reading import read_site
from protocol.site.schema import Site
from tests.clock import Clock

HEAD = """
id = "0755-031"
name = "河西分理处"
unit = "市分行/西区支行"
timezone = "Asia/Shanghai"

[loudspeaker]

[[announcement]]
id = "leave"
text = "请离开大厅。"

[opening]
weekdays = "08:30-17:00"

[[io]]
id = "io1"
address = "192.0.2.10"

[[door]]
id = "vault"
contact = "io1/di/0"
closed = 1
exit_button = "io1/di/2"

[[zone]]
id = "motion"
type = "interior"
input = "io1/di/1"

[[partition]]
id = "cash"
kind = "cash"
zones = ["motion"]

[[camera]]
id = "03"
address = "192.0.2.23"
login = { secret = "cameras" }
watch = ["people"]
"""
LEFT = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
SOUND = Measures(luma=110.0, luma_std=50.0, noise=0.8, equal=0.4)
STEP_MS = 500


def site_of(rules: str, head: str = HEAD, area: list[list[float]] | None = None) -> Site:
    """A site whose one camera has one area, the left half of its picture, with these rules."""
    place = f'[[area]]\nid = "hall"\ncamera = "03"\npolygon = {area or LEFT}'
    return read_site(f"{head}\n{place}\n{rules}\n", "site.toml")


def person(x: float = 0.25, bottom: float = 0.9, score: float = 0.9, thing: Thing = Thing.PERSON) -> Box:
    """Somebody who stands there."""
    return Box(thing=thing, score=score, left=x - 0.05, top=bottom - 0.4, right=x + 0.05, bottom=bottom)


class Scene:
    """The mind of camera 03 and the time in which it looks."""

    def __init__(self, site: Site, told: Iterable[Told] = (), clock: Clock | None = None) -> None:
        self.site = site
        self.clock = clock or Clock()
        self.findings: list[Finding] = []
        self.points: dict[str, State] = {}
        self.causes: dict[str, str] = {}
        self.marks: dict[str, tuple[str, ...]] = {}
        self.spoken: list[Speak] = []
        self.told_eye: list[ToEye] = []
        self.boxes: tuple[Box, ...] = ()
        self.model = "2004-int8"
        self.cells: Mapping[str, tuple[float, ...]] = {}
        self.measures = Measures()
        self.sees = True
        self.around = Around(open=True, business=True)
        self.mind = Mind(site.camera[0], site.area, tuple(told))
        self._frame = 0

    @property
    def now(self) -> Moment:
        """This instant."""
        return Moment(wall=self.clock.now().astimezone(UTC), mono_ms=self.clock.mono_ms())

    def after(self, seconds: float, *people: Box, step_ms: int = STEP_MS) -> None:
        """Let time pass with these people in the picture; looks come every half second."""
        self.boxes = people
        left = round(seconds * 1000)
        while left > 0:
            step = min(step_ms, left)
            self.clock.advance(timedelta(milliseconds=step))
            left -= step
            self.step()

    def step(self) -> None:
        """One look, or time only where no picture comes."""
        if not self.sees:
            self.take(self.mind.pass_time(self.around, self.now))
            return
        self._frame += 1
        look = Look(
            at_ms=self.now.mono_ms,
            frame=self._frame,
            measures=self.measures,
            boxes=self.boxes,
            model=self.model,
            cells=dict(self.cells),
        )
        self.take(self.mind.hear(look, self.around, self.now))

    def lose(self, cause: Loss) -> None:
        """The picture is gone."""
        self.sees = False
        self.take(self.mind.hear(Lost(cause=cause, at_ms=self.now.mono_ms), self.around, self.now))

    def door(self, state: str, name: str = "vault") -> None:
        """The door becomes open, closed or unknown."""
        view = DoorView(id=name, state=State(state), since=self.now)
        self._changed(doors={**self.around.doors, name: view})

    def partition(self, state: str, name: str = "cash") -> None:
        """The partition changes."""
        self._changed(partitions={**self.around.partitions, name: Armed(state=State(state), since=self.now)})

    def released(self, name: str = "vault") -> None:
        """Somebody is let in by button."""
        self._changed(released={**self.around.released, name: self.around.released.get(name, 0) + 1})

    def hours(self, *, is_open: bool) -> None:
        """The site opens or closes."""
        self._changed(open=is_open, business=is_open)

    def transaction(self) -> None:
        """Somebody draws money."""
        known = self.around.transactions.get("hall", ())
        self._changed(transactions={"hall": (*known, self.now)})

    def take(self, thought: Thought) -> None:
        """What follows."""
        self.findings += thought.findings
        self.spoken += thought.speak
        self.told_eye += thought.tell
        for signal in thought.signals:
            self.points[signal.point] = signal.state
            self.causes[signal.point] = signal.cause
            self.marks[signal.point] = signal.marks or ()

    def told(self) -> list[str]:
        """Kinds in their order, ends as `.restored`."""
        return [each.kind + (".restored" if each.phase is Phase.ENDED else "") for each in self.findings]

    def _changed(self, **fields: Any) -> None:
        self.around = msgspec.structs.replace(self.around, **fields)
        self.take(self.mind.pass_time(self.around, self.now))
