"""An order in words, in the reader's language: what it does, how far it weakens, to which box, how old it is. Pure.

Everything comes from the line itself but what is marked as the centre's word. Every argument of every action is told:
`tests/unit/test_ordering_showing.py` holds that no two orders read alike.
Flow: `ReadOrder` -> here -> terminal and page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ordering.reading import ReadOrder
from protocol.orders import (
    WHOLE_SITE,
    ArmArgs,
    BypassArgs,
    DisarmArgs,
    LockArgs,
    OrderArgs,
    OutputArgs,
    ResetLatchArgs,
    RunTestArgs,
    SilenceArgs,
    UnlockArgs,
)
from protocol.texts import Said, Texts, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

AHEAD: Final = timedelta(minutes=2)
"""How far a drafting machine's clock may be ahead of this one without a word."""


class Danger(StrEnum):
    """How a page colours an order."""

    WEAKENS = "weakens"
    MOVES = "moves"
    GUARDS = "guards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of what an order says: a name and a value; `centre`: nobody but the centre says so."""

    name: Said
    value: Said | str
    centre: bool = False

    def told(self, texts: Texts) -> tuple[str, str]:
        """Name and value in the reader's language."""
        value = self.value.told(texts) if isinstance(self.value, Said) else self.value
        told = said("{value} (the centre says)", value=value).told(texts) if self.centre else value
        return self.name.told(texts), told


def does(args: OrderArgs) -> Said:
    """What an order does, in one sentence with the ids of its line."""
    match args:
        case ArmArgs(partition=partition, mode="away"):
            return said("Arm {what}, away.", what=_partition(partition))
        case ArmArgs(partition=partition):
            return said("Arm {what}, staying: its interior zones stay off.", what=_partition(partition))
        case DisarmArgs(partition=partition):
            return said("Disarm {what}.", what=_partition(partition))
        case BypassArgs(zone=zone, on=True, for_s=for_s):
            return said("Bypass zone {zone} for {time}.", zone=zone, time=lasting(for_s))
        case BypassArgs(zone=zone, for_s=for_s):
            return said("End the bypass of zone {zone} (the order's time: {time}).", zone=zone, time=lasting(for_s))
        case UnlockArgs(door=door, for_s=for_s):
            if for_s is None:
                return said("Unlock door {door}, for as long as its site file says.", door=door)
            return said("Unlock door {door} for {time}.", door=door, time=lasting(for_s))
        case LockArgs(door=door):
            return said("Lock door {door}.", door=door)
        case OutputArgs(output=output, on=True, for_s=for_s):
            return said("Switch output {output} on for {time}.", output=output, time=lasting(for_s))
        case OutputArgs(output=output, for_s=for_s):
            return said("Switch output {output} off (the order's time: {time}).", output=output, time=lasting(for_s))
        case ResetLatchArgs(partition=str(partition)):
            return said("Reset what alarmed in {what}.", what=_partition(partition))
        case ResetLatchArgs(zone=zone):
            return said("Reset the alarm of zone {zone}.", zone=zone)
        case RunTestArgs(partition=partition, zones=(), for_s=for_s):
            return said("Put {what} under test for {time}.", what=_partition(partition), time=lasting(for_s))
        case RunTestArgs(partition=partition, zones=(zone,), for_s=for_s):
            what, time = _partition(partition), lasting(for_s)
            return said("Put zone {zone} of {what} under test for {time}.", zone=zone, what=what, time=time)
        case RunTestArgs(partition=partition, zones=zones, for_s=for_s):
            which, what, time = ", ".join(zones), _partition(partition), lasting(for_s)
            return said("Put zones {zones} of {what} under test for {time}.", zones=which, what=what, time=time)
        case SilenceArgs():
            return said("Silence every siren of the site.")


def danger(args: OrderArgs) -> tuple[Danger, Said]:
    """What follows from an order, and how grave it is."""
    match args:
        case DisarmArgs():
            text = N_("This weakens protection: intruders raise no alarm there until it is armed again.")
            return Danger.WEAKENS, said(text)
        case BypassArgs(on=True):
            return Danger.WEAKENS, said("This weakens protection: the zone raises no alarm for that time.")
        case UnlockArgs():
            return Danger.WEAKENS, said("This weakens protection: whoever stands before the door can open it.")
        case ResetLatchArgs():
            return Danger.WEAKENS, said("This weakens protection: alarms end that somebody should have looked into.")
        case RunTestArgs():
            return Danger.WEAKENS, said("This weakens protection: what is under test raises no alarm for that time.")
        case OutputArgs():
            return Danger.MOVES, said("This switches something at the site.")
        case SilenceArgs():
            return Danger.MOVES, said("The sirens stop; alarms and guarding go on.")
        case ArmArgs() | LockArgs() | BypassArgs():
            return Danger.GUARDS, said("This takes no protection away.")


def points_of(args: OrderArgs) -> tuple[str, ...]:
    """The points that an order names, as the centre lists them."""
    match args:
        case ArmArgs(partition=partition) | DisarmArgs(partition=partition) | ResetLatchArgs(partition=str(partition)):
            return _points("partition", [partition])
        case BypassArgs(zone=zone) | ResetLatchArgs(zone=str(zone)):
            return (f"zone/{zone}",)
        case UnlockArgs(door=door) | LockArgs(door=door):
            return (f"door/{door}",)
        case OutputArgs(output=output):
            return (f"output/{output}",)
        case RunTestArgs(partition=partition, zones=zones):
            return (*_points("partition", [partition]), *_points("zone", zones))
        case _:
            return ()


def rows(read: ReadOrder, now: datetime) -> tuple[Row, ...]:
    """What else the line itself says."""
    order = read.order
    found = [Row(name=said("Box"), value=order.box)]
    if read.site:
        found.insert(0, Row(name=said("Site"), value=said("{site}, after which the box is named", site=read.site)))
    found += [
        Row(name=said("Drafted by"), value=order.by or "?"),
        Row(name=said("Drafted"), value=_age(parse_time(order.at), now)),
        Row(name=said("Challenge of the box"), value=said("{nonce}, ten minutes at most", nonce=order.challenge)),
    ]
    if order.expires is not None:
        found.append(Row(name=said("Ends"), value=when(order.expires, now)))
    found += [
        Row(name=said("Roster"), value=said("version {number}", number=order.roster_version)),
        Row(name=said("Order"), value=order.id),
        Row(name=said("Fingerprint"), value=_groups(read.digest)),
    ]
    return tuple(found)


def names_row(args: OrderArgs, names: Mapping[str, str]) -> Row | None:
    """The names that the centre gives to what the order names; ids stay the truth."""
    told = [f"{point}: {names[point]}" for point in points_of(args) if names.get(point)]
    return Row(name=said("Names"), value="; ".join(told), centre=True) if told else None


def when(text: str, now: datetime) -> str:
    """A time of the wire as this machine's clock would show it; as it came where it is none."""
    try:
        return _shown(parse_time(text), now)
    except ValueError:
        return text


def lasting(seconds: int) -> Said:
    """A time as a person says it; nothing is rounded."""
    if seconds % 3600 == 0:
        return said("{count} h", count=seconds // 3600)
    if seconds % 60 == 0:
        return said("{count} min", count=seconds // 60)
    return said("{count} s", count=seconds)


def _partition(partition: str) -> Said:
    if partition == WHOLE_SITE:
        return said("the whole site")
    return said("partition {partition}", partition=partition)


def _points(kind: str, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{kind}/{each}" for each in ids if each != WHOLE_SITE)


def _age(at: datetime, now: datetime) -> Said:
    shown = _shown(at, now)
    if at > now + AHEAD:
        return said("{at}, which this machine's clock has not reached yet", at=shown)
    seconds = max(0, int((now - at).total_seconds()))
    ago = said("{count} s", count=seconds) if seconds < 120 else said("{count} min", count=seconds // 60)
    return said("{at}, {time} ago", at=shown, time=ago)


def _shown(at: datetime, now: datetime) -> str:
    """In the time zone of `now`, which is this machine's, with its offset."""
    there = at.astimezone(now.tzinfo)
    zone = there.isoformat(timespec="minutes")[-6:] if there.utcoffset() else ""
    return f"{there:%Y-%m-%d %H:%M:%S} (UTC{zone})"


def _groups(digest: bytes) -> str:
    digits = digest.hex()[:16].upper()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
