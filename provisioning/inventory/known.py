"""The names by which the inventory's files refer to each other, and what is said of one that nobody knows. Pure.

Taken from the files as they were read, faulty entries too: a slip in one person's key is no reason to call that person
unknown in two hundred sites. Of a file that could not be read at all nothing is unknown; its own fault is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from protocol.settings import did_you_mean
from protocol.site.defaults import TEMPLATES
from protocol.texts import Said, said
from provisioning.inventory.folder import BANK, PEOPLE, Folder, Read


@dataclass(frozen=True, kw_only=True)
class Known:
    """What may be named; None: nobody can tell."""

    people: frozenset[str] | None
    key_holders: frozenset[str]
    units: frozenset[str] | None
    """Those of bank.toml and every one above them."""
    schedules: frozenset[str] | None
    templates: frozenset[str]
    sites: frozenset[str]

    def person_fault(self, name: str) -> Said | None:
        """Nobody of that name."""
        if self.people is None or name in self.people:
            return None
        fault = said('person "{name}" is not defined in {file}', name=name, file=PEOPLE)
        return did_you_mean(fault, name, self.people)

    def holder_fault(self, name: str) -> Said | None:
        """Nobody of that name, or without a key."""
        if self.people is None or name in self.key_holders:
            return None
        keyless = said('"{person}" has no key: whom a box should obey needs one in {file}', person=name, file=PEOPLE)
        return self.person_fault(name) or keyless

    def unit_fault(self, path: str) -> Said | None:
        """No such unit."""
        if self.units is None or path in self.units:
            return None
        fault = said('unit "{path}" is not defined in {file}', path=path, file=BANK)
        return did_you_mean(fault, path, self.units)

    def site_fault(self, name: str) -> Said | None:
        """No such site."""
        if name in self.sites:
            return None
        return did_you_mean(said('site "{name}" is not defined', name=name), name, self.sites)

    def schedule_fault(self, name: str) -> Said | None:
        """No such schedule."""
        if self.schedules is None or name in self.schedules:
            return None
        fault = said('schedule "{name}" is not defined in {file}', name=name, file=BANK)
        return did_you_mean(fault, name, self.schedules)

    def template_fault(self, name: str) -> Said | None:
        """No such template."""
        if name in self.templates:
            return None
        return did_you_mean(said('template "{name}" is not defined', name=name), name, self.templates)


def known_in(folder: Folder) -> Known:
    """What the files of a folder name."""
    people = list(_rows(folder.people, "person"))
    units = _texts(_rows(folder.bank, "unit"), "path")
    return Known(
        people=frozenset(_texts(people, "id")) if folder.people.sound else None,
        key_holders=frozenset(_texts((row for row in people if row.get("key")), "id")),
        units=frozenset(each for path in units for each in upwards(path)) if folder.bank.sound else None,
        schedules=frozenset(_texts(_rows(folder.bank, "schedule"), "name")) if folder.bank.sound else None,
        templates=frozenset(folder.templates) | frozenset(TEMPLATES),
        sites=frozenset(folder.sites),
    )


def upwards(unit: str) -> Iterator[str]:
    """A unit and every one above it, nearest first."""
    while unit:
        yield unit
        unit = unit.rpartition("/")[0]


def _rows(read: Read, key: str) -> Iterator[dict[str, Any]]:
    rows = read.data.get(key)
    return (row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict))


def _texts(rows: Iterator[dict[str, Any]] | list[dict[str, Any]], key: str) -> Iterator[str]:
    return (text for row in rows if isinstance(text := row.get(key), str))
