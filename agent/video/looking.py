"""One look: a decoded frame becomes measures, boxes and cells. Joins what measures with who finds people.

People are looked for in every look while something stirs, and every few seconds while all is quiet. Where nobody
answers, what moves against the background stands in for them, and the look says so: `model: "none"`.
Flow: eye.py -> here -> `Look`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from agent.people.asking import People
from agent.video.background import Background
from agent.video.fascia import Fascias
from agent.video.measuring import Measurer
from agent.video.references import References
from agent.video.vision import Frame
from agent.video.words import Box, EyeSettings, Learn, Learned, Look, Measures

STIRS: Final = 0.004
"""Share of the picture that moves: a person at 15 metres is 0.003 of it, a decoder's noise a tenth."""

MOVES: Final = 5.0
"""Grey values by which a part of the picture changes between two looks when somebody walks through it; the hunting of a
camera's exposure is 2."""

ASK_QUIET_MS: Final = 4_000
"""People who stand still are looked for so often while nothing stirs."""

CERTAIN: Final = 0.4
"""A box that is less certain keeps no eye awake."""

WITHOUT_MODEL: Final = "none"


class Finds(Protocol):
    """Who finds people in a frame: the people server, or a model in this process (replay)."""

    def find(self, frame: Frame) -> tuple[tuple[Box, ...], str] | None:
        """What is there, and found with what; None: nobody answers."""


class Looking:
    """Looks with the eyes of one camera. `people`: who finds people, where it is not the people server."""

    def __init__(
        self,
        settings: EyeSettings,
        people: Finds | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._references = References(Path(settings.references) if settings.references else None, wall)
        self._measurer = Measurer(self._references.picture)
        self._fascias = Fascias(settings.fascias)
        self._fascias.refer(self._references.picture)
        self.learned: Learned | None = None
        """In the last look."""
        self._background = Background()
        self._people = people
        if people is None and settings.people and settings.people_socket:
            self._people = People(settings.people_socket)
        self._asked_ms: int | None = None

    def look(self, frame: Frame, at_ms: int, number: int, *, quiet: bool, key: bool = True) -> tuple[Look, bool]:
        """What a frame shows, and whether something stirs in it; `key`: it was coded by itself."""
        motion = self._background.motion(frame, at_ms)
        measures, cells = self._measured(frame, at_ms, motion, key=key)
        strange = motion > STIRS
        boxes, model = self._boxes(frame, at_ms, quiet=quiet and not strange)
        there = any(model == WITHOUT_MODEL or box.score >= CERTAIN for box in boxes or ())
        # Light that wanders is strange to the background, too; but nothing of it moves.
        stirs = there or (strange and (measures.stirred is None or measures.stirred > MOVES))
        quiet = quiet and not stirs
        look = Look(
            at_ms=at_ms,
            frame=number,
            measures=measures,
            boxes=boxes,
            model=model,
            cells=cells,
            quiet=quiet,
            reference=self._references.version,
        )
        self._learn(frame, look, still=not stirs and not strange)
        return look, stirs

    def told(self, learn: Learn) -> None:
        """Learn a new reference, or none while the picture is judged faulty."""
        self._references.told(learn)
        if learn.now:
            self._background = Background()  # it may look elsewhere: all of it would be a stranger for minutes

    def refer(self, frame: Frame) -> None:
        """Compare with this frame from now on: a person says that it is as it should be (replay)."""
        self._references.take(frame)
        self._measurer.refer(self._references.picture)
        self._fascias.refer(self._references.picture)

    @property
    def reference(self) -> Frame | None:
        """What is compared with now."""
        return self._references.picture

    def _measured(
        self, frame: Frame, at_ms: int, motion: float, *, key: bool
    ) -> tuple[Measures, dict[str, tuple[float, ...]]]:
        if not self._settings.picture and not self._settings.fascias:
            return Measures(motion=float(motion)), {}
        return self._measurer.measure(frame, at_ms, motion, key=key), self._fascias.cells(frame)

    def _learn(self, frame: Frame, look: Look, *, still: bool) -> None:
        """A reference is learned while nobody is there and nothing stirs, whether or not the eye is quiet already."""
        self.learned = None
        if not self._settings.picture and not self._settings.fascias:
            return
        self.learned, another = self._references.look(frame, look.measures, look.at_ms, quiet=still, cells=look.cells)
        if another:
            self._measurer.refer(self._references.picture)
            self._fascias.refer(self._references.picture)

    def _boxes(self, frame: Frame, at_ms: int, *, quiet: bool) -> tuple[tuple[Box, ...] | None, str]:
        if not self._settings.people:
            return None, ""
        if quiet and self._asked_ms is not None and at_ms - self._asked_ms < ASK_QUIET_MS:
            return None, ""
        self._asked_ms = at_ms
        found = self._people.find(frame) if self._people else None
        return found if found is not None else (self._background.moving(), WITHOUT_MODEL)
