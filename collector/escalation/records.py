"""What escalation hands around: purposes of timers, and an alarm as far as it looks. Shapes only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from collector.storage.records import AlarmState


class Purpose(StrEnum):
    """What a timer does when it is due (docs/alarms.md 6)."""

    ESCALATE = "escalate"  # the next step of the policy
    RESPOND = "respond"  # the response clock ends
    RESUME = "resume"  # a pause is over
    STALL = "stall"  # taken, and nothing done since
    PARK = "park"  # parked until now
    REVIEW = "review"  # to be reviewed by the end of the day
    FOLLOW = "follow"  # the follow-up clock ends
    SURFACE = "surface"  # a shelter ends
    SUSPEND = "suspend"  # a suspension ends
    DIGEST = "digest"  # notices that were held back leave as one
    WATCH = "watch"  # the auditor's own


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as far as its timers depend on it."""

    id: str
    number: int
    site: str
    unit: str
    timezone: str
    kind: str
    event_class: str
    level: int
    source: str
    state: AlarmState
    opened_ms: int
    raised_ms: int | None = None
    holder: str | None = None
    respond_by_ms: int | None = None
    follow_by_ms: int | None = None
    parked_until_ms: int | None = None
    resolved_ms: int | None = None
    moved_ms: int = 0  # the last move of a person, or the opening
    score: int | None = None
    score_by: str = ""  # empty: computed
    shelter: str | None = None


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `timers`."""

    id: str
    alarm: str | None
    purpose: Purpose
    due_ms: int
    facts: Mapping[str, Any] = {}
