"""What a model's output says, in boxes."""

from __future__ import annotations

import numpy as np

from agent.people.heads import atss, ssd
from agent.video.words import MAX_BOXES, Thing

PIXELS = np.float32


def test_pixels_of_the_input_become_fractions() -> None:
    """Corners of the ATSS head count the pixels of its 448 x 256 picture, whatever the camera's size is."""
    corners = np.array([[44.8, 25.6, 224.0, 128.0, 0.9]], PIXELS)
    (box,) = atss(corners, np.array([1]), 448, 256)
    assert (box.thing, box.left, box.top, box.right, box.bottom) == (Thing.PERSON, 0.1, 0.1, 0.5, 0.5)


def test_of_answers_that_overlap_the_most_certain_stays() -> None:
    """One person answered twice is one; a vehicle at the same place is another thing."""
    corners = np.array([[0, 0, 100, 100, 0.5], [2, 2, 102, 102, 0.8], [0, 0, 100, 100, 0.6]], PIXELS)
    boxes = atss(corners, np.array([1, 1, 0]), 448, 256)
    assert [(box.thing, box.score) for box in boxes] == [(Thing.PERSON, 0.8), (Thing.VEHICLE, 0.6)]


def test_neighbours_both_stay() -> None:
    """Two people side by side overlap by less than the limit."""
    corners = np.array([[0, 0, 100, 100, 0.8], [60, 0, 160, 100, 0.7]], PIXELS)
    assert len(atss(corners, np.array([1, 1]), 448, 256)) == 2


def test_what_is_not_certain_enough_is_left_out() -> None:
    """Below .25 for ATSS, below .4 for SSD: what was measured with."""
    corners = np.array([[0, 0, 50, 50, 0.24], [100, 100, 150, 150, 0.26]], PIXELS)
    assert [box.score for box in atss(corners, np.array([1, 1]), 448, 256)] == [0.26]
    rows = np.array([[0, 1, 0.39, 0.1, 0.1, 0.2, 0.2], [0, 1, 0.41, 0.1, 0.1, 0.2, 0.2]], PIXELS)
    assert [box.score for box in ssd(rows)] == [0.41]


def test_ssd_ends_at_the_first_picture_below_zero() -> None:
    """What stands behind it is of an older picture."""
    rows = np.array([[0, 0, 0.9, 0.1, 0.1, 0.5, 0.5], [-1, 0, 0, 0, 0, 0, 0], [0, 1, 0.9, 0, 0, 1, 1]], PIXELS)
    assert [box.thing for box in ssd(rows)] == [Thing.VEHICLE]


def test_boxes_end_at_the_edge_of_the_picture() -> None:
    """Who stands half outside is cut; what lies outside altogether, or is of no kind that we know, is left out."""
    corners = np.array([[-50, -50, 224, 128, 0.9], [500, 10, 600, 50, 0.9], [10, 10, 50, 50, 0.9]], PIXELS)
    (box,) = atss(corners, np.array([1, 1, 7]), 448, 256)
    assert (box.left, box.top) == (0.0, 0.0)


def test_numbers_that_are_none_make_no_box() -> None:
    """A runtime gone mad moves nobody."""
    corners = np.array([[np.nan, 0, 50, 50, 0.9], [0, 0, 50, 50, np.nan]], PIXELS)
    assert atss(corners, np.array([1, 1]), 448, 256) == ()


def test_no_more_boxes_than_a_look_holds() -> None:
    """The least certain go."""
    corners = np.array([[4 * n % 440, n, 4 * n % 440 + 2, n + 1, 0.3 + n / 1000] for n in range(150)], PIXELS)
    boxes = atss(corners, np.ones(150, np.int64), 448, 256)
    assert len(boxes) == MAX_BOXES
    assert boxes[0].score == 0.449
