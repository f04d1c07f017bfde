"""`[[receiver]]` of collector.toml, and the table of sites that it may name: strict and typed. Reads no file.

Flow: collector/config.py -> here; loading.py makes receivers of it.
"""

import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.ids import ID_PATTERN
from protocol.settings import Problem, did_you_mean
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said

MAX_RECEIVERS: Final = 16
MAX_SITES: Final = 20_000
SUPERVISION: Final = (timedelta(seconds=10), timedelta(hours=25))
"""How often a receiver is asked whether it is there: what EN 50136-1 calls SP6 to SP1."""

Id = Annotated[str, Meta(pattern=ID_PATTERN, description=N_("lower-case letters, digits and dashes, at most 32"))]
Address = Annotated[
    str,
    Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$", description=N_('an address like "127.0.0.1:8080"')),
]
Account = Annotated[str, Meta(pattern=r"^[0-9A-F]{3,16}$", description=N_("3 to 16 hex digits in capitals"))]
Number = Annotated[str, Meta(pattern=r"^[0-9A-F]{1,6}$", description=N_("1 to 6 hex digits in capitals"))]


class Token(StrEnum):
    """What a receiver reads."""

    CONTACT_ID = "ADM-CID"
    SIA = "SIA-DCS"


class ReceiverSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[[receiver]]`: where alarms are reported to; `account` is that of every site the table `sites` does not name."""

    id: Id
    addresses: Annotated[tuple[Address, ...], Meta(min_length=1, max_length=2)]
    account: Account
    token: Token = Token.CONTACT_ID
    receiver: Number = "0"
    prefix: Number = "0"
    key_file: str | None = None
    supervision: timedelta = timedelta(minutes=3)
    timestamps: bool = True
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    sites: str | None = None


class SiteAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`[[site]]` of the table: the account a site has at the receiver, and the numbers of its points there."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    account: Account
    area: Annotated[int, Meta(ge=0, le=99)] = 0
    points: dict[str, Annotated[int, Meta(ge=0, le=999)]] = {}


class SiteTable(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table."""

    site: Annotated[tuple[SiteAccount, ...], Meta(max_length=MAX_SITES)] = ()


def receiver_faults(receivers: Iterable[ReceiverSettings]) -> Iterator[Problem]:
    """What only the whole tells."""
    ids: set[str] = set()
    for index, receiver in enumerate(receivers):
        at: tuple[str, int] = ("receiver", index)
        if receiver.id and receiver.id in ids:
            yield (*at, "id"), said('there are two receivers with the id "{id}"', id=receiver.id)
        ids.add(receiver.id)
        for number, address in enumerate(receiver.addresses):
            if address and not 0 < int(address.rpartition(":")[2]) < 65536:
                yield (*at, "addresses", number), said("a port is from 1 to 65535")
        if len({address.lower() for address in receiver.addresses}) < len(receiver.addresses):
            yield (*at, "addresses"), said("the second address is the first one; name another receiver or line")
        if receiver.key_file and not receiver.timestamps:
            yield (*at, "timestamps"), said("enciphered messages bear a time: leave timestamps at true")
        if not SUPERVISION[0] <= receiver.supervision <= SUPERVISION[1]:
            yield (*at, "supervision"), said("supervision is from 10 seconds to 25 hours")
        if receiver.timezone and not _is_zone(receiver.timezone):
            fault = said('time zone "{name}" is not known', name=receiver.timezone)
            yield (*at, "timezone"), did_you_mean(fault, receiver.timezone, zoneinfo.available_timezones())


def site_faults(table: SiteTable) -> Iterator[Problem]:
    """Sites that are named twice."""
    ids: set[str] = set()
    for index, site in enumerate(table.site):
        if site.id and site.id in ids:
            yield ("site", index, "id"), said('there are two sites with the id "{id}"', id=site.id)
        ids.add(site.id)


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
