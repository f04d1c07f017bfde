"""What the inventory can tell of the centre's rules: that their units and sites are there. Pure.

People and channels stand in collector.toml, so `collector rules check` judges those, and what makes a policy whole.
Each check yields `(path, sentence)`. Flow: loading.py -> here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from protocol.rules.files import CalendarFile, ContactsFile, PoliciesFile, ProceduresFile
from protocol.rules.shapes import Policy, Procedure
from protocol.settings import Problem
from protocol.site.hours_checks import days
from protocol.texts import said
from provisioning.inventory.known import Known

Check = Callable[[Any, Known], Iterable[Problem]]


def _policies(file: PoliciesFile, known: Known) -> Iterator[Problem]:
    yield from _when("policy", file.policy, known)


def _procedures(file: ProceduresFile, known: Known) -> Iterator[Problem]:
    yield from _when("procedure", file.procedure, known)


def _when(table: str, rows: Iterable[Policy | Procedure], known: Known) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        place = (table, index, "when")
        if row.when.unit and (fault := known.unit_fault(row.when.unit)):
            yield (*place, "unit"), fault
        for number, site in enumerate(row.when.sites):
            if fault := known.site_fault(site):
                yield (*place, "sites", number), fault


def _contacts(file: ContactsFile, known: Known) -> Iterator[Problem]:
    for index, row in enumerate(file.site):
        if row.site and (fault := known.site_fault(row.site)):
            yield ("site", index, "site"), fault
        if row.unit and (fault := known.unit_fault(row.unit)):
            yield ("site", index, "unit"), fault
        if bool(row.site) == bool(row.unit):
            yield ("site", index, "unit"), said("name a site or a unit, one of the two")


def _calendar(file: CalendarFile, _: Known) -> Iterator[Problem]:
    for path, fault in days(file.calendar):
        yield ("calendar", *path), fault


def _nothing(_: object, __: Known) -> Iterable[Problem]:
    return ()


CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "policies.toml": _policies,
        "rotas.toml": _nothing,
        "contacts.toml": _contacts,
        "procedures.toml": _procedures,
        "calendar.toml": _calendar,
    }
)
