"""A backlog written into a box's outbox while its agent is down: one more run, by the product's own outbox."""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.clocks import Reading
from agent.outbox.capacity import Capacity
from agent.outbox.lines import Author
from agent.outbox.outbox import open_outbox
from agent.reporting import Draft
from agent.signals import Moment
from protocol.ids import new_event_id
from protocol.kinds import kind_of
from protocol.messages import Clock

ROOM = Capacity(limit_bytes=64 * 1024 * 1024, reserved_events=200, margin_bytes=0)
KINDS = ("door.held_open", "door.forced", "device.flutter", "door.dual_open", "door.unlocked")
"""Of both lanes."""


def write_backlog(state: Path, box: str, site: str, count: int, chance: random.Random) -> None:
    """Append `count` events in groups of a few, as a box cut off would have; returns when they are on the disk."""
    asyncio.run(_write(state, Author(box=box, site=site), count, chance))


async def _write(state: Path, author: Author, count: int, chance: random.Random) -> None:
    outbox = open_outbox(state, author, _reading, os.urandom, ROOM)
    try:
        while count > 0:
            group = min(count, chance.randint(1, 50))
            await outbox.append([_draft(chance, number) for number in range(group)])
            count -= group
    finally:
        await outbox.close()


def _draft(chance: random.Random, number: int) -> Draft:
    kind = chance.choice(KINDS)
    at = _reading().moment
    return Draft(
        id=new_event_id(int(at.wall.timestamp() * 1000), os.urandom(10)),
        kind=kind,
        level=kind_of(kind).level,
        lane=kind_of(kind).lane,
        source=chance.choice(("door/outer", "door/inner", "door/vault")),
        at=at,
        facts={"number": number},
    )


def _reading() -> Reading:
    return Reading(moment=Moment(wall=datetime.now(UTC), mono_ms=round(time.monotonic() * 1000)), clock=Clock.HOLDOVER)
