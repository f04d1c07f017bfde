"""What a channel or an alarm receiver is to the sender: one method, three outcomes. Shapes only.

An adapter never raises for what the other side does: whatever happens there becomes a `Sent`. It ends within its own
time limits; the sender cuts it off at HARD_LIMIT_S anyway. Flow: sender.py -> an adapter -> the bank's gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

HARD_LIMIT_S: Final = 15.0
"""The longest that a channel may take with one message, whatever its own limits say."""

RECEIVER_LIMIT_S: Final = 150.0
"""The same for an alarm receiver, which tries by itself: 20 s, three times, at two addresses."""


@dataclass(frozen=True, kw_only=True, repr=False)
class About:
    """The alarm that a message tells of."""

    id: str
    number: int
    site: str
    site_name: str
    unit: str
    timezone: str
    kind: str
    event_class: str
    level: int
    source: str
    state: str
    opened_ms: int
    at_ms: int
    respond_by_ms: int | None = None
    holder: str = ""
    score: int | None = None
    restored_ms: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Message:
    """One notice, ready to leave. `id` stays the same in every try; `perhaps`: it may have been sent before.

    For a channel marked as outside the texts hold no facts and `alarm` is None. Never print one: it has an address
    and a link that acts.
    """

    id: str
    sort: str
    to: str
    language: str
    level: int
    short: str
    subject: str
    body: str
    voice: str
    link: str = ""
    code: str = ""
    number: int = 0  # of the alarm; 0 for none
    perhaps: bool = False
    alarm: About | None = None


class Outcome(StrEnum):
    """What became of one try."""

    DELIVERED = "delivered"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The outcome; `reason` is a word of ours for failures, never the other side's text. `again`: worth a new try."""

    outcome: Outcome
    reason: str = ""
    id: str = ""
    again: bool = True


class Port(Protocol):
    """A way to people, or a receiver."""

    async def send(self, message: Message) -> Sent:
        """Hand the message over."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def failed(reason: str, *, again: bool = True) -> Sent:
    """A failure and its word."""
    return Sent(outcome=Outcome.FAILED, reason=reason[:80], again=again)
