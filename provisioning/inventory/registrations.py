"""Keys that people registered at the desk, on their way into people.toml. Pure; decides, asks nobody.

The file comes from the centre, which is trusted with nothing: what counts is that a person reads the fingerprint aloud.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec

from protocol.registration import MAX_REGISTRATIONS_BYTES, Registration, Registrations, spoken_key
from protocol.roster import MAX_KEYS, Right
from protocol.settings import did_you_mean
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.inventory.files import KeyTable
from provisioning.inventory.folder import PEOPLE
from provisioning.inventory.people_checks import key_problems
from provisioning.inventory.shapes import PersonEntry
from provisioning.refusal import RefusedError

_PLACE: Final = re.compile(r"at `(\$[^`]*)`$")


class RegistrationsError(RefusedError):
    """The file cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A registration that may be accepted, or why not."""

    registration: Registration
    number: int
    """Its place in the file, from 1."""
    fault: Said | None = None
    known: bool = False
    """The very key stands there already: nothing to do."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, hex."""
        return sha256(b64decode(self.registration.public_key)).hexdigest()

    @property
    def spoken(self) -> str:
        """The fingerprint as the desk shows it and people read it to each other."""
        return spoken_key(b64decode(self.registration.public_key))


def read_registrations(raw: bytes, file: str) -> tuple[Registration, ...]:
    """What the desk wrote.

    Raises:
        RegistrationsError: too large, or another shape.
    """
    if len(raw) > MAX_REGISTRATIONS_BYTES:
        raise RegistrationsError(
            N_("{file} is larger than {limit} KiB"), file=file, limit=MAX_REGISTRATIONS_BYTES // 1024
        )
    try:
        return msgspec.json.decode(raw, type=Registrations).registrations
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise RegistrationsError(
            N_("{file} is no list of registrations: {place} is missing or not what it should be"),
            file=file,
            place=place[1] if place else "$",
        ) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise RegistrationsError(N_("{file} is no JSON, or not all of it"), file=file) from None


def weigh(registration: Registration, number: int, people: Mapping[str, PersonEntry]) -> Weighed:
    """Whether this key may be entered, as far as a program can tell."""
    return Weighed(
        registration=registration,
        number=number,
        fault=_fault(registration, people),
        known=_owner(registration, people) == registration.person,
    )


def new_key_id(person: str, taken: frozenset[str]) -> str:
    """`zhang-wei-2` after `zhang-wei-1`."""
    stem = person[:28].rstrip("-")
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def table_of(registration: Registration, key_id: str, may: tuple[Right, ...]) -> dict[str, Any]:
    """The `[[person.key]]` that is entered."""
    table: dict[str, Any] = {
        "id": key_id,
        "kind": registration.kind,
        "public_key": registration.public_key,
        "may": [right.value for right in may],
    }
    if registration.kind == "webauthn":
        table |= {"rp_id": registration.rp_id, "origin": registration.origin}
    if registration.credential:
        table["credential"] = registration.credential
    return table


def _fault(registration: Registration, people: Mapping[str, PersonEntry]) -> Said | None:
    person = people.get(registration.person)
    if person is None:
        fault = said('person "{name}" is not defined in {file}', name=registration.person, file=PEOPLE)
        return did_you_mean(fault, registration.person, people)
    owner = _owner(registration, people)
    if owner is not None:
        if owner == person.id:
            return said("this key of {person} is in {file} already", person=owner, file=PEOPLE)
        return said("this key is that of {person}: no key counts for two people", person=owner)
    if len(person.in_roster.keys) >= MAX_KEYS:
        return said("{person} has {limit} keys already; take one out first", person=person.id, limit=MAX_KEYS)
    key = KeyTable(
        id=person.id,
        kind=registration.kind,
        public_key=registration.public_key,
        rp_id=registration.rp_id or None,
        origin=registration.origin or None,
        credential=registration.credential or None,
    )
    return next((fault for _, fault in key_problems(key)), None)


def _owner(registration: Registration, people: Mapping[str, PersonEntry]) -> str | None:
    for person in people.values():
        if any(key.public_key == registration.public_key for key in person.in_roster.keys):
            return person.id
    return None
