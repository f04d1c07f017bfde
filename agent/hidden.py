"""What nothing at the site may show: that somebody acts under duress. Data, and how its traces are taken out. Pure.

The event itself leaves for the centre like any other. Here its line, its place in every count, and the numbers of the
urgent lane by which a gap could be seen are left out. The store's own file is not hidden: whoever is root reads it.
Flow: history, health and the local socket ask here before they show anything.
"""

from collections.abc import Mapping
from typing import Any, Final

from protocol.kinds import OPENED, Lane

KINDS: Final = ("zone.duress", "zone.duress.restored")

SHOWN: Final = f"kind NOT IN ({', '.join('?' for _ in KINDS)})"
"""A condition on rows of the outbox; KINDS are its values."""

_NUMBERS: Final = frozenset({"run", "seq", "hash", "from", "to", "first_prev", "last_hash", "counts"})
_BOOK_KEEPING: Final = frozenset({"ledger.mark", OPENED, "ledger.shed", "envelope.rejected"})


def shown_facts(kind: str, lane: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """An event's facts without numbers of the urgent lane, which count what is hidden."""
    about = facts.get("lane", lane)
    if kind in _BOOK_KEEPING and (kind == "ledger.mark" or about == Lane.URGENT):
        return {name: value for name, value in facts.items() if name not in _NUMBERS}
    return dict(facts)
