"""Whether the box obeys an order: fresh, meant for something that there is, approved by enough who may. Pure.

The centre's word counts for nothing here: the order's bytes, the approvals behind them and the roster of the box's own
signed bundle decide (WIRE 4). Flow: payload of `bw-order` -> `admit` -> a `Command` for the guard, or a reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.arming.commands import Command, Way
from agent.challenges import Challenges
from agent.clocks import Reading
from agent.orders import used
from agent.orders.rights import When, refusal
from agent.orders.used import Used
from protocol.approvals import ApprovalError, verify_approval
from protocol.limits import MAX_LINE_BYTES
from protocol.messages import Approval, Clock, MessageError, Order
from protocol.orders import (
    ACTIONS,
    WEAKENS,
    OrderFaultError,
    concerned,
    needed_people,
    read_args,
    read_order,
    split_order,
)
from protocol.roster import PersonKey, Roster, RosterPerson
from protocol.site.schema import Partition, Site
from protocol.timestamps import parse_time

SOURCE: Final = "box/orders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the box knows at the moment when it judges."""

    site: Site
    roster: Roster
    reading: Reading
    floor: datetime  # it is certainly not earlier
    challenges: Challenges
    used: Used
    is_working_day: Callable[[date], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The box obeys. Made by `admit` only."""

    command: Command
    newer_roster: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The box does not obey; `reason` is a word for the event, `facts` what it was about."""

    reason: str
    order: str = ""  # its id; none where nothing could be read
    facts: Mapping[str, Any] = field(default_factory=dict)
    newer_roster: bool = False  # the order names one
    forced: Command | None = None  # what somebody signed under duress, although nothing follows
    signed: bool = False  # it is fresh, and somebody's signature is under it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One approval: whose, and what is wrong with it."""

    person: str
    fault: str = ""
    why: str = ""
    signed: bool = False
    may_disarm: bool = False
    duress: bool = False


def admit(payload: bytes, known: Known) -> Admitted | Refused:
    """Judge an order with its approvals; the reasons in their order stand in docs/guarding.md 4.2."""
    try:
        line, approvals = split_order(payload)
        if len(line) > MAX_LINE_BYTES:
            return Refused(reason="malformed")
        order = read_order(line)
        expires = parse_time(order.expires) if order.expires is not None else None
    except (MessageError, ValueError):
        return Refused(reason="malformed")
    try:
        args = read_args(order.action, order.args)
        partitions = concerned(known.site, args)
        needed = needed_people(known.site, order.action, args)
    except OrderFaultError as error:
        return Refused(reason=error.reason, order=order.id)
    if order.id in known.used:
        return Refused(reason="repeated", order=order.id)
    if not known.challenges.honours(order.challenge, known.reading.moment):
        return Refused(reason="stale", order=order.id)
    judged = [_judge(approval, order, line, partitions, known) for approval in approvals]
    people = tuple(dict.fromkeys(each.person for each in judged))
    duress = next((each.person for each in judged if each.duress), "")
    command = Command(
        action=order.action,
        args=args,
        way=Way.ORDER,
        people=people,
        source=SOURCE,
        order=order.id,
        duress=duress,
        may_disarm=any(each.may_disarm for each in judged),
    )
    newer = order.roster_version > known.roster.version
    reason, facts = _reason(order, expires, judged, known)
    if not reason and len(people) < needed:
        reason, facts = "needs_people", {"needed": needed, "approved": len(people)}
    if reason:
        forced = command if duress else None
        signed = any(each.signed for each in judged)
        return Refused(reason=reason, order=order.id, facts=facts, newer_roster=newer, forced=forced, signed=signed)
    return Admitted(command=command, newer_roster=newer)


def remembered(known: Known, judged: Admitted | Refused) -> Used:
    """Which orders were judged, with this one: what is repeated keeps its first judgement, and its age."""
    now = known.reading.moment
    if isinstance(judged, Admitted):
        return used.carried_out(known.used, judged.command.order, now)
    if not judged.order or judged.order in known.used:
        return known.used
    return used.turned_down(known.used, judged.order, now, signed=judged.signed)


def _reason(
    order: Order, expires: datetime | None, judged: list[_Judged], known: Known
) -> tuple[str, Mapping[str, Any]]:
    """What speaks against an order that is fresh, but for the number of people."""
    latest = max(known.reading.moment.wall, known.floor)
    # `expires` can only shorten: a clock that is not believed shortens nothing that its floor does not.
    by = known.floor if known.reading.clock is Clock.SUSPECT else latest
    if expires is not None and expires < by:
        return "expired", {}
    if order.action in WEAKENS:
        if order.roster_version > known.roster.version:
            return "roster_older", {"held": known.roster.version, "named": order.roster_version}
        if latest > parse_time(known.roster.not_after):
            return "roster_ended", {"not_after": known.roster.not_after}
    if known.used.is_full:
        return "too_many", {}
    faulty = next((each for each in judged if each.fault), None)
    if faulty is None:
        return "", {}
    return faulty.fault, {"person": faulty.person, **({"why": faulty.why} if faulty.why else {})}


def _judge(approval: Approval, order: Order, line: bytes, partitions: tuple[Partition, ...], known: Known) -> _Judged:
    """One approval: is it this person's key's over these bytes, and may both?"""
    person = next((each for each in known.roster.people if each.id == approval.person), None)
    if person is None:
        return _Judged(person=approval.person, fault="unknown_person")
    key = next((each for each in person.keys if each.id == approval.credential), None)
    if key is None:
        return _Judged(person=person.id, fault="unknown_key")
    if approval.order != order.id:
        return _Judged(person=person.id, fault="bad_signature", why="other_order")
    try:
        verify_approval(approval, line, key)
    except ApprovalError as error:
        return _Judged(person=person.id, fault="bad_signature", why=error.word)
    fault = _forbidden(person, key, order.action, partitions, known)
    return _Judged(
        person=person.id,
        fault=fault,
        signed=True,
        may_disarm=not _forbidden(person, key, "disarm", partitions, known),
        duress=key.duress,
    )


def _forbidden(
    person: RosterPerson, key: PersonKey, action: str, partitions: tuple[Partition, ...], known: Known
) -> str:
    if ACTIONS[action][1] not in key.may:
        return "right_missing"
    when = When(
        local=known.reading.moment.wall.astimezone(ZoneInfo(known.site.timezone)),
        trusted=known.reading.clock is not Clock.SUSPECT,
        is_working_day=known.is_working_day,
    )
    return refusal(person, known.site, action, tuple(each.id for each in partitions), when)
