"""The inventory's files as types (docs/trust.md section 3). Shapes and single values; `*_checks.py` judge the whole.

`SiteFile` is a site file with what only the inventory knows. Templates are judged as one of which parts are missing.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocol.bundle import MAX_PINS
from protocol.ids import HASH_PATTERN
from protocol.roster import MAX_KEYS, MAX_PEOPLE, Right
from protocol.site.schema import Address, Calendar, Hours, Id, Opening, Site
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_PEOPLE_IN_BANK: Final = 10_000
"""`[[person]]` of people.toml; the largest city bank has some 4,000 who deal with security."""

MAX_UNITS: Final = 5_000
"""`[[unit]]` of bank.toml: one for each outlet of a provincial bank, at most."""

MAX_ROSTER_DAYS: Final = 30
"""WIRE 3.4: whoever left loses what the box still believes after this time at the latest."""

UnitPath = Annotated[
    str,
    Meta(
        max_length=255,
        pattern=r"^[^/\s]([^/]*[^/\s])?(/[^/\s]([^/]*[^/\s])?){0,15}$",
        description=N_('units from the top down with / between them, like "Branch/West"'),
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=64)]
Thumbprint = Annotated[
    str, Meta(pattern=HASH_PATTERN, description=N_("64 hex digits: SHA-256 of the SubjectPublicKeyInfo"))
]


class Role(StrEnum):
    """What a person is (DOMAIN section 4)."""

    INSTALLER = "installer"
    ENGINEER = "engineer"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    SHIFT_LEADER = "shift-leader"
    DIRECTOR = "director"
    SECURITY_OFFICER = "security-officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[unit]]`: a part of the bank, and who answers for every site at or below it."""

    path: UnitPath
    responsible: Annotated[tuple[Id, ...], Meta(max_length=32)] = ()


class Schedule(Opening, frozen=True, kw_only=True):
    """One `[[schedule]]`: opening hours that many sites share."""

    name: Text


class BankCentre(msgspec.Struct, frozen=True, kw_only=True):
    """How every box reaches the centre."""

    brokers: Annotated[tuple[Address, ...], Meta(min_length=1, max_length=2)]
    enrolment: Address | None = None
    evidence: Address | None = None  # where pictures and clips are taken


class BankFile(msgspec.Struct, frozen=True, kw_only=True):
    """bank.toml."""

    name: Text
    centre: BankCentre
    roster_days: Annotated[int, Meta(ge=1, le=MAX_ROSTER_DAYS)] = MAX_ROSTER_DAYS
    provisioning: Annotated[tuple[Thumbprint, ...], Meta(max_length=MAX_PINS)] = ()
    unit: Annotated[tuple[Unit, ...], Meta(max_length=MAX_UNITS)] = ()
    schedule: Annotated[tuple[Schedule, ...], Meta(max_length=200)] = ()
    calendar: Calendar | None = None
    """What every site's own `[calendar]` stands on."""


class KeyTable(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[person.key]]`."""

    id: Id
    kind: Literal["key_file", "webauthn"]
    public_key: Annotated[str, Meta(min_length=1, max_length=512)]
    may: Annotated[tuple[Right, ...], Meta(max_length=len(Right))] = ()
    rp_id: Annotated[str, Meta(min_length=1, max_length=253)] | None = None
    origin: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    credential: Annotated[str, Meta(min_length=1, max_length=1400)] | None = None
    duress: bool = False


class DutyTable(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[person.duty]]`: where and when a person may give orders; none named: no limit of that sort."""

    partitions: Annotated[tuple[Id, ...], Meta(max_length=32)] = ()
    hours: Hours | None = None
    days: Literal["all", "working", "free"] = "all"


class PersonTable(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[person]]`."""

    id: Id
    name: Text
    unit: UnitPath
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=len(Role))]
    phone: Annotated[str, Meta(max_length=32)] = ""
    key: Annotated[tuple[KeyTable, ...], Meta(max_length=MAX_KEYS)] = ()
    duty: Annotated[tuple[DutyTable, ...], Meta(max_length=16)] = ()


class PeopleFile(msgspec.Struct, frozen=True, kw_only=True):
    """people.toml."""

    person: Annotated[tuple[PersonTable, ...], Meta(max_length=MAX_PEOPLE_IN_BANK)] = ()


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[contact]]`: a person whom escalation tells."""

    person: Id


class SiteFile(Site, frozen=True, kw_only=True):
    """sites/<site>.toml with its template and the bank's settings in it."""

    box: Id | None = None
    schedule: Text | None = None
    responsible: Annotated[tuple[Id, ...], Meta(max_length=32)] | None = None
    roster: Annotated[tuple[Id, ...], Meta(max_length=MAX_PEOPLE)] | None = None
    contact: Annotated[tuple[Contact, ...], Meta(max_length=32)] = ()


class BoxFile(msgspec.Struct, frozen=True, kw_only=True):
    """boxes/<box>.toml: the public keys of an enrolled box, as `provision boxes accept` writes them."""

    signing: Thumbprint
    sealing_key: Annotated[str, Meta(min_length=1, max_length=512)]  # base64 of the SubjectPublicKeyInfo (DER), P-256
    site: Id | None = None
    at: Annotated[str, Meta(max_length=32)] = ""  # when it was accepted; for people


INVENTORY_ONLY: Final = ("box", "template", "schedule", "responsible", "roster", "contact")
"""Keys of a site file that no box is told of."""

NOT_IN_TEMPLATES: Final = ("id", "name", "box")
"""What two sites cannot share."""
