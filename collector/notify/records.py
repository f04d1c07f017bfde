"""The words of notices (docs/alarms.md 7), and what escalation asks for. Shapes only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

MOST_TRIES: Final = 3
"""Tries a channel gets with one notice, before the next channel."""

DESK: Final = "desk"
"""The target and channel of the live page: nothing is sent, the row says that it was told."""

RECEIVER: Final = "receiver/"
"""How targets that are alarm receivers begin; the channel of such a row is the receiver's id."""

CONTACT: Final = "site/"
"""How `person` of a site's contact begins, who is nobody of collector.toml: `site/0755-031`."""


RISEN: Final = "risen"
"""Why somebody is told whom no step tells: the alarm is graver than what was told before."""


class NoticeState(StrEnum):
    """Where a notice stands."""

    QUEUED = "queued"
    SENDING = "sending"  # claimed by a worker
    SENT = "sent"  # the channel took it
    DELIVERED = "delivered"  # the channel says it arrived
    READ = "read"  # its link was opened
    FAILED = "failed"  # see `reason`; the next channel's row follows it
    HELD = "held"  # put into a digest
    CANCELLED = "cancelled"  # not needed any more before it left


class Sort(StrEnum):
    """What a notice is for."""

    ALARM = "alarm"  # a step of a policy
    REMINDER = "reminder"  # a clock ran out, or nothing was done
    DIGEST = "digest"  # several that were held back, with their count
    PROOF = "proof"  # proves a channel


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is to be told: `channels` in the order to try. `person` is empty for a receiver or a site's contact.

    A receiver's target is `receiver/ID` and its channel the id; a site's contact has the target `site/contact`.
    """

    alarm: str | None
    sort: Sort
    target: str
    person: str
    channels: tuple[str, ...]
    level: int
    facts: Mapping[str, Any] = {}


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Column `facts`: the channels that are left, and what whoever asked wanted kept."""

    then: tuple[str, ...] = ()
    told: Mapping[str, Any] = {}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `notices`; what a fresh one has not yet is left out. Its number is given as it is written."""

    id: str
    number: int = 0
    alarm: str | None
    sort: Sort
    target: str
    person: str
    channel: str
    level: int
    state: NoticeState
    reason: str = ""
    facts: Stored
    tries: int = 0
    due_ms: int
    queued_ms: int
    claimed_by: str = ""
    claimed_ms: int | None = None
    sent_ms: int | None = None
    delivered_ms: int | None = None
    read_ms: int | None = None
    answered_ms: int | None = None
    perhaps: bool = False
    follows: str | None = None
    bundle: str | None = None
    token_hash: str = ""
    code: str = ""
    answer_until_ms: int = 0
