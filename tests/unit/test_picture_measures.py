"""The figures of a picture, on drawn rooms: no data is needed. Real footage is tried in the integration tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from agent.video import vision
from agent.video.background import Background
from agent.video.fascia import Fascias
from agent.video.lettering import STEEP, STEEP_NOW, lines, painted
from agent.video.measuring import Measurer
from agent.video.words import FASCIA_COLUMNS, FASCIA_ROWS, MAX_BOXES, Thing
from tests.picture_faults import LIGHTS, Change, Frame, drawn, faults, infrared, lettered, live, moved
from tests.picture_trials import judged, measured

ROOM = drawn(7)
OTHER = drawn(19)
SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def _stretch(change: Change | None, from_look: int, until: int) -> Iterable[tuple[int, Frame]]:
    number = 0
    for look in range(until):
        frame = live(ROOM, look)
        if change is not None and look >= from_look:
            frame, number = change(frame, number), number + 1
        yield look * 500, frame


@pytest.mark.parametrize("fault", faults(OTHER))
def test_a_fault_in_a_drawn_room_is_found_and_named(fault: str) -> None:
    """The tree does not depend on one clip: every fault is found in a drawn room within 10 s, by its name."""
    change, kind = faults(OTHER)[fault]
    told = judged(measured(_stretch(change, 4, 26), ROOM))
    assert [each.fault for each in told] == [kind]
    assert told[0].at_ms <= 2_000 + 10_000


@pytest.mark.parametrize("light", LIGHTS)
def test_other_light_in_a_drawn_room_is_no_fault(light: str) -> None:
    """Light that is switched, and stays so, is told as nothing."""
    assert judged(measured(_stretch(LIGHTS[light], 6, 30), ROOM)) == []


def test_a_still_room_is_never_frozen() -> None:
    """A hundred seconds in which nothing at all happens but a camera's faint noise: nothing is told."""
    measurer = Measurer(ROOM)
    still = [live(ROOM, number, 0.4) for number in range(12)]
    assert judged((look * 500, measurer.measure(still[look * 5 % 12], look * 500)) for look in range(200)) == []


def test_a_clock_burned_into_a_black_or_frozen_picture_does_not_hide_it() -> None:
    """White digits in a corner, other ones every second: black is black, and frozen frozen."""
    for shown, kind in ((np.zeros_like(ROOM), "black"), (live(ROOM, 1), "frozen")):
        looks = []
        for look in range(24):
            frame = shown.copy()
            frame[8:22, 8 : 8 + 4 * (look // 2 % 10 + 1)] = 255
            looks.append((look * 500, frame))
        assert [each.fault for each in judged(measured(looks, ROOM))] == [kind]


@pytest.mark.parametrize("size", [0.8, 1.0])
@pytest.mark.parametrize("fault", faults(OTHER))
def test_a_fault_behind_a_running_clock_is_found_and_named(fault: str, size: float) -> None:
    """Every device burns a clock and a title into its pictures, the reference too: each fault is found all the same."""
    change, kind = faults(OTHER)[fault]
    looks = ((at, lettered(frame, at, size)) for at, frame in _stretch(change, 4, 26))
    told = judged(measured(looks, lettered(ROOM, 777_000, size)))
    assert [each.fault for each in told] == [kind]
    assert told[0].at_ms <= 2_000 + 10_000


def test_a_running_clock_is_no_fault_and_no_motion() -> None:
    """A still room under a clock for five minutes: nothing is told, nothing stirs."""
    measurer, background = Measurer(lettered(ROOM, 0)), Background()
    looks, stirred = [], 0
    for look in range(600):
        frame = lettered(live(ROOM, look % 50, 0.6), look * 500)
        looks.append((look * 500, measurer.measure(frame, look * 500)))
        stirred += background.motion(frame, look * 500) > 0.004
    assert judged(looks) == []
    assert stirred <= 2


def test_lettering_is_painted_over_and_a_room_without_is_left_alone() -> None:
    """Letters of either rim go, in every size; where there are none the picture itself is measured."""
    assert painted(ROOM, lines(ROOM, STEEP)) is ROOM
    for size in (0.8, 1.0, 1.4):
        dark = np.full_like(ROOM, 3)
        clean = painted(lettered(dark, 5_000, size), lines(lettered(dark, 5_000, size), STEEP_NOW))
        assert int(clean.max()) < 40


def test_without_a_reference_black_snow_and_a_flat_cover_are_found_still() -> None:
    """A camera that has learned nothing yet is not unguarded."""
    every = faults(OTHER)
    for fault in ("black", "snow 40 %", "jumping", "frozen"):
        change, kind = every[fault]
        assert [each.fault for each in judged(measured(_stretch(change, 4, 26), None), reference=0)] == [kind]
    assert [each.fault for each in judged(measured(_stretch(every["paper"][0], 4, 26), None), 0)] == ["covered"]
    assert judged(measured(_stretch(moved(0.1, 0.1), 4, 26), None), reference=0) == []


def test_another_size_of_the_same_camera_is_the_same_picture() -> None:
    """Main stream or sub stream, wide or squeezed: the reference is measured at the size that comes."""
    measurer = Measurer(ROOM)
    for rows, columns in ((360, 640), (720, 1280), (288, 352), (480, 704)):
        for at_ms in (0, 7_000):
            found = measurer.measure(vision.resized(live(ROOM, rows), columns, rows), at_ms)
        assert found.edges_kept is not None
        assert found.edges_kept > 0.7
        assert found.corner_px == 0.0


@pytest.mark.parametrize("shape", [(2, 2), (1, 1), (9, 700), (700, 9)])
def test_a_picture_of_odd_size_is_measured_without_a_word(shape: tuple[int, int]) -> None:
    """Whatever size a stream claims: figures come out, or none, and nothing breaks."""
    frame = np.full((*shape, 3), 90, np.uint8)
    measurer = Measurer(ROOM)
    for at_ms in (0, 500):
        assert 0 <= measurer.measure(frame, at_ms).luma <= 255
    Background().boxes(frame, 0)
    fascias = Fascias({"a": SQUARE})
    fascias.refer(ROOM)
    fascias.cells(frame)


def test_masks_are_burned_in_and_the_frame_itself_is_left() -> None:
    """What leaves the box is black where people's privacy is, in the still too; the picture that is judged is not."""
    frame = np.full((90, 160, 3), 200, np.uint8)
    still = vision.opened(vision.jpeg(frame, [((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))]))
    assert int(still[:40, :75].max()) < 12
    assert int(still[50:, 90:].min()) > 190
    assert int(frame.min()) == 200
    assert vision.blacken(frame, ()) is frame


def test_a_mask_beyond_the_picture_hides_what_is_inside() -> None:
    """Corners outside of the picture, or a polygon that crosses itself, break nothing."""
    frame = np.full((90, 160, 3), 200, np.uint8)
    black = vision.blacken(frame, [((-3.0, -3.0), (4.0, -3.0), (4.0, 4.0), (-3.0, 4.0))])
    assert int(black.max()) == 0


def test_who_stands_still_stays_in_the_foreground() -> None:
    """Without a model somebody who stands two minutes without moving is still there; the room alone is nothing."""
    background = Background()
    for look in range(40):
        motion, boxes = background.boxes(live(ROOM, look), look * 500)
    assert boxes == ()
    assert motion < 0.004
    person = ROOM.copy()
    person[120:330, 300:370] = (30, 40, 160)
    for second in range(20, 140):
        motion, boxes = background.boxes(live(person, second), second * 1000)
    assert len(boxes) == 1
    assert boxes[0].thing is Thing.MOVING
    assert boxes[0].left == pytest.approx(300 / 640, abs=0.03)
    assert boxes[0].bottom == pytest.approx(330 / 360, abs=0.03)
    for second in range(140, 143):
        motion, boxes = background.boxes(live(ROOM, second), second * 1000)
    assert boxes == ()


def test_a_light_is_no_stranger() -> None:
    """The whole picture new at once is learned at once, not one large box for minutes."""
    background = Background()
    for look in range(20):
        background.boxes(live(ROOM, look), look * 500)
    dark = LIGHTS["40 % of the light"]
    for look in range(20, 28):
        _, boxes = background.boxes(dark(live(ROOM, look), look), look * 500)
    assert boxes == ()


def test_boxes_of_a_storm_are_bounded() -> None:
    """However much moves, a look carries no more boxes than its message holds."""
    background = Background()
    for look in range(30):
        background.boxes(live(ROOM, look), look * 500)
    storm = ROOM.copy()
    storm[::24] = 0
    storm[:, ::24] = 255
    _, boxes = background.boxes(storm, 15_500)
    assert len(boxes) <= MAX_BOXES


def _changed(fascias: Fascias, frame: Frame) -> set[tuple[int, int]]:
    cells = fascias.cells(frame)["atm"]
    assert len(cells) == FASCIA_COLUMNS * FASCIA_ROWS
    return {divmod(index, FASCIA_COLUMNS) for index, cell in enumerate(cells) if cell >= 0.35}


@pytest.mark.parametrize("light", ["none", *(name for name in LIGHTS if name != "infrared")])
def test_what_is_stuck_on_a_fascia_changes_its_cells_whatever_the_light(light: str) -> None:
    """A skimmer changes the cells where it sits and no others, by day, dusk or a lamp; so does one taken away."""
    lit: Change = LIGHTS[light] if light != "none" else lambda frame, _: frame
    fascias = Fascias({"atm": SQUARE})
    skimmed = ROOM.copy()
    skimmed[170:200, 300:360] = (70, 75, 70)
    skimmed[176:194, 312:348] = (15, 15, 15)
    for learned, shown in ((ROOM, skimmed), (skimmed, ROOM)):
        fascias.refer(learned)
        assert _changed(fascias, lit(live(learned, 3), 3)) == set()
        changed = _changed(fascias, lit(live(shown, 4), 4))
        rows, columns = {row for row, _ in changed}, {column for _, column in changed}
        assert changed
        assert rows <= {2, 3, 4, 5}
        assert columns <= {4, 5, 6, 7, 8}


def test_a_fascia_that_sways_has_not_changed() -> None:
    """Two pixels of sway, by wind or a slammed door, change no cell."""
    fascias = Fascias({"atm": SQUARE})
    fascias.refer(ROOM)
    assert _changed(fascias, np.roll(live(ROOM, 1), (1, 2), axis=(0, 1))) == set()


def test_a_clock_that_runs_over_a_fascia_changes_no_cell() -> None:
    """Other digits over the area's upper rim at every look: no cell differs, and a skimmer below still does."""
    fascias = Fascias({"atm": ((0.0, 0.0), (0.6, 0.0), (0.6, 0.7), (0.0, 0.7))})
    fascias.refer(lettered(ROOM, 34_000))
    for at_ms in (59_000, 71_000, 688_000):
        assert _changed(fascias, lettered(live(ROOM, at_ms), at_ms)) == set()
    skimmed = ROOM.copy()
    skimmed[170:200, 200:260] = (15, 15, 15)
    assert _changed(fascias, lettered(live(skimmed, 4), 90_000))


def test_cells_outside_the_polygon_say_so() -> None:
    """A slanted fascia fills part of its grid; the rest is -1, and without a reference there are no cells."""
    fascias = Fascias({"atm": ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8))})
    assert fascias.cells(ROOM) == {}
    fascias.refer(ROOM)
    cells = fascias.cells(live(ROOM, 2))["atm"]
    assert cells[0] >= 0.0
    assert cells[-1] == -1.0


def test_the_same_pictures_give_the_same_figures() -> None:
    """Nothing is left to chance: a second run over the same pictures measures the same."""
    looks = [(look * 500, infrared(live(ROOM, look), look)) for look in range(8)]
    assert measured(looks, ROOM) == measured(looks, ROOM)
