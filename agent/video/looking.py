"""One look: a decoded frame becomes measures, boxes and cells. Joins what measures with who finds people.

People are looked for in every look while something stirs, and every few seconds while all is quiet. Where nobody
answers, what moves against the background stands in for them, and the look says so: `model: "none"`.
Flow: eye.py -> here -> `Look`.
"""

from typing import Final

from agent.people.asking import People
from agent.video.background import Background
from agent.video.measuring import Measurer
from agent.video.vision import Frame
from agent.video.words import Box, EyeSettings, Look

STIRS: Final = 0.004
"""Share of the picture that moves: a person at 15 metres is 0.003 of it, a decoder's noise a tenth."""

ASK_QUIET_MS: Final = 4_000
"""People who stand still are looked for so often while nothing stirs."""

CERTAIN: Final = 0.4
"""A box that is less certain keeps no eye awake."""

WITHOUT_MODEL: Final = "none"


class Looking:
    """Looks with the eyes of one camera."""

    def __init__(self, settings: EyeSettings) -> None:
        self._settings = settings
        self._measurer = Measurer(None)
        self._background = Background()
        self._people = People(settings.people_socket) if settings.people and settings.people_socket else None
        self._asked_ms: int | None = None

    def look(self, frame: Frame, at_ms: int, number: int, *, quiet: bool) -> tuple[Look, bool]:
        """What a frame shows, and whether something stirs in it."""
        motion, moving = self._background.boxes(frame, at_ms)
        measures = self._measurer.measure(frame, at_ms, motion)
        stirs = motion > STIRS
        boxes, model = self._boxes(frame, at_ms, moving, quiet=quiet and not stirs)
        stirs = stirs or any(box.score >= CERTAIN for box in boxes or () if model != WITHOUT_MODEL)
        look = Look(at_ms=at_ms, frame=number, measures=measures, boxes=boxes, model=model, quiet=quiet and not stirs)
        return look, stirs

    def _boxes(
        self, frame: Frame, at_ms: int, moving: tuple[Box, ...], *, quiet: bool
    ) -> tuple[tuple[Box, ...] | None, str]:
        if not self._settings.people:
            return None, ""
        if quiet and self._asked_ms is not None and at_ms - self._asked_ms < ASK_QUIET_MS:
            return None, ""
        self._asked_ms = at_ms
        found = self._people.find(frame) if self._people else None
        return found if found is not None else (moving, WITHOUT_MODEL)
