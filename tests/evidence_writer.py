"""A box whose doors are forced all the time, for tests that kill it: `python -m tests.evidence_writer FOLDER [ROUNDS]`.

Prints each event once it is stored; with ROUNDS 0 nothing happens any more, and it ends once nothing is owed.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from agent.clocks import Reading
from agent.evidence.promising import Plan
from agent.findings import Finding, Phase
from agent.timekeeper import system_now
from protocol.messages import Clock as ClockWord
from tests.picturing import PictureBox
from tests.waiting import eventually

DOORS = 400


class RealTime(PictureBox):
    """In the machine's own time, with many doors before one camera."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        doors = {f"door/d{number}": ("01",) for number in range(DOORS)}
        self.plan = Plan(cameras=doors, own=frozenset(), before=timedelta(0), after=timedelta(0))

    def reading(self) -> Reading:
        return Reading(moment=system_now(), clock=ClockWord.SYNCED)


async def write(folder: Path, rounds: int) -> None:
    """Until it is killed, or done."""
    box = RealTime(folder)
    await box.start()
    for number in range(rounds):
        source = f"door/d{number % DOORS}"
        before = set(box.promises.owed)
        at = box.reading().moment
        await box.watch.take(findings=[Finding(kind="door.forced", source=source, phase=Phase.TOLD, at=at)])
        fresh = {each.owner for slot, each in box.promises.owed.items() if slot not in before}
        print(*fresh, flush=True)
    await eventually(lambda: not box.promises.owed, timeout_s=30)
    await box.kill()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else DOORS))
