"""How often a branch may be spoken to, and in which language a text is. Pure.

Flow: a request -> `announcer.py` asks here -> `programs.py` makes the sound.
"""

from datetime import timedelta
from typing import Final

from agent.signals import Moment

MOST: Final = 6
WITHIN: Final = timedelta(minutes=10)
"""A branch that is spoken to without end stops listening; and nobody shall drown out its people from afar."""

CHINESE: Final = "cmn"
ENGLISH: Final = "en"

Announced = tuple[Moment, ...]
"""When the last ones were let through, oldest first."""


def admit(announced: Announced, now: Moment) -> Announced | None:
    """Let one through now; None: there were too many."""
    recent = tuple(each for each in announced if now.since(each) < WITHIN)
    return None if len(recent) >= MOST else (*recent, now)


def voice_of(text: str) -> str:
    """The voice that reads a text, by its script: the Chinese one reads English words among Chinese ones too."""
    return CHINESE if any("\u3400" <= letter <= "\u9fff" or letter >= "\U00020000" for letter in text) else ENGLISH
