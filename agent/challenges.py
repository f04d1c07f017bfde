"""Order challenges: freshness without clocks (WIRE 4.2). Pure; randomness is an argument.

A new one every 60 s, honoured for 10 minutes of monotonic time, void after a restart because only memory holds it.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from agent.signals import Moment
from protocol.envelope import encode_base64url

RENEWED_EVERY: Final = timedelta(seconds=60)
HONOURED_FOR: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenges:
    """The challenges that an order may still name, newest last."""

    issued: tuple[tuple[str, Moment], ...] = ()

    @property
    def current(self) -> str:
        """The newest; empty before the first."""
        return self.issued[-1][0] if self.issued else ""

    def honours(self, challenge: str, now: Moment) -> bool:
        """Whether an order that names this is fresh."""
        return any(text == challenge and now.since(at) <= HONOURED_FOR for text, at in self.issued)


def is_due(challenges: Challenges, now: Moment) -> bool:
    """Whether a new one must be made."""
    return not challenges.issued or now.since(challenges.issued[-1][1]) >= RENEWED_EVERY


def renewed(challenges: Challenges, random16: bytes, now: Moment) -> Challenges:
    """With a new challenge of 16 random bytes; what is no longer honoured is forgotten."""
    kept = tuple(each for each in challenges.issued if now.since(each[1]) <= HONOURED_FOR)
    return replace(challenges, issued=(*kept, (encode_base64url(random16).decode("ascii"), now)))
