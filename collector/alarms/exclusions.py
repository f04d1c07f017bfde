"""Which roles exclude each other (DOMAIN 4), as one table. Data and two questions; decides nothing else.

Asked when collector.toml is read and at every move. What one person may not do on one alarm (its handler does not
review it) stands with the moves, in `lifecycle.py`.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from collector.people import PersonRole
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HANDLERS: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})
"""Who takes alarms in hand (经办)."""
ORDER_GIVERS: Final = frozenset({PersonRole.SECURITY_OFFICER})
"""Whose role it is to arm and disarm from afar; handlers may draft too, and are in the row above."""
EVERYBODY: Final = frozenset(PersonRole)


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody has a role of the one side and a role of the other."""

    one: frozenset[PersonRole]
    other: frozenset[PersonRole]
    why: str


EXCLUSIONS: Final = (
    Exclusion(
        one=frozenset({PersonRole.ADMINISTRATOR}),
        other=EVERYBODY - {PersonRole.ADMINISTRATOR},
        why=N_("an administrator has no other role"),
    ),
    Exclusion(
        one=frozenset({PersonRole.AUDITOR}),
        other=EVERYBODY - {PersonRole.AUDITOR, PersonRole.ADMINISTRATOR},
        why=N_("whoever audits changes nothing, and so has no other role"),
    ),
    Exclusion(
        one=frozenset({PersonRole.REVIEWER}), other=HANDLERS, why=N_("whoever handles alarms does not review them")
    ),
    Exclusion(
        one=frozenset({PersonRole.REVIEWER}), other=ORDER_GIVERS, why=N_("whoever gives orders does not review them")
    ),
)


def excluded(roles: Iterable[PersonRole]) -> Iterator[Exclusion]:
    """The rows that a person with these roles would break."""
    held = frozenset(roles)
    for row in EXCLUSIONS:
        if held & row.one and held & row.other:
            yield row


def may_be_together(roles: Iterable[PersonRole]) -> bool:
    """Whether one person may have all of these."""
    return next(excluded(roles), None) is None
