"""What a detector concluded from signals: a frozen value with its facts and the steps that led to it.

Detectors make findings, `agent/reporting.py` makes events of them. Pure.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.signals import Moment
from protocol.messages import BecauseRow
from protocol.timestamps import format_time


class Phase(StrEnum):
    """Where in its life a condition is."""

    RAISED = "raised"  # it began; exactly one ENDED follows
    AGAIN = "again"  # it lasts and what makes it happened once more: told again, the same ENDED ends all
    ENDED = "ended"  # the condition of the same kind and source is over
    TOLD = "told"  # a fact of one moment, with nothing to end


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of `kind` at `source` began, ended, or was told."""

    kind: str
    source: str
    phase: Phase
    at: Moment
    facts: Mapping[str, Any] = {}
    because: tuple[BecauseRow, ...] = ()


def because(point: str, state: str, at: Moment, reason: str = "") -> BecauseRow:
    """One step of an explanation, as it stands in the event: when, which point, what it became, why."""
    return (format_time(at.wall), point, str(state), reason)
