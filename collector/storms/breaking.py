"""What nothing ever keeps quiet: one question, asked before every other rule of shelters. Pure.

Class security breaks through storms, inhibition, flapping, shelving and maintenance, whatever its level; so does what
the centre says of itself and of the proof. Only a test that names its very point takes a security event.
"""

from typing import Final

from protocol.kinds import EventClass

UNTOUCHABLE: Final = ("incident.", "escalation.", "ledger.", "envelope.", "receiver.", "collector.")
"""Families of kinds that no shelter takes, not even a test; an incident may stand under a wider one of its cause."""


def breaks_through(kind: str, event_class: str) -> bool:
    """Whether this reaches people through every shelter but a test of its point."""
    return event_class == EventClass.SECURITY.value or is_untouchable(kind)


def is_untouchable(kind: str) -> bool:
    """Whether this reaches people through a test too."""
    return kind.startswith(UNTOUCHABLE)
