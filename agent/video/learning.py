"""Which picture becomes a camera's reference, and when. Pure but for the pictures it holds for a minute; a few rules.

- The first: of a quiet moment, which is one in which nobody is there and nothing moves for QUIET; where a place is
  never quiet, the middle of pictures over a minute: of moments in which nobody was there, if there were some, else of
  SAMPLES, in which whoever walks by is gone, but not who stands.
- When a person asks: the same, whatever the fault tree says, because a camera is asked to learn after it was moved; but
  never from a picture that shows nothing, noise, or the same for ever.
- By infrared light: of its own, once the picture is grey for LIGHT_FOR; both are kept, and the one that fits is used.
- When the light changed for good: after DRIFTED in which the edges were the same, where they are, and something is not.
Never from a picture that is judged faulty, nor while a fascia differs: what was stuck on is not learned.
Flow: references.py -> here -> shelf.py.
"""

from typing import Final

import numpy as np

from agent.video.vision import Frame, at_rows
from agent.video.words import Measures

QUIET_MS: Final = 6_000
QUIET_LOOKS: Final = 3
BUSY_MS: Final = 60_000
"""So long without a quiet moment, then the middle of several pictures is taken."""
SAMPLES: Final = 7
SAMPLE_EVERY_MS: Final = 9_000
CALM: Final = 3
"""So many pictures of short quiet moments are better than any number with people in them."""
CALM_EVERY_MS: Final = 1_000
SAMPLE_ROWS: Final = 720
LIGHT_FOR_MS: Final = 60_000
DRIFTED_MS: Final = 600_000
AGAIN_MS: Final = 1_800_000

STILL: Final = 0.004
DARKEST: Final = 24.0
FLATTEST: Final = 4.0
NOISIEST: Final = 15.0
SAME_PLACE_PX: Final = 1.5
SAME_EDGES: Final = 0.6
DRIFTED_EDGES: Final = 0.85
DRIFTED_LUMA: Final = 25.0
DRIFTED_COLOUR: Final = 6.0
DIFFERS: Final = 0.2
"""Of a fascia's cell: with more, something may have been stuck on."""

GREY: Final = 2.5
COLOURED: Final = 5.0


def fit(measures: Measures) -> bool:
    """Whether a picture shows anything that others could be compared with."""
    return (
        measures.luma > DARKEST
        and measures.luma_std > FLATTEST
        and measures.noise < NOISIEST
        and measures.changed < 0.3
        and not measures.row_shift
    )


def same_place(measures: Measures) -> bool:
    """Whether it shows what its reference shows, where it shows it."""
    at_rest = measures.corner_px is not None and measures.corner_px <= SAME_PLACE_PX
    return at_rest and measures.edges_kept is not None and measures.edges_kept >= SAME_EDGES


class Learning:
    """When to learn, for one camera."""

    def __init__(self) -> None:
        self.light = "colour"
        self.asked = False
        self.faulty = False
        self._quiet_since: int | None = None
        self._quiet_looks = 0
        self._wanting_since: int | None = None
        self._light_since: int | None = None
        self._drift_since: int | None = None
        self._learned_at: int | None = None
        self._samples: list[Frame] = []
        self._sampled_at = 0
        self._calm: list[Frame] = []
        self._calm_at = 0
        self._luma: float | None = None

    def due(
        self,
        frame: Frame,
        measures: Measures,
        at_ms: int,
        *,
        quiet: bool,
        cells: tuple[float, ...],
        known: frozenset[str],
    ) -> tuple[Frame, str] | None:
        """The picture to learn now, and why; `known`: the lights for which there is a reference."""
        self._follow_light(measures, at_ms)
        if not fit(measures) or (self.faulty and not self.asked):
            self._quiet_since, self._quiet_looks, self._drift_since = None, 0, None
            self._forget()
            return None
        if not (quiet and measures.motion < STILL):
            self._quiet_since, self._quiet_looks = None, 0
        else:
            self._quiet_since = at_ms if self._quiet_since is None else self._quiet_since
            self._quiet_looks += 1
        why = self._why(measures, at_ms, cells, known)
        if why is None:
            self._wanting_since = None
            self._forget()
            return None
        self._wanting_since = at_ms if self._wanting_since is None else self._wanting_since
        if self._is_quiet(at_ms):
            return self._taken(frame, why, measures, at_ms)
        if why not in ("first", "asked"):
            return None
        middle = self._sampled(frame, at_ms, calm=self._quiet_since is not None)
        return self._taken(middle, why, measures, at_ms) if middle is not None else None

    def _is_quiet(self, at_ms: int) -> bool:
        since = self._quiet_since
        return since is not None and at_ms - since >= QUIET_MS and self._quiet_looks >= QUIET_LOOKS

    def _why(self, measures: Measures, at_ms: int, cells: tuple[float, ...], known: frozenset[str]) -> str | None:
        if self.asked:
            return "asked"
        if not known:
            return "first"
        if not same_place(measures) or any(cell > DIFFERS for cell in cells):
            self._drift_since = None
            return None
        if self.light not in known:
            lasts = self._light_since is not None and at_ms - self._light_since >= LIGHT_FOR_MS
            return "infrared" if lasts else None
        drifted = (
            (measures.edges_kept or 1.0) < DRIFTED_EDGES
            or (measures.colour_shift or 0.0) > DRIFTED_COLOUR
            or (self._luma is not None and abs(measures.luma - self._luma) > DRIFTED_LUMA)
        )
        self._luma = measures.luma if self._luma is None else self._luma
        if not drifted:
            self._drift_since = None
            return None
        self._drift_since = at_ms if self._drift_since is None else self._drift_since
        lately = self._learned_at is not None and at_ms - self._learned_at < AGAIN_MS
        return "light" if at_ms - self._drift_since >= DRIFTED_MS and not lately else None

    def _follow_light(self, measures: Measures, at_ms: int) -> None:
        light = "grey" if measures.chroma < GREY else "colour" if measures.chroma > COLOURED else self.light
        if light != self.light or self._light_since is None:
            self.light, self._light_since, self._luma = light, at_ms, None

    def _sampled(self, frame: Frame, at_ms: int, *, calm: bool) -> Frame | None:
        """The middle of some pictures over a minute, once there are enough."""
        taken = at_rows(frame, SAMPLE_ROWS)
        if any(kept[0].shape != taken.shape for kept in (self._samples, self._calm) if kept):
            self._forget()
        if calm and (not self._calm or at_ms - self._calm_at >= CALM_EVERY_MS):
            self._calm, self._calm_at = [*self._calm, taken.copy()][-SAMPLES:], at_ms
        if len(self._calm) >= CALM:
            self._samples.clear()
        elif not self._samples or at_ms - self._sampled_at >= SAMPLE_EVERY_MS:
            self._samples, self._sampled_at = [*self._samples, taken.copy()][-SAMPLES:], at_ms
        waited = self._wanting_since is not None and at_ms - self._wanting_since >= BUSY_MS
        enough = len(self._calm) >= CALM or len(self._samples) >= SAMPLES
        if not (enough and waited):
            return None
        chosen = self._calm if len(self._calm) >= CALM else self._samples
        return np.asarray(np.median(np.stack(chosen), axis=0), np.uint8)

    def _forget(self) -> None:
        self._samples.clear()
        self._calm.clear()

    def _taken(self, picture: Frame, why: str, measures: Measures, at_ms: int) -> tuple[Frame, str]:
        self.asked, self._wanting_since, self._drift_since = False, None, None
        self._learned_at, self._luma = at_ms, measures.luma
        self._forget()
        return picture, why
