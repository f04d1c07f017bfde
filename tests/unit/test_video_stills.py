"""A still shows what is there now: of what frame it may be made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.video.ring import Ring
from agent.video.taking import OLDEST_MS, Taker
from agent.video.words import Made, TakeStill

FRAME = np.full((90, 160, 3), 90, np.uint8)
CAME = 1_000


@pytest.mark.parametrize(
    ("age_ms", "reference", "missing"),
    [(0, False, ""), (OLDEST_MS, False, ""), (OLDEST_MS + 1, False, "no_picture"), (OLDEST_MS + 1, True, "")],
)
def test_an_old_frame_is_no_picture_of_now(tmp_path: Path, age_ms: int, reference: bool, missing: str) -> None:
    """A camera that went away long ago has no picture of a door that is forced now; its reference is of any age."""
    made: list[Made] = []
    taker = Taker(Ring(60, 1_000_000), (), made.append)
    path = tmp_path / "still.jpg"
    taker.still(TakeStill(slot="a-1", path=str(path), reference=reference), FRAME, CAME, CAME + age_ms)
    (found,) = made
    assert found.missing == missing
    assert path.exists() is not bool(missing)
