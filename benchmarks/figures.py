"""A measured figure with what it is held against, and the few statistics that make figures of samples. Pure."""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import median
from typing import Final

import msgspec

__all__ = ["Figure", "Goal", "Verdict", "median", "percentile", "verdict"]

_DIGITS: Final = 3


class Goal(StrEnum):
    """On which side of its target a figure should be."""

    AT_MOST = "<="
    AT_LEAST = ">="
    BELOW = "<"


class Verdict(StrEnum):
    """How a figure stands to its target."""

    MET = "met"
    MISSED = "missed"
    NONE = ""  # no target: it explains another figure


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. `ratio` says what it is of what; `limit` is one sentence on what holds it back."""

    bench: str
    name: str
    value: float
    unit: str
    goal: Goal = Goal.AT_MOST
    target: float | None = None
    ratio: str = ""
    limit: str = ""
    samples: tuple[float, ...] = ()


def verdict(figure: Figure) -> Verdict:
    """Whether the target is met; a figure without one has no verdict."""
    if figure.target is None:
        return Verdict.NONE
    met = {
        Goal.AT_MOST: figure.value <= figure.target,
        Goal.AT_LEAST: figure.value >= figure.target,
        Goal.BELOW: figure.value < figure.target,
    }[figure.goal]
    return Verdict.MET if met else Verdict.MISSED


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` per cent of all are no greater than (nearest rank).

    Raises:
        ValueError: no samples, or a percentage outside 0-100.
    """
    if not samples or not 0 <= percent <= 100:
        raise ValueError("a percentile needs samples and a percentage from 0 to 100")
    rank = max(1, math.ceil(percent / 100 * len(samples)))
    return sorted(samples)[rank - 1]


def rounded(value: float) -> float:
    """Three significant digits: no figure here repeats better."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, _DIGITS - 1 - math.floor(math.log10(abs(value))))
