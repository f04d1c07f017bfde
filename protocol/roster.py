"""The roster: which people's keys a box obeys, and for what (docs/trust.md 4.1 and 4.3). Shapes and their own rules.

It travels inside a site bundle only, so whoever holds one has checked its signatures. Pure: what a roster is worth at
a moment (its end, hours) is decided where orders are taken.
"""

from base64 import b64decode
from binascii import Error as BinasciiError
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import Meta

from protocol.messages import Id, Seq, Time

MAX_PEOPLE: Final = 500
"""Key holders that one box obeys; a city branch has some fifty."""

MAX_KEYS: Final = 8
"""Keys of one person: two authenticators, two key files, and their successors."""


class Right(StrEnum):
    """What a key may approve."""

    ARM = "arm"
    DISARM = "disarm"
    BYPASS = "bypass"
    UNLOCK = "unlock"
    LOCK = "lock"
    OUTPUT = "output"
    RESET_LATCH = "reset_latch"
    RUN_TEST = "run_test"
    SILENCE = "silence"
    ANNOUNCE = "announce"
    SITE_FILE = "site_file"
    READMIT = "readmit"


class PersonKeyError(Exception):
    """A text is no public key that a roster can hold."""


class PersonKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One public key of a person; `rp_id` and `origin` belong to `webauthn` alone (WIRE 4.4)."""

    id: Id
    kind: Literal["key_file", "webauthn"]
    public_key: Annotated[str, Meta(min_length=1, max_length=512)]  # base64 of the SubjectPublicKeyInfo
    may: Annotated[tuple[Right, ...], Meta(max_length=len(Right))]
    rp_id: Annotated[str, Meta(max_length=253)] = ""
    origin: Annotated[str, Meta(max_length=512)] = ""
    credential: Annotated[str, Meta(max_length=1400)] = ""  # webauthn: the credential's id, base64url, for browsers
    duress: bool = False  # obeys outwardly and raises zone.duress


class Duty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and when a person may give orders; none named: no limit of that sort."""

    partitions: Annotated[tuple[Id, ...], Meta(max_length=32)] = ()
    hours: Annotated[str, Meta(pattern=r"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}\Z")] | None = None
    """In the site's time zone; over midnight where the second time is the earlier one."""
    days: Literal["all", "working", "free"] = "all"


class RosterPerson(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person whom a box obeys."""

    id: Id
    name: Annotated[str, Meta(max_length=64)]
    roles: Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=16)]
    keys: Annotated[tuple[PersonKey, ...], Meta(max_length=MAX_KEYS)]
    unit: Annotated[str, Meta(max_length=255)] = ""  # of the bank's tree; orders only for sites at or below
    duty: Annotated[tuple[Duty, ...], Meta(max_length=16)] = ()
    """Operators give orders within these alone; other roles everywhere where they have none."""


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody whom a box obeys, until when; an order names the version that its approvers stood in."""

    version: Seq
    not_after: Time
    people: Annotated[tuple[RosterPerson, ...], Meta(max_length=MAX_PEOPLE)]


def read_person_key(text: str) -> EllipticCurvePublicKey:
    """The key that `public_key` holds.

    Raises:
        PersonKeyError: no base64, no public key, or not on P-256.
    """
    try:
        der = b64decode(text.encode("ascii"), validate=True)
    except (BinasciiError, UnicodeEncodeError, ValueError):
        raise PersonKeyError("no base64") from None
    try:
        key = load_der_public_key(der)
    except Exception:  # noqa: BLE001 - the library raises more than it promises
        raise PersonKeyError("no public key") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise PersonKeyError("no P-256 key")
    return key


def roster_fault(roster: Roster) -> str:
    """What is wrong with a roster as a whole, for logs; empty where nothing is.

    A key under two names would let one person count as two.
    """
    if len({person.id for person in roster.people}) < len(roster.people):
        return "a person stands twice in the roster"
    seen: set[tuple[int, int]] = set()
    for person in roster.people:
        if len({key.id for key in person.keys}) < len(person.keys):
            return f"two keys of {person.id} have one name"
        for key in person.keys:
            try:
                numbers = read_person_key(key.public_key).public_numbers()
            except PersonKeyError as error:
                return f"key {key.id} of {person.id}: {error}"
            if (numbers.x, numbers.y) in seen:
                return f"key {key.id} of {person.id} stands twice in the roster"
            seen.add((numbers.x, numbers.y))
            if (bool(key.rp_id), bool(key.origin)) != (key.kind == "webauthn",) * 2:
                return f"key {key.id} of {person.id}: rp_id and origin belong to webauthn, both of them"
    return ""
