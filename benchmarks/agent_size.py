"""Figure 3: what a box with 16 doors weighs and works while nothing happens: memory and CPU over a minute.

Doors are polled every 100 ms, the box beats to a real centre over the built-in broker. The processes beside it share
pages of the interpreter with it, which PSS halves; alone on its machine it would have its RSS at most.
"""

import asyncio
import time
from pathlib import Path
from statistics import fmean
from typing import Final

from benchmarks.bank import make_bank, site_names
from benchmarks.box import guarding
from benchmarks.centre import serving
from benchmarks.doors import DOORS
from benchmarks.figures import Figure, Goal, median

BENCH: Final = "agent"
SETTLE_S: Final = 5.0
WINDOWS: Final = 6
WINDOW_S: Final = 10.0
MEMORY_TARGET_MB: Final = 60
CPU_TARGET: Final = 3


async def measure(folder: Path) -> list[Figure]:
    """All rows of this bench."""
    bank = make_bank(folder, site_names(1))
    with serving(bank, None) as centre:
        async with guarding(bank, site_names(1)[0], centre.broker_port) as box:
            await centre.heard(1)
            await asyncio.sleep(SETTLE_S)
            cpu: list[float] = []
            memory: list[dict[str, int]] = []
            for _ in range(WINDOWS):
                started, before = time.perf_counter(), box.agent.cpu_s()
                await asyncio.sleep(WINDOW_S)
                cpu.append(100 * (box.agent.cpu_s() - before) / (time.perf_counter() - started))
                memory.append(box.agent.memory_bytes())
                box.agent.check()
    pss, uss, rss = (median(each[name] for each in memory) / 1e6 for name in ("pss", "uss", "rss"))
    return [
        Figure(
            bench=BENCH,
            name=f"memory with {DOORS} doors",
            value=pss,
            unit="MB PSS",
            goal=Goal.BELOW,
            target=MEMORY_TARGET_MB,
            ratio=f"{pss / MEMORY_TARGET_MB:.2f} of target; its own {uss:.0f} MB, RSS {rss:.0f} MB",
            limit="the interpreter and the libraries it imports; doors and events weigh next to nothing",
            samples=tuple(each["pss"] / 1e6 for each in memory),
        ),
        Figure(
            bench=BENCH,
            name=f"CPU with {DOORS} doors, idle",
            value=fmean(cpu),
            unit="% of a core",
            goal=Goal.BELOW,
            target=CPU_TARGET,
            ratio=f"{fmean(cpu) / CPU_TARGET:.2f} of target",
            limit="ten Modbus polls a second: one request, one answer, 16 contacts compared",
            samples=tuple(cpu),
        ),
    ]
