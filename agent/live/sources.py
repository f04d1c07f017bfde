"""Where the live check looks: at the running agent's socket, or, while none runs, at the modules themselves. Read-only.

Both give the same: who answers how quickly, and every change of every point. Nothing is ever written to an output.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.acceptance.plan import Plan, plan_of
from agent.config.wiring import wirings
from agent.drivers.modbus.driver import ModbusDriver
from agent.drivers.modbus.serial_line import SerialLines
from agent.local import lines
from agent.local.client import LocalClient, NotRunningError
from agent.signals import Signal, State
from agent.timekeeper import system_now
from protocol.site.schema import Site

Seen = Callable[[str, State, str, tuple[str, ...] | None], None]
"""A point, what it became, and why it is unknown."""

HEALTH_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is looked at."""

    site: str
    name: str
    plan: Plan
    took_ms: Callable[[], Mapping[str, float | None]]
    gone: asyncio.Event
    """Set when there is nothing to look at any more."""
    guarded: bool
    """Whether an agent guards meanwhile: then what is moved is told to the centre as always."""


@asynccontextmanager
async def of_agent(state: Path, seen: Seen) -> AsyncIterator[Source]:
    """Through the agent that runs with this folder.

    Raises:
        NotRunningError: none does.
    """
    client = await LocalClient.connect(state)
    took: dict[str, float | None] = {}
    gone = asyncio.Event()

    async def follow() -> None:
        try:
            for said in await client.ask(lines.Watch()):
                for point in said.points:
                    seen(point.id, point.state, point.cause, point.marks or ())
            async for each in client.moves():
                seen(each.id, each.state, each.cause, each.marks)
        except NotRunningError:
            pass
        gone.set()

    async def ask() -> None:
        while not gone.is_set():
            try:
                (said,) = await client.ask(lines.HealthOf())
            except NotRunningError:
                return
            took.update({each.id: each.took_ms for each in said.devices})
            await asyncio.sleep(HEALTH_EVERY_S)

    tasks: list[asyncio.Task[None]] = []
    try:
        (about,) = await client.ask(lines.About())
        plan = tuple(step for said in await client.ask(lines.Plan()) for step in said.steps)
        tasks = [asyncio.create_task(follow(), name="live"), asyncio.create_task(ask(), name="live-health")]
        yield Source(site=about.site, name=about.name, plan=plan, took_ms=lambda: took, gone=gone, guarded=True)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()


@asynccontextmanager
async def of_modules(site: Site, seen: Seen) -> AsyncIterator[Source]:
    """Straight at the modules of a site, by the drivers that the agent uses."""

    def deliver(signals: tuple[Signal, ...]) -> None:
        for signal in signals:
            seen(signal.point, signal.state, signal.cause, signal.marks)

    found = wirings(site)
    # Panels dial the agent: nobody answers them while none runs.
    read = {f"device/{wiring.module.id}" for wiring in found}
    for wiring in found:
        read |= {each.point for each in wiring.inputs} | {each.point for each in wiring.outputs}
    lines = SerialLines()
    drivers = [ModbusDriver(wiring, now=system_now, deliver=deliver, counters={}, lines=lines) for wiring in found]
    tasks = [asyncio.create_task(driver.run(), name=driver.device) for driver in drivers]
    try:
        yield Source(
            site=site.id,
            name=site.name,
            plan=tuple(step for step in plan_of(site) if step.point in read),
            took_ms=lambda: {driver.device: driver.took_ms for driver in drivers},
            gone=asyncio.Event(),
            guarded=False,
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
