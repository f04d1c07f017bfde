"""What is told of partitions, tests and commands: findings with their facts. Pure."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from agent.arming.commands import Answer, Command, Way
from agent.arming.partitions import Author, PartitionState, ZoneTest
from agent.arming.table import Mode, Stage
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.messages import BecauseRow
from protocol.orders import LockArgs, OrderFaultError, UnlockArgs, concerned
from protocol.site.schema import Partition, Site
from protocol.timestamps import format_time

ARMED: Final = "partition.armed"
DISARMED: Final = "partition.disarmed"
ARM_FAILED: Final = "partition.arm_failed"
DURESS: Final = "zone.duress"
EXECUTED: Final = "order.executed"
REFUSED: Final = "order.refused"
TEST_STARTED: Final = "test.started"
TEST_POINT: Final = "test.point"
TEST_FINISHED: Final = "test.finished"
ORDERS: Final = "box/orders"
SITE_FILE: Final = "site_file"
"""The way of what a new site file disarmed."""

MAX_NAMED: Final = 24
"""Points that one event names of a long list; the count of all stands beside them."""

THREAT_TO_LIFE: Final = 4
"""AVS-01."""

Blocking = tuple[tuple[str, str], ...]


def armed(name: str, author: Author, mode: Mode, bypassed: Iterable[str], now: Moment) -> Finding:
    """It is armed now."""
    return _told(ARMED, name, now, {**_by(author), "mode": str(mode), "bypassed": list(bypassed)[:MAX_NAMED]})


def disarmed(name: str, author: Author, was: Stage, now: Moment) -> Finding:
    """It is disarmed now."""
    return _told(DISARMED, name, now, {**_by(author), "was": str(was)})


def disarmed_by_site(name: str, zones: Iterable[str], was: Stage, now: Moment) -> Finding:
    """A new site file took these zones out of an armed partition."""
    return _told(DISARMED, name, now, {**_by(Author(way=SITE_FILE)), "was": str(was), **_zones(tuple(zones))})


def arm_failed(
    name: str,
    author: Author,
    blocking: Blocking,
    now: Moment,
    phase: Phase = Phase.RAISED,
    rows: tuple[BecauseRow, ...] = (),
) -> Finding:
    """It could not be armed, and what prevents it; lasts until it is armed or disarmed."""
    facts: dict[str, Any] = {} if phase is Phase.ENDED else {**_by(author), **_blocked(blocking)}
    return Finding(kind=ARM_FAILED, source=f"partition/{name}", phase=phase, at=now, facts=facts, because=rows)


def test_started(name: str, test: ZoneTest) -> Finding:
    """Zones are under test."""
    facts = {**_by(test.author), **_zones(test.zones), "until": format_time(test.until.wall), "whole": test.whole}
    return _told(TEST_STARTED, name, test.at, facts)


def tripped(zone: str, partition: str, result: str, now: Moment, row: BecauseRow) -> Finding:
    """A zone under test did what it would be an alarm for."""
    facts = {"result": result, "partition": partition}
    return Finding(kind=TEST_POINT, source=f"zone/{zone}", phase=Phase.TOLD, at=now, facts=facts, because=(row,))


def test_finished(name: str, test: ZoneTest, now: Moment) -> Finding:
    """The test is over: which of its zones were tripped, and which were not."""
    missing = [zone for zone in test.zones if zone not in test.tripped]
    facts = {
        **_by(test.author),
        **_zones(tuple(test.tripped), "tripped"),
        **_zones(tuple(missing), "missing"),
        "tested_s": now.since(test.at).total_seconds(),
    }
    return _told(TEST_FINISHED, name, now, facts)


def duress(site: Site, command: Command, now: Moment) -> Finding:
    """Somebody acts under duress; this leaves in the urgent lane, and nothing else differs."""
    source = ORDERS
    with suppress(OrderFaultError):
        about = [f"partition/{each.id}" for each in targets(site, command)]
        doors = [f"door/{args.door}" for args in (command.args,) if isinstance(args, UnlockArgs | LockArgs)]
        source = (*doors, *about, ORDERS)[0]
    facts = {"person": command.duress, "way": str(command.way), "verification": THREAT_TO_LIFE}
    return Finding(kind=DURESS, source=source, phase=Phase.TOLD, at=now, facts=facts)


def outcome(command: Command, answer: Answer, now: Moment) -> tuple[Finding, ...]:
    """What became of a command: told of every order, and of any other way where it was refused."""
    if command.way is Way.SCHEDULE or (command.way is not Way.ORDER and not answer.refused):
        return ()
    about: dict[str, Any] = msgspec.to_builtins(command.args)
    facts = {**about, "action": command.action, "people": list(command.people)}
    facts |= {"order": command.order} if command.order else {}
    source = ORDERS if command.way is Way.ORDER else command.source or ORDERS
    if not answer.refused:
        return (Finding(kind=EXECUTED, source=source, phase=Phase.TOLD, at=now, facts=facts),)
    facts |= {"reason": answer.refused, "way": str(command.way)}
    facts |= _blocked(answer.blocking) if answer.blocking else {}
    return (Finding(kind=REFUSED, source=source, phase=Phase.TOLD, at=now, facts=facts),)


def targets(site: Site, command: Command) -> tuple[Partition, ...]:
    """The partitions that a command is about.

    Raises:
        OrderFaultError: what it names does not exist.
    """
    if not command.partitions:
        return concerned(site, command.args)
    found = tuple(each for each in site.partition if each.id in command.partitions)
    if len(found) < len(set(command.partitions)):
        raise OrderFaultError("no_such_partition")
    return found


def bypassed_facts(by: tuple[str, ...], until: Moment, order: str) -> Mapping[str, Any]:
    """Who took a zone out of guard, and until when."""
    return {"people": list(by), "until": format_time(until.wall), **({"order": order} if order else {})}


def author_of(command: Command) -> Author:
    """Who asked, and how."""
    return Author(way=str(command.way), people=command.people, order=command.order, source=command.source)


def state_row(name: str, state: PartitionState) -> BecauseRow:
    """A partition's part of an explanation."""
    return (format_time(state.since.wall), f"partition/{name}", str(state.stage), state.author.way)


def _by(author: Author) -> dict[str, Any]:
    more = {"order": author.order, "source": author.source}
    return {"way": author.way, "people": list(author.people), **{name: text for name, text in more.items() if text}}


def _blocked(blocking: Blocking) -> dict[str, Any]:
    more = {"blocking_count": len(blocking)} if len(blocking) > MAX_NAMED else {}
    return {"blocking": [list(each) for each in blocking[:MAX_NAMED]], **more}


def _zones(zones: tuple[str, ...], word: str = "zones") -> dict[str, Any]:
    return {word: list(zones[:MAX_NAMED]), f"{word}_count": len(zones)}


def _told(kind: str, name: str, now: Moment, facts: Mapping[str, Any]) -> Finding:
    return Finding(kind=kind, source=f"partition/{name}", phase=Phase.TOLD, at=now, facts=facts)
