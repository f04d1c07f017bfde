"""What only the whole of bank.toml and people.toml can tell: references, duplicates, keys, roles. Pure.

Each check yields `(path, sentence)`, as those of a site do (protocol/site/checks.py).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations
from typing import Final

from protocol.roster import PersonKeyError, read_person_key
from protocol.settings import Problem, did_you_mean
from protocol.site.checks import ways
from protocol.site.hours_checks import days, hours, limited
from protocol.texts import said
from provisioning.inventory.files import BankFile, KeyTable, PeopleFile, PersonTable, Role
from provisioning.inventory.known import Known

_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[0-9]{1,5})?")
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_-]+")
_ALONE: Final = frozenset({Role.ADMINISTRATOR})
_APART: Final = frozenset(
    {frozenset({Role.OPERATOR, Role.REVIEWER}), frozenset({Role.SECURITY_OFFICER, Role.REVIEWER})}
)
"""Roles that no one person has together: handler and reviewer, who gives orders and who reviews (DOMAIN section 4)."""


def bank_problems(bank: BankFile, known: Known) -> Iterator[Problem]:
    """Ways to the centre, units, schedules, the calendar."""
    for path, fault in ways(bank.centre.brokers, bank.centre.enrolment, bank.centre.evidence):
        yield ("centre", *path), fault
    for index, pin in enumerate(bank.provisioning):
        if pin in bank.provisioning[:index]:
            yield ("provisioning", index), said("this thumbprint is there already")
    units: set[str] = set()
    for index, unit in enumerate(bank.unit):
        if unit.path in units:
            yield ("unit", index, "path"), said('unit "{path}" is there already', path=unit.path)
        units.add(unit.path)
        for path, fault in key_holders(unit.responsible, known):
            yield ("unit", index, "responsible", *path), fault
    names: set[str] = set()
    for index, schedule in enumerate(bank.schedule):
        if schedule.name in names:
            yield ("schedule", index, "name"), said('schedule "{name}" is there already', name=schedule.name)
        names.add(schedule.name)
        for path, fault in hours(schedule):
            yield ("schedule", index, *path), fault
    for path, fault in days(bank.calendar) if bank.calendar else ():
        yield ("calendar", *path), fault


def people_problems(people: PeopleFile, known: Known) -> Iterator[Problem]:
    """A person stands once, a key with one person, and each key is one."""
    ids: set[str] = set()
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    credentials: dict[str, str] = {}
    for index, person in enumerate(people.person):
        place = ("person", index)
        if person.id in ids:
            yield (*place, "id"), said('person "{id}" is there already', id=person.id)
        ids.add(person.id)
        if fault := known.unit_fault(person.unit):
            yield (*place, "unit"), fault
        for path, fault in chain(_role_problems(person), _duty_problems(person)):
            yield (*place, *path), fault
        for number, key in enumerate(person.key):
            inner = (*place, "key", number)
            for path, fault in key_problems(key):
                yield (*inner, *path), fault
            if key.id in names:
                fault = said('key id "{id}" is that of a key of {person} already', id=key.id, person=names[key.id])
                yield (*inner, "id"), fault
            if key.public_key in keys:
                yield (*inner, "public_key"), said("this key is one of {person} already", person=keys[key.public_key])
            if key.credential in credentials:
                fault = said("this credential is one of {person} already", person=credentials[key.credential])
                yield (*inner, "credential"), fault
            names.setdefault(key.id, person.id)
            keys.setdefault(key.public_key, person.id)
            if key.credential is not None:
                credentials.setdefault(key.credential, person.id)


def key_holders(ids: Iterable[str], known: Known) -> Iterator[Problem]:
    """Each is there, has a key, and is named once."""
    seen: set[str] = set()
    for index, each in enumerate(ids):
        if fault := known.holder_fault(each):
            yield (index,), fault
        elif each in seen:
            yield (index,), said('"{person}" is named twice', person=each)
        seen.add(each)


def _role_problems(person: PersonTable) -> Iterator[Problem]:
    for one, other in combinations(dict.fromkeys(person.roles), 2):
        if {one, other} in _APART or _ALONE & {one, other}:
            yield ("roles",), said("nobody is {one} and {other} at once", one=one.value, other=other.value)


def _duty_problems(person: PersonTable) -> Iterator[Problem]:
    for index, duty in enumerate(person.duty):
        if duty.hours is not None and (fault := limited(duty.hours)):
            yield ("duty", index, "hours"), fault
        for at, name in enumerate(duty.partitions):
            if name in duty.partitions[:at]:
                yield ("duty", index, "partitions", at), said('"{name}" is named twice', name=name)


def key_problems(key: KeyTable) -> Iterator[Problem]:
    """What is wrong with one key by itself."""
    try:
        read_person_key(key.public_key)
    except PersonKeyError:
        yield (
            ("public_key",),
            said("public_key must be a P-256 key: base64 of its SubjectPublicKeyInfo in DER"),
        )
    given: Mapping[str, str | None] = {"rp_id": key.rp_id, "origin": key.origin}
    for name, value in given.items():
        if key.kind == "key_file" and value is not None:
            yield (name,), said("{key} belongs to keys of kind webauthn", key=name)
        if key.kind == "webauthn" and value is None:
            yield (name,), said("a key of kind webauthn needs {key}", key=name)
    if key.credential is not None and key.kind == "key_file":
        yield ("credential",), said("{key} belongs to keys of kind webauthn", key="credential")
    elif key.credential is not None and not _CREDENTIAL.fullmatch(key.credential):
        yield ("credential",), said("credential must be base64url without padding, as the desk wrote it")
    if key.kind == "webauthn" and key.rp_id is not None and key.origin is not None:
        match = _ORIGIN.fullmatch(key.origin)
        if not match or (match[1] == "http" and match[2] != "localhost"):
            fault = said('origin must be like "https://desk.bank.example" or "http://localhost"')
            yield ("origin",), fault
        elif match[2] != key.rp_id and not match[2].endswith(f".{key.rp_id}"):
            fault = said('rp_id must be the host of origin or a domain above it, not "{rp_id}"', rp_id=key.rp_id)
            yield ("rp_id",), did_you_mean(fault, key.rp_id, [match[2]])
