"""Who may give which order: roles, units and duty as tables and arithmetic on hours (docs/guarding.md 4.2). Pure.

Only what a person may; what a key may, stands in the roster (`may`), and both must allow it. Flow: a person whose
signature was checked -> `refusal` -> nothing, or the word why not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from protocol.orders import ACTIONS, WEAKENS
from protocol.roster import Duty, RosterPerson
from protocol.site.schema import Site

_EVERYTHING: Final = frozenset(ACTIONS)

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "security-officer": _EVERYTHING,
    "director": _EVERYTHING,
    "shift-leader": frozenset({"arm", "disarm", "silence", "lock", "reset_latch", "bypass", "run_test"}),
    "operator": frozenset({"arm", "disarm", "silence"}),
    "engineer": frozenset({"run_test", "output", "silence"}),
    "installer": frozenset({"run_test", "output", "silence"}),
}
"""What each role may order; a role that does not stand here, nothing."""

DUTY_ALONE: Final = frozenset({"operator"})
"""Roles that give orders within their duty only; the others everywhere, unless the roster limits them too."""

_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What time it is at the site, and whether that is believed."""

    local: datetime
    trusted: bool
    is_working_day: Callable[[date], bool]


def refusal(person: RosterPerson, site: Site, action: str, partitions: tuple[str, ...], when: When) -> str:
    """Why this person may not give this order here and now: `role`, `unit`, `duty`, `clock_suspect`; empty: may."""
    roles = {role for role in person.roles if action in ROLES.get(role, frozenset())}
    if not roles:
        return "role"
    if not at_or_above(person.unit, site.unit):
        return "unit"
    if not person.duty and roles - DUTY_ALONE:
        return ""
    return _off_duty(person.duty, action, partitions, when)


def at_or_above(unit: str, of: str) -> bool:
    """Whether a part of the bank's tree is this one or holds it; without a name it is the whole bank."""
    return not unit or of == unit or of.startswith(f"{unit}/")


def is_within(duty: Duty, when: When) -> bool:
    """Whether a duty's hours and days are now; a night belongs to the day on which it began."""
    began = when.local.date()
    if duty.hours is not None:
        begins, ends = (_minutes(text) for text in duty.hours.split("-"))
        if not (0 <= begins < _DAY_MINUTES and 0 <= ends <= _DAY_MINUTES):
            return False
        minute = when.local.hour * 60 + when.local.minute
        if begins < ends and not begins <= minute < ends:
            return False
        if ends <= begins:
            if ends <= minute < begins:
                return False
            began -= timedelta(days=1 if minute < ends else 0)
    return duty.days == "all" or when.is_working_day(began) is (duty.days == "working")


def _off_duty(duties: tuple[Duty, ...], action: str, partitions: tuple[str, ...], when: When) -> str:
    def covered(by: Callable[[Duty], bool]) -> bool:
        duties_now = [duty for duty in duties if by(duty)]
        return all(any(_is_for(duty, action, place) for duty in duties_now) for place in partitions or ("",))

    if not covered(lambda _: True):
        return "duty"
    if when.trusted:
        return "" if covered(lambda duty: is_within(duty, when)) else "duty"
    # A clock that is not believed neither gives nor takes rights: what takes protection away waits, the rest goes on.
    if action in WEAKENS and not covered(lambda duty: duty.hours is None and duty.days == "all"):
        return "clock_suspect"
    return ""


def _is_for(duty: Duty, action: str, place: str) -> bool:
    """Whether a duty is for this partition; empty is what stands outside of all, like a light, or every siren."""
    return not duty.partitions or place in duty.partitions or (not place and action == "silence")


def _minutes(text: str) -> int:
    """Minutes since midnight; -1 where there is no such time."""
    hours, minutes = int(text[:2]), int(text[3:])
    return hours * 60 + minutes if minutes < 60 else -1
