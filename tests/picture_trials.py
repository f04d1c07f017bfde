"""A camera's pictures, one after the other, through measures and fault tree: what is told, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agent.detectors import picture
from agent.findings import Phase
from agent.signals import Moment
from agent.video.measuring import Measurer
from agent.video.words import Measures
from tests.picture_faults import Change, Frame

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Told(NamedTuple):
    """One finding, by the time of its look."""

    at_ms: int
    fault: str
    phase: Phase


def moment(at_ms: int) -> Moment:
    """Both clocks, so long after the start."""
    return Moment(wall=START + timedelta(milliseconds=at_ms), mono_ms=at_ms)


def judged(looks: Iterable[tuple[int, Measures]], reference: int = 1) -> list[Told]:
    """What the tree tells of these measures."""
    state, told = picture.PictureState(), list[Told]()
    for at_ms, measures in looks:
        state, findings = picture.observe(state, "hall", measures, reference, moment(at_ms))
        told += [Told(at_ms, each.kind.removeprefix("camera."), each.phase) for each in findings]
    return told


def measured(
    looks: Iterable[tuple[int, Frame]], reference: Frame | None, change: Change | None = None, from_ms: int = 0
) -> list[tuple[int, Measures]]:
    """The figures of these pictures, with the change laid over those from then on."""
    measurer, found, number = Measurer(reference), list[tuple[int, Measures]](), 0
    for at_ms, frame in looks:
        shown = frame
        if change is not None and at_ms >= from_ms:
            shown, number = change(frame, number), number + 1
        found.append((at_ms, measurer.measure(shown, at_ms)))
    return found
