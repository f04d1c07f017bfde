"""What is remembered of one partition: its stage, its delay, who asked for what, and a test of its zones. Data.

Who changes it is `arming.py`, by the rows of `table.py` alone.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from agent.arming.hours import PartitionSight, Standing
from agent.arming.latches import carried_end
from agent.arming.table import ARMED, Mode, Stage
from agent.signals import Moment
from protocol.messages import BecauseRow
from protocol.site.schema import Partition

READ_WITHIN: Final = timedelta(seconds=5)
"""After a start, a delay that is over waits so long at most until every zone of its partition was read."""


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked, and how."""

    way: str = ""
    people: tuple[str, ...] = ()
    order: str = ""
    source: str = ""


class ZoneTest(msgspec.Struct, frozen=True, kw_only=True):
    """Zones of one partition under test."""

    zones: tuple[str, ...]
    whole: bool  # the partition is in stage `test`; else only the zones named are, and it goes on as it was
    at: Moment
    until: Moment
    before: Stage
    author: Author
    tripped: Mapping[str, int] = {}  # zones, and how often


class PartitionState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one partition."""

    stage: Stage = Stage.DISARMED
    since: Moment
    mode: Mode = Mode.AWAY
    until: Moment | None = None  # the end of an exit or entry delay
    together: tuple[str, ...] = ()  # while arming: the partitions that arm with it or not at all
    first: str = ""  # the zone that began the entry delay
    first_row: BecauseRow | None = None
    author: Author = Author()  # of the last command that changed it
    failed: bool = False  # arm_failed was told and lasts
    test: ZoneTest | None = None
    stood: Moment | None = None  # since when it is armed, arming or disarmed; None: since `since`


def standing(state: PartitionState) -> Standing:
    """What opening hours care about."""
    stage = state.test.before if state.stage is Stage.TEST and state.test else state.stage
    if stage in ARMED:
        return Standing.ARMED
    return Standing.ARMING if stage is Stage.ARMING else Standing.DISARMED


def sight_of(partition: Partition, state: PartitionState) -> PartitionSight:
    """One partition as opening hours see it."""
    return PartitionSight(
        id=partition.id,
        kind=partition.kind,
        standing=standing(state),
        since=state.stood or state.since,
        way=state.author.way,
        scheduled=partition.scheduled,
    )


def carried(state: PartitionState, now: Moment, same_boot: bool) -> PartitionState:
    """This memory of an earlier run on the monotonic clock of this one; no delay and no test gets longer by it."""
    test = state.test
    if test:
        until = carried_end(test.at, test.until, now, same_boot)
        test = msgspec.structs.replace(test, at=test.at.carried(now, same_boot), until=until)
    return msgspec.structs.replace(
        state,
        since=state.since.carried(now, same_boot),
        stood=state.stood.carried(now, same_boot) if state.stood else None,
        until=carried_end(state.since, state.until, now, same_boot) if state.until else None,
        test=test,
    )
