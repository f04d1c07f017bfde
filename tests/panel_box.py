"""A box that panels dial, with real outbox, guard and watch; also as a process that dies between disk and answer.

`python -m tests.panel_box FOLDER PORT` prints `ready` and, once a frame with something to tell is on the disk, kills
itself before it answers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from agent.arming.commands import Command
from agent.clocks import Reading
from agent.drivers.dc09.config import panel_wirings
from agent.drivers.dc09.desk import Desk
from agent.drivers.dc09.driver import PanelDriver, Take
from agent.drivers.dc09.keys import PanelKey
from agent.findings import Finding
from agent.guard import Guard
from agent.outbox.outbox import Outbox, open_outbox
from agent.reporting import ReportingState
from agent.signals import Moment, Signal
from agent.watch import Watch
from protocol.kinds import Lane
from protocol.messages import Clock as ClockWord
from protocol.messages import Event, decode_event
from tests.boxes import AUTHOR, SMALL, stored_lines
from tests.branch import site_of
from tests.waiting import eventually

KEY = bytes(range(16))
SITE = """
id = "s"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[receiver]
listen = "127.0.0.1:PORT"
[[panel]]
id = "p1"
protocol = "dc09"
account = "0012"
supervision = "3m"
[[panel]]
id = "p2"
protocol = "dc09"
account = "0A2F"
key = { secret = "p2-key" }
supervision = "3m"
[[zone]]
id = "button"
type = "hold-up"
input = "p1/zone/7"
[[zone]]
id = "safe"
type = "24-hour"
input = "p2/zone/12"
"""


def now() -> Moment:
    """Real time: panels are real peers."""
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)


@dataclass
class PanelBox:
    """What a test holds of it."""

    folder: Path
    outbox: Outbox
    guard: Guard
    watch: Watch
    driver: PanelDriver

    @property
    def port(self) -> int:
        """Where panels dial."""
        return self.driver.port

    def states(self) -> dict[str, str]:
        """Every point."""
        return {view.id: str(view.state) for view in self.guard.points()}


@asynccontextmanager
async def panel_box(
    folder: Path, port: int, *, wrapped: Callable[[Take], Take] = lambda take: take
) -> AsyncIterator[PanelBox]:
    """The box, listening. `wrapped` stands between receiver and watch."""
    site = site_of(SITE.replace("PORT", str(port)))
    outbox = open_outbox(folder, AUTHOR, lambda: Reading(moment=now(), clock=ClockWord.SYNCED), os.urandom, SMALL)
    guard = Guard(site, None, now(), same_boot=True)
    watch = Watch(
        guard,
        ReportingState(),
        outbox,
        reading=lambda: Reading(moment=now(), clock=ClockWord.SYNCED),
        write=lambda _: None,
        changed=lambda _: None,
        random=os.urandom,
        boot="boot",
    )
    assert site.receiver
    desk = Desk(panel_wirings(site), {"p2": PanelKey(KEY)}, outbox.saved, now(), site.partition)
    driver = PanelDriver(
        site.receiver.listen,
        desk,
        take=wrapped(watch.take),
        deliver=watch.deliver,
        tell=watch.tell,
        now=now,
        again_s=0.1,
    )
    tasks = [asyncio.create_task(watch.run()), asyncio.create_task(driver.run())]
    try:
        await eventually(lambda: driver.port, what="the receiver listens")
        yield PanelBox(folder, outbox, guard, watch, driver)
    finally:
        tasks[1].cancel()
        watch.end()
        await asyncio.gather(*tasks, return_exceptions=True)
        await outbox.close()


def events_of(folder: Path) -> list[Event]:
    """Everything in the ledger of a folder, oldest first in each lane."""
    return [decode_event(line) for lane in Lane for line in stored_lines(folder, lane)]


def dying(take: Take) -> Take:
    """Everything is stored; then the power goes."""

    def taken(
        signals: tuple[Signal, ...] = (),
        findings: Iterable[Finding] = (),
        commands: Sequence[Command] = (),
        remember: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Awaitable[bool]:
        async def stored() -> bool:
            kept = await take(signals, findings, commands, remember)
            if kept and remember:
                os.kill(os.getpid(), signal.SIGKILL)
            return kept

        return stored()

    return taken


async def main(folder: Path, port: int) -> None:
    """Listen until the first frame with something to tell."""
    async with panel_box(folder, port, wrapped=dying):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
