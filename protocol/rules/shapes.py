"""The rules as they are written and kept: policies, rotas, contacts, procedures, calendar. Shapes only.

What makes sense together is judged by the collector; the page for those who write them is docs/escalation.md. Flow: a
folder of TOML -> `Rules` -> one row of `rules` -> escalation, procedures, notices; `provision check` reads the same.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocol.ids import ID_PATTERN
from protocol.site.schema import Calendar
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOST_POLICIES: Final = 200
MOST_STEPS: Final = 40
MOST_TARGETS: Final = 20
MOST_PEOPLE: Final = 5_000

Id = Annotated[str, Meta(pattern=ID_PATTERN, description=N_("lower-case letters, digits and dashes, at most 32"))]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Target = Annotated[
    str,
    Meta(
        pattern=r"^(desk|holder|site/(contact|security_officer)|(person|role|rota|group|receiver)/[a-z0-9][a-z0-9_-]{0,31})$",
        description=N_(
            '"desk", "holder", "site/contact", "site/security_officer", "role/shift_leader", "rota/NAME", '
            '"group/NAME", "person/ID", "receiver/ID"'
        ),
    ),
]
Hours = Annotated[
    str,
    Meta(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description=N_('hours like "20:00-08:00", on the clock of the site'),
    ),
]
Level = Annotated[int, Meta(ge=1, le=5)]
Address = Annotated[str, Meta(min_length=3, max_length=128)]


class When(msgspec.Struct, frozen=True, kw_only=True):
    """Which alarms a policy or procedure is for; what is not named fits all. The most specific unit wins."""

    unit: Annotated[str, Meta(max_length=256)] = ""
    levels: Annotated[tuple[Level, ...], Meta(max_length=5)] = ()
    hours: Hours | None = None
    kinds: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    sites: Annotated[tuple[Id, ...], Meta(max_length=1000)] = ()


class PolicyStep(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to tell, and when after the opening. `by`: names of channels, tried in this order."""

    after: timedelta
    tell: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=MOST_TARGETS)]
    by: Annotated[tuple[Id, ...], Meta(max_length=8)] = ()
    only_kinds: Annotated[tuple[str, ...], Meta(max_length=100)] = ()


class Until(StrEnum):
    """What ends a chain."""

    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    RESOLVED = "resolved"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`[[policy]]`. `repeat`: the last step again, so long after the one before, `times` times (0: until it ends)."""

    name: Name
    when: When = When()
    step: Annotated[tuple[PolicyStep, ...], Meta(min_length=1, max_length=MOST_STEPS)]
    repeat: timedelta | None = timedelta(minutes=5)
    times: Annotated[int, Meta(ge=0, le=1000)] = 0
    until: Until = Until.ACKNOWLEDGED


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """`[[rota.turn]]`: who has it, one after the other."""

    people: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=20)]


class Rota(msgspec.Struct, frozen=True, kw_only=True):
    """`[[rota]]`: turns of `length`, each beginning at `handover` on the clock of `timezone`, the first on `begins`."""

    name: Id
    begins: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$", description=N_("a date like 2026-12-31"))]
    handover: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description=N_('a time of day like "08:00"'))]
    length: timedelta = timedelta(days=1)
    timezone: Annotated[str, Meta(max_length=64)] = "Asia/Shanghai"
    turn: Annotated[tuple[Turn, ...], Meta(min_length=1, max_length=400)]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """`[[group]]`: people told together; with `need = "all"` the chain goes on until each of them has answered."""

    name: Id
    members: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=100)]
    need: Literal["one", "all"] = "one"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """`[[contact]]`: where a person of collector.toml is reached: channel -> address; `order`: which first."""

    person: Id
    reach: Annotated[dict[Id, Address], Meta(min_length=1, max_length=8)]
    order: Annotated[tuple[Id, ...], Meta(max_length=8)] = ()
    language: Literal["zh", "en"] = "zh"


class SiteContact(msgspec.Struct, frozen=True, kw_only=True):
    """`[[site]]`: whom to reach at a site, or at every site of a unit, and who answers for its guard.

    Who follows up (DOMAIN 3): `responsible` level 1, `functional` level 2 (people of these departments; without them
    the security officers), `follow_up` levels 3-5.
    """

    site: Id | None = None
    unit: Annotated[str, Meta(max_length=256)] = ""
    name: Annotated[str, Meta(max_length=64)] = ""
    reach: Annotated[dict[Id, Address], Meta(max_length=8)] = {}
    security_officers: Annotated[tuple[Id, ...], Meta(max_length=20)] = ()
    responsible: Annotated[tuple[Id, ...], Meta(max_length=20)] = ()
    functional: Annotated[tuple[Id, ...], Meta(max_length=20)] = ()
    follow_up: Literal["desk", "outlet"] = "desk"
    language: Literal["zh", "en"] = "zh"


class StepKind(StrEnum):
    """What a step of a procedure asks for."""

    LOOK = "look"  # at a camera
    CALL = "call"  # a number
    SPEAK = "speak"  # to the branch
    DISPATCH = "dispatch"  # send somebody
    POLICE = "police"  # tell the police desk: number, person, time, result
    NOTE = "note"  # write something down
    WAIT = "wait"  # for so long


class ProcedureStep(msgspec.Struct, frozen=True, kw_only=True):
    """`[[procedure.step]]`: `text` says it to the operator; the rest is what the kind needs."""

    kind: StepKind
    text: Annotated[str, Meta(min_length=1, max_length=500)]
    required: bool = True
    camera: Annotated[str, Meta(max_length=32)] = ""
    number: Annotated[str, Meta(max_length=32)] = ""
    wait: timedelta | None = None


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """`[[procedure]]`: the most specific one is taken: sites, then kinds, then hours, then unit."""

    name: Name
    when: When = When()
    step: Annotated[tuple[ProcedureStep, ...], Meta(min_length=1, max_length=MOST_STEPS)]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rules folder says."""

    policy: Annotated[tuple[Policy, ...], Meta(max_length=MOST_POLICIES)] = ()
    rota: Annotated[tuple[Rota, ...], Meta(max_length=200)] = ()
    group: Annotated[tuple[Group, ...], Meta(max_length=200)] = ()
    contact: Annotated[tuple[Contact, ...], Meta(max_length=MOST_PEOPLE)] = ()
    site: Annotated[tuple[SiteContact, ...], Meta(max_length=20_000)] = ()
    procedure: Annotated[tuple[Procedure, ...], Meta(max_length=500)] = ()
    calendar: Calendar = Calendar()
