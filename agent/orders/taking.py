"""Orders while the agent runs: one at a time, judged beside everything else, handed to the guard, refusals told.

What the guard does with an order it says itself (`order.executed`, `order.refused`). Nothing waits for this task: a
flood fills its short queue and no more. Flow: conversation -> `take` -> `admission.py` in a thread -> `Watch.command`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from agent.arming.calendar import Timetable
from agent.arming.commands import Answer, Command
from agent.arming.told import duress
from agent.conversation import ORDER_REFUSED, Voice
from agent.orders import used
from agent.orders.admission import SOURCE, Admitted, Known, Refused, admit, remembered
from agent.orders.used import Used
from protocol.messages import Order
from protocol.roster import Roster
from protocol.site.schema import Site
from protocol.workdays.days import DayKind

LOG: Final = logging.getLogger("branchwatch.orders")

MAX_WAITING: Final = 16
"""Orders that wait to be judged; each takes some milliseconds."""


@dataclass(kw_only=True)
class OrderTaker:
    """Takes orders for one run of the agent."""

    site: Site
    roster: Roster
    voice: Voice
    command: Callable[[Command], Awaitable[Answer]]
    is_working_day: Callable[[date], bool]
    newer_roster: bool = False
    """Whether an order named a newer roster than this box has."""
    _used: Used = field(default_factory=Used)
    _waiting: asyncio.Queue[tuple[Order, bytes]] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))

    @property
    def waiting(self) -> int:
        """How many orders wait to be judged."""
        return self._waiting.qsize()

    def take(self, order: Order, payload: bytes) -> bool:
        """The centre carried an order here. False: too many wait already."""
        try:
            self._waiting.put_nowait((order, payload))
        except asyncio.QueueFull:
            return False
        return True

    async def run(self) -> None:
        """Judge what comes, for ever."""
        while True:
            await self.judge(*await self._waiting.get())

    async def judge(self, order: Order, payload: bytes) -> None:
        """Obey one order, or tell why not. A fault of ours ends no guarding."""
        known = self._known()
        judged = await asyncio.to_thread(_judged, payload, known)
        self._used = remembered(known, judged)
        self.newer_roster = self.newer_roster or judged.newer_roster
        if isinstance(judged, Refused):
            await self._refuse(order, judged)
            return
        answer = await self.command(judged.command)
        LOG.info("order %s (%s): %s", order.id, order.action, answer.refused or "done")

    def _known(self) -> Known:
        reading = self.voice.reading()
        self._used = used.forgotten(self._used, reading.moment)
        return Known(
            site=self.site,
            roster=self.roster,
            reading=reading,
            floor=self.voice.not_before(),
            challenges=self.voice.order_challenges,
            used=self._used,
            is_working_day=self.is_working_day,
        )

    async def _refuse(self, order: Order, refused: Refused) -> None:
        if refused.forced is not None:
            await self.voice.tell([duress(self.site, refused.forced, self.voice.reading().moment)])
        told = {**refused.facts, "order": order.id, "action": order.action, "by": order.by}
        if refused.reason == "repeated":
            await self.voice.report(ORDER_REFUSED, SOURCE, refused.reason, **told)
        else:
            await self.voice.report_each(ORDER_REFUSED, SOURCE, refused.reason, **told)


def order_taker(
    site: Site, roster: Roster, voice: Voice, command: Callable[[Command], Awaitable[Answer]]
) -> OrderTaker:
    """What takes orders for a box with this bundle; from now on the centre's orders come to it."""
    timetable = Timetable(site.opening, site.calendar, site.timezone)
    taker = OrderTaker(
        site=site,
        roster=roster,
        voice=voice,
        command=command,
        is_working_day=lambda day: timetable.kind(day) is DayKind.WORKING,
    )
    voice.orders = taker.take
    return taker


def _judged(payload: bytes, known: Known) -> Admitted | Refused:
    try:
        return admit(payload, known)
    except Exception:
        LOG.exception("an order brings about a fault of ours")
        return Refused(reason="malformed")
