"""Every receiver of a collector: reports are delivered, and each address is asked whether it is there.

What to do and what answers are worth is decided by session.py; link.py has the sockets. Numbers are counted by each
process by itself and begin anywhere: a notice is claimed by one collector, and no receiver mistakes its number for the
last one before a start. Flow: notify/sender.py -> here; `changes` -> the events `receiver.lost` of the centre.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from collector.notify.dc09.codes import data_of
from collector.notify.dc09.link import Times, exchange
from collector.notify.dc09.loading import Receiver
from collector.notify.dc09.records import Change, Outcome, Reason, Report
from collector.notify.dc09.session import (
    Progress,
    Question,
    Result,
    Side,
    Try,
    apply,
    begin,
    judge_answer,
    next_step,
    order_of,
    seen,
)
from protocol.dc09.cipher import PADDING
from protocol.dc09.sending import LINK_TEST, Message, encode_message, next_sequence, read_answer, written

LOG: Final = logging.getLogger("branchwatch.receivers")

MAX_AT_ONCE: Final = 4
"""Reports under way to one receiver: one that gets no answer for minutes must not keep a hold-up waiting."""

MAX_WAITING: Final = 1_000
"""Reports that wait for one receiver; a thousand at 100 a second are ten seconds."""

MAX_CHANGES: Final = 1_000
AGAIN_S: Final = 30.0
"""How often a receiver that does not answer is asked again, if it is not asked more often anyway."""

_UTC: Final = ZoneInfo("UTC")


class Receivers:
    """All of them. `now` and `random` are the machine's; `changed` is called when `changes` has something new."""

    def __init__(
        self,
        receivers: Iterable[Receiver],
        *,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        changed: Callable[[], None] = lambda: None,
        times: Times | None = None,
    ) -> None:
        self.changes: deque[Change] = deque(maxlen=MAX_CHANGES)
        self._changed = changed
        times = times or Times()
        self._lines = {each.id: _Line(each, now, random, self._told, times) for each in receivers}

    async def deliver(self, receiver_id: str, report: Report) -> Outcome:
        """Tell a receiver; takes up to two minutes where nobody answers."""
        line = self._lines.get(receiver_id)
        return Outcome(delivered=False, reason=Reason.UNKNOWN) if line is None else await line.deliver(report)

    async def run(self) -> None:
        """Ask every address again and again whether it is there, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for line in self._lines.values():
                for side in range(len(line.receiver.addresses)):
                    tasks.create_task(line.supervise(side), name=f"receiver-{line.receiver.id}-{side}")

    def there(self, receiver_id: str) -> bool | None:
        """Whether an address of the receiver acknowledges; None: not known yet, or no such receiver."""
        line = self._lines.get(receiver_id)
        known = [side.there for side in line.sides] if line else []
        return True if True in known else None if None in known or not known else False

    def _told(self, change: Change) -> None:
        self.changes.append(change)
        self._changed()


class _Line:
    """One receiver."""

    def __init__(
        self,
        receiver: Receiver,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        told: Callable[[Change], None],
        times: Times,
    ) -> None:
        self.receiver = receiver
        self.sides = [Side() for _ in receiver.addresses]
        self._heard_s = [float("-inf")] * len(self.sides)  # when an address acknowledged last, on the loop's clock
        self._now = now
        self._random = random
        self._told = told
        self._times = times
        self._sequence = int.from_bytes(random(2))
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0

    async def deliver(self, report: Report) -> Outcome:
        site = self.receiver.site(report.site)
        said = data_of(report, site, self.receiver.token, self._now_ms())
        if said is None:
            return Outcome(delivered=False, reason=Reason.NO_CODE)
        if self._waiting >= MAX_WAITING:
            return Outcome(delivered=False, reason=Reason.BUSY)
        self._waiting += 1
        try:
            async with self._places:
                self._sequence = next_sequence(self._sequence)
                message = Message(
                    id=self.receiver.token.value,
                    sequence=self._sequence,
                    account=said.account,
                    receiver=self.receiver.receiver,
                    prefix=self.receiver.prefix,
                    data=said.data,
                    extended=said.extended,
                )
                return await self._say(message, order_of(self.sides))
        finally:
            self._waiting -= 1

    async def supervise(self, side: int) -> None:
        """Ask one address for ever; a report that it acknowledged is an answer too."""
        loop = asyncio.get_running_loop()
        every_s = self.receiver.supervision_s
        link_test = Message(
            id=LINK_TEST,
            sequence=0,
            account=self.receiver.account,
            receiver=self.receiver.receiver,
            prefix=self.receiver.prefix,
        )
        due_s = loop.time()
        while True:
            due_s = max(due_s, self._heard_s[side] + every_s)
            if (left_s := due_s - loop.time()) > 0:
                await asyncio.sleep(left_s)
                continue
            outcome = await self._say(link_test, (side,))
            due_s += every_s if outcome.delivered else min(every_s, AGAIN_S)

    async def _say(self, message: Message, order: tuple[int, ...]) -> Outcome:
        loop = asyncio.get_running_loop()
        progress = begin(order, _ms(loop.time()))
        while isinstance(step := next_step(progress, _ms(loop.time())), Try):
            if (left_s := step.at_ms / 1000 - loop.time()) > 0:
                await asyncio.sleep(left_s)
            result = await self._send(message, step.side)
            progress = apply(progress, step, result, _ms(loop.time()), _ms(self._times.wait_s))
            if result is Result.TAKEN:
                self._heard_s[step.side] = loop.time()
            self._look(progress, step.side, result)
        return Outcome(
            delivered=step.side is not None,
            reason=step.reason,
            address=self._address(step.side) if step.side is not None else "",
            sent=progress.sent,
            perhaps=step.side is None and progress.perhaps,
        )

    async def _send(self, message: Message, side: int) -> Result:
        receiver = self.receiver
        key = receiver.key.value if receiver.key else None
        sent = self._written() + self.sides[side].off if receiver.zone else None
        frame = encode_message(message, key=key, sent=sent, chance=self._random(PADDING))
        unproven = False

        def hear(data: bytes) -> Result | None:
            nonlocal unproven
            question = Question(
                sequence=message.sequence, account=message.account, enciphered=key is not None, now=self._written()
            )
            verdict = judge_answer(read_answer(data, key), question, self.sides[side])
            unproven = unproven or verdict.unproven
            if verdict.result is Result.CLOCK:
                LOG.warning("receiver %s sets our time by %s", receiver.id, verdict.side.off - self.sides[side].off)
            self.sides[side] = verdict.side
            return verdict.result

        host, port = receiver.addresses[side]
        result = await exchange(host, port, frame, hear, self._times)
        return Result.UNPROVEN if result is Result.SILENT and unproven else result

    def _look(self, progress: Progress, side: int, result: Result) -> None:
        (tally,) = (each for each in progress.tallies if each.side == side)
        if result is not Result.TAKEN and tally.over is None:
            return
        self.sides[side], lost = seen(self.sides[side], answers=result is Result.TAKEN)
        if lost is not None:
            self._told(
                Change(
                    receiver=self.receiver.id,
                    address=self._address(side),
                    lost=lost,
                    at_ms=self._now_ms(),
                    reason=tally.over,
                    others=sum(each.there is True for index, each in enumerate(self.sides) if index != side),
                )
            )

    def _address(self, side: int) -> str:
        host, port = self.receiver.addresses[side]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _written(self) -> datetime:
        return written(self._now(), self.receiver.zone or _UTC)

    def _now_ms(self) -> int:
        return int(self._now().astimezone(UTC).timestamp() * 1000)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
