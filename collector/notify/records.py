"""The words of notices (docs/alarms.md 7), and what escalation asks for. Shapes only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class NoticeState(StrEnum):
    """Where a notice stands."""

    QUEUED = "queued"
    SENDING = "sending"  # claimed by a worker
    SENT = "sent"  # the channel took it
    DELIVERED = "delivered"  # the channel says it arrived
    READ = "read"  # its link was opened
    FAILED = "failed"  # see `reason`; the next channel's row follows it
    HELD = "held"  # put into a digest


class Sort(StrEnum):
    """What a notice is for."""

    ALARM = "alarm"  # a step of a policy
    REMINDER = "reminder"  # a clock ran out, or nothing was done
    DIGEST = "digest"  # several that were held back, with their count
    PROOF = "proof"  # proves a channel


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is to be told: `channels` in the order to try. `person` is empty for a receiver or a site's contact."""

    alarm: str | None
    sort: Sort
    target: str
    person: str
    channels: tuple[str, ...]
    level: int
    facts: Mapping[str, Any] = {}
