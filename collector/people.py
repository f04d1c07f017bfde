"""People who may use the centre, as collector.toml names them: who they are, what they may do, how they prove it.

Pure but for argon2, which hashes passwords. A token is 256 random bits, so its plain SHA-256 is enough. Flow: made from
configuration, asked by the console at login and by the alarm service at every action.
"""

import hmac
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from hashlib import sha256

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.storage.records import Sight


class PersonRole(StrEnum):
    """What a person may be (DOMAIN 4)."""

    OPERATOR = "operator"  # handles alarms
    SHIFT_LEADER = "shift_leader"  # handles alarms, also those another holds
    CENTRE_DIRECTOR = "centre_director"  # answers for the desk; told when nobody else acts; never handles
    REVIEWER = "reviewer"  # reviews handling; never handles
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMINISTRATOR = "administrator"  # people, units, policies; handles nothing
    ENGINEER = "engineer"  # diagnoses
    SECURITY_OFFICER = "security_officer"  # answers for the guard of a unit's sites; brings site bundles


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person. `unit` is where it stands in the bank's tree; empty sees everything."""

    id: str
    name: str
    roles: frozenset[PersonRole]
    unit: str
    language: str

    @property
    def sight(self) -> Sight:
        """What this person may see."""
        return Sight(unit=self.unit, person=self.id)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """How a person proves who it is; either hash may be missing."""

    person: Person
    password_hash: str | None
    token_hash: str | None

    def __repr__(self) -> str:
        return f"Credentials({self.person.id}, ***)"


class People:
    """Everybody in collector.toml."""

    def __init__(self, entries: Iterable[Credentials]) -> None:
        self._entries = tuple(entries)
        self._by_id = {entry.person.id: entry for entry in self._entries}
        self._hasher = PasswordHasher()
        self._nobody = _nobody()

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All of them, in the order of the file."""
        return tuple(entry.person for entry in self._entries)

    def by_id(self, person_id: str) -> Person | None:
        """The person that a session belongs to; None once it was taken out of the configuration."""
        entry = self._by_id.get(person_id)
        return None if entry is None else entry.person

    def by_token(self, token: str) -> Person | None:
        """The person whose bearer token this is."""
        digest = token_hash(token)
        found = None
        for entry in self._entries:
            if entry.token_hash is not None and hmac.compare_digest(entry.token_hash, digest):
                found = entry.person
        return found

    def by_password(self, person_id: str, password: str) -> Person | None:
        """The person with this id and password. Takes some 50 ms on purpose: call it off the event loop."""
        entry = self._by_id.get(person_id)
        stored = entry.password_hash if entry is not None else None
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        return entry.person if entry is not None and stored else None


@cache
def _nobody() -> str:
    """Checked when the name is unknown, so that an answer takes as long whether or not the name exists."""
    return hash_password("nobody has this password")


def token_hash(token: str) -> str:
    """SHA-256 in hex, as `token_hash` of a `[[person]]` has it."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hash_password(password: str) -> str:
    """The argon2 text that `password_hash` of a `[[person]]` holds."""
    return PasswordHasher().hash(password)
