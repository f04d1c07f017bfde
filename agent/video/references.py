"""The reference pictures of one camera while an eye looks: which one is compared with, and learning the next.

Rebuilt from disk at every start; what was refused there is learned anew, and its description says `damaged`. Without a
folder (a replay) they are in memory only.
Flow: looking.py -> here -> learning.py, shelf.py, measuring.py.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.video import shelf
from agent.video.learning import Learning
from agent.video.reference_files import ASKED
from agent.video.shelf import Kept
from agent.video.vision import Frame, PictureError
from agent.video.words import Learn, Learned, Measures
from protocol.timestamps import format_time

AGAIN_MS: Final = 60_000
"""After a picture could not be written, the next is tried so much later."""


class References:
    """The references of one camera."""

    def __init__(self, folder: Path | None, wall: Callable[[], datetime]) -> None:
        self._folder = folder
        self._wall = wall
        self._learning = Learning()
        self._not_before = 0
        kept, self.refused = shelf.read(folder) if folder else ((), ())
        self._kept: dict[str, Kept] = {each.description.light: each for each in kept}
        self._used: Kept | None = None
        self._choose()

    @property
    def picture(self) -> Frame | None:
        """What is compared with; None: nothing was learned yet."""
        return self._used.picture if self._used else None

    @property
    def version(self) -> int:
        """Its version; 0: none."""
        return self._used.description.version if self._used else 0

    def told(self, learn: Learn) -> None:
        """A person asks for a new reference; or the picture is judged faulty, or sound again."""
        self._learning.asked |= learn.now
        if not learn.now:
            self._learning.faulty = learn.fault

    def take(self, frame: Frame) -> None:
        """This is how it shall look: a person says so (replay)."""
        light = self._learning.light
        self._kept = {light: shelf.as_kept(frame, self.version + 1, light=light, why=ASKED, at="")[0]}
        self._choose()

    def look(
        self, frame: Frame, measures: Measures, at_ms: int, *, quiet: bool, cells: Mapping[str, tuple[float, ...]]
    ) -> tuple[Learned | None, bool]:
        """One look: what was learned from it, and whether another picture is compared with from now on."""
        every = tuple(cell for area in cells.values() for cell in area)
        due = self._learning.due(frame, measures, at_ms, quiet=quiet, cells=every, known=frozenset(self._kept))
        learned = self._write(*due, at_ms) if due and at_ms >= self._not_before else None
        return learned, self._choose()

    def _write(self, picture: Frame, why: str, at_ms: int) -> Learned | None:
        light = self._learning.light
        if why == "first" and self.refused:
            why = "damaged"
        try:
            kept = self._kept_as(picture, light, why, format_time(self._wall()))
        except (OSError, PictureError):
            self._not_before = at_ms + AGAIN_MS
            self._learning.asked |= why == ASKED
            return None
        if why == ASKED:
            self._kept.clear()  # the camera may look elsewhere: what was learned by other light is of the past
        self._kept[light] = kept
        return Learned(version=kept.description.version, sha256=kept.description.sha256, at_ms=at_ms)

    def _kept_as(self, picture: Frame, light: str, why: str, at: str) -> Kept:
        if self._folder is not None:
            return shelf.write(self._folder, picture, light=light, why=why, at=at)
        return shelf.as_kept(picture, self.version + 1, light=light, why=why, at=at)[0]

    def _choose(self) -> bool:
        before = self._used
        fitting = self._kept.get(self._learning.light)
        self._used = fitting or next(iter(self._kept.values()), None)
        return self._used is not before
