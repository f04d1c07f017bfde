"""Who may look at which picture: DOMAIN section 4's three grades as one function. Pure.

Leaders, the security department and those who check look at everything their unit has. An operator has one standing
exception: what belongs to an alarm that nobody has yet or that the operator holds. Everybody sees the still that was
asked for in their own name. Flow: the desk -> here, behind storage/evidence.py, which knows units and withheld duress.
"""

from dataclasses import dataclass
from typing import Final

from collector.people import Person, PersonRole
from collector.storage.evidence import EvidenceRow
from collector.storage.records import OPEN_STATES, AlarmState

ALWAYS: Final = frozenset(
    {
        PersonRole.SHIFT_LEADER,
        PersonRole.CENTRE_DIRECTOR,
        PersonRole.SECURITY_OFFICER,
        PersonRole.REVIEWER,
        PersonRole.AUDITOR,
    }
)
"""Grades 1 and 2 (leaders, security department), and those who check their work."""

_STILLS: Final = frozenset({"still", "reference"})


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """What a piece belongs to: alarms as (state, holder), or the person who asked for it."""

    alarms: tuple[tuple[AlarmState, str | None], ...] = ()
    asked_by: str = ""


def may_look(person: Person, row: EvidenceRow, belonging: Belonging) -> bool:
    """Whether a person who sees this row may see its picture."""
    if not ALWAYS.isdisjoint(person.roles):
        return True
    if row.request:
        return belonging.asked_by == person.id and row.kind in _STILLS
    if PersonRole.OPERATOR in person.roles:
        return any(state in OPEN_STATES and holder in (None, person.id) for state, holder in belonging.alarms)
    # A field engineer mends cameras: the two pictures of a picture fault are the fault.
    return PersonRole.ENGINEER in person.roles and row.about.startswith("camera.") and row.kind in _STILLS
