"""The five files of a rules folder, each as the tables that it may hold. Shapes only; put together they are `Rules`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.rules.shapes import (
    MOST_PEOPLE,
    MOST_POLICIES,
    Contact,
    Group,
    Policy,
    Procedure,
    Rota,
    SiteContact,
)
from protocol.site.schema import Calendar

MAX_FILE_BYTES: Final = 8 * 1024 * 1024
"""One file of the folder: a site's contact takes some 150 bytes, and a bank has at most 20,000."""


class PoliciesFile(msgspec.Struct, frozen=True, kw_only=True):
    """policies.toml: who is told when."""

    policy: Annotated[tuple[Policy, ...], Meta(max_length=MOST_POLICIES)] = ()


class RotasFile(msgspec.Struct, frozen=True, kw_only=True):
    """rotas.toml: whose turn it is, and who answers together."""

    rota: Annotated[tuple[Rota, ...], Meta(max_length=200)] = ()
    group: Annotated[tuple[Group, ...], Meta(max_length=200)] = ()


class ContactsFile(msgspec.Struct, frozen=True, kw_only=True):
    """contacts.toml: where a person and a site's contact are reached."""

    contact: Annotated[tuple[Contact, ...], Meta(max_length=MOST_PEOPLE)] = ()
    site: Annotated[tuple[SiteContact, ...], Meta(max_length=20_000)] = ()


class ProceduresFile(msgspec.Struct, frozen=True, kw_only=True):
    """procedures.toml: what is to be done."""

    procedure: Annotated[tuple[Procedure, ...], Meta(max_length=500)] = ()


class CalendarFile(msgspec.Struct, frozen=True, kw_only=True):
    """calendar.toml: days off and weekends that are worked, as in bank.toml."""

    calendar: Calendar = Calendar()


FILES: Final[Mapping[str, type[msgspec.Struct]]] = MappingProxyType(
    {
        "policies.toml": PoliciesFile,
        "rotas.toml": RotasFile,
        "contacts.toml": ContactsFile,
        "procedures.toml": ProceduresFile,
        "calendar.toml": CalendarFile,
    }
)
