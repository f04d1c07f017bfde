"""A box as people start it, `branchwatch agent run`, in front of the doors of one site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.bank import Bank
from benchmarks.doors import Doors, site_toml
from benchmarks.processes import BRANCHWATCH, Process


class Box:
    """A running agent and the doors it watches."""

    def __init__(self, site: str, doors: Doors, agent: Process) -> None:
        self.site = site
        self.doors = doors
        self.agent = agent


@asynccontextmanager
async def guarding(bank: Bank, site: str, broker_port: int, more: str = "") -> AsyncIterator[Box]:
    """The box of `site`, started; its doors are closed. `more` stands in its site file in place of the doors."""
    folder = bank.root / "sites" / site
    state = folder / "state"
    state.mkdir(parents=True, mode=0o700)
    config = folder / "site.toml"
    async with Doors() as doors:
        text = site_toml(site, str(bank.keys), modbus=doors.port, broker=broker_port, more=more)
        config.write_text(text, encoding="utf-8")
        words = [*BRANCHWATCH, "agent", "run", "--config", str(config), "--state", str(state)]
        with Process(f"agent-{site}", words, bank.logs / f"agent-{site}.log") as agent:
            yield Box(site, doors, agent)
