"""Numbers by which a hidden event could be missed: who reads events may not count them. Pure.

Duress is withheld from whoever acted under it (WIRE 4.6), and a number that is missing in the urgent lane says as much
as the event. Numbers of that lane are for auditors whom no box obeys; they prove with them, and nobody else does. The
others never see them: were they taken away with a duress, that would tell it. The box does so too (`agent/hidden.py`).
"""

from collections.abc import Mapping
from typing import Any, Final

from collector.console import shapes
from collector.people import Person, PersonRole
from collector.services import Services
from protocol.kinds import OPENED, Lane

_NUMBERS: Final = frozenset({"run", "seq", "hash", "from", "to", "first_prev", "last_hash", "counts"})
_MARK: Final = "ledger.mark"
_URGENT: Final = Lane.URGENT.value
_BOOK_KEEPING: Final = frozenset({_MARK, OPENED, "ledger.shed", "envelope.rejected"})


def proves(services: Services, person: Person) -> bool:
    """Whether this reader sees every number; asks the store of an auditor, so call it off the loop."""
    return PersonRole.AUDITOR in person.roles and not services.orders.is_obeyed(person)


def event(told: shapes.Event) -> shapes.Event:
    """An event without its place in the urgent lane, and without what tells how far that lane is."""
    hidden: dict[str, Any] = {"facts": _facts(told.kind, told.lane, told.facts)}
    if told.lane == _URGENT:
        hidden |= {"seq": 0, "hash": ""}
    return told.model_copy(update=hidden)


def box(told: shapes.Box) -> shapes.Box:
    """A box without the head of its urgent lane."""
    return told.model_copy(update={"heads": [head for head in told.heads if head.lane != _URGENT]})


def _facts(kind: str, lane: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    about = facts.get("lane", lane)
    if kind in _BOOK_KEEPING and (kind == _MARK or about == _URGENT):
        return {name: value for name, value in facts.items() if name not in _NUMBERS}
    return dict(facts)
