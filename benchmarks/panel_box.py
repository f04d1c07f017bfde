"""A box's whole part behind panels, on a slow disk: receiver, guard, watch, outbox; every commit takes so much longer.

`python -m benchmarks.panel_box FOLDER PORT COMMIT_MS`. Made to be killed.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.clocks import Reading
from agent.drivers.dc09.config import panel_wirings
from agent.drivers.dc09.desk import Desk
from agent.drivers.dc09.driver import PanelDriver
from agent.drivers.dc09.keys import PanelKey
from agent.guard import Guard
from agent.outbox.capacity import Capacity
from agent.outbox.lines import Author
from agent.outbox.outbox import Outbox
from agent.outbox.schema import FILE_NAME
from agent.outbox.store import Job, Store
from agent.reporting import ReportingState
from agent.signals import Moment
from agent.watch import Watch
from benchmarks.bank import HOST
from protocol.messages import Clock
from protocol.site.reading import read_site

PANELS: Final = 8
KEY: Final = bytes(range(16))
ZONES: Final = 40
"""Zones of each panel that the site file names: a quarter of its signals, which a partition judges."""


class SlowStore(Store):
    """A store on a disk that takes its time: the commit is real, and then it waits."""

    commit_s = 0.0

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """Each group is one commit."""
        answers = super().run(jobs)
        time.sleep(self.commit_s)
        return answers


def site_toml(port: int) -> str:
    """Eight panels, each with a key and some zones that have names."""
    lines = ['id = "s"', 'name = "s"', 'unit = "u"', 'timezone = "Asia/Shanghai"']
    lines += ["[receiver]", f'listen = "{HOST}:{port}"']
    for panel in range(1, PANELS + 1):
        lines += ["[[panel]]", f'id = "p{panel}"', 'protocol = "dc09"', f'account = "{account(panel)}"']
        lines += ['key = { secret = "key" }', 'supervision = "3m"']
        for zone in range(1, ZONES + 1):
            lines += ["[[zone]]", f'id = "p{panel}-{zone}"', 'type = "24-hour"', f'input = "p{panel}/zone/{zone}"']
    return "\n".join(lines)


def account(panel: int) -> str:
    """The account of a panel, with the leading zeros that it must keep."""
    return f"{panel:04d}"


def now() -> Moment:
    """Real time."""
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)


async def main(folder: Path, port: int, commit_ms: float) -> None:
    """Listen until killed."""

    def reading() -> Reading:
        return Reading(moment=now(), clock=Clock.SYNCED)

    site = read_site(site_toml(port).encode(), "site.toml")
    store = SlowStore.open(folder / FILE_NAME, Author(box="s-a", site="s"), reading, os.urandom, Capacity())
    assert isinstance(store, SlowStore)
    store.commit_s = commit_ms / 1000
    outbox = Outbox(store)
    watch = Watch(
        Guard(site, None, now(), same_boot=True),
        ReportingState(),
        outbox,
        reading=reading,
        write=lambda _: None,
        changed=lambda _: None,
        random=os.urandom,
        boot="boot",
    )
    keys = {f"p{panel}": PanelKey(KEY) for panel in range(1, PANELS + 1)}
    desk = Desk(panel_wirings(site), keys, outbox.saved, now(), site.partition)
    driver = PanelDriver(f"{HOST}:{port}", desk, take=watch.take, deliver=watch.deliver, tell=watch.tell, now=now)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.run())
        tasks.create_task(driver.run())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
