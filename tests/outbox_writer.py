"""A process that does nothing but append to an outbox and say which events it was told are stored; made to be killed.

`python -m tests.outbox_writer FOLDER`: prints `ready`, then for each stored event its number.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.boxes import box, draft, head_of
from tests.uplinks import ROOMY


async def write(folder: Path) -> None:
    """Append for ever; event and remembered number go together."""
    from protocol.kinds import Lane

    outbox = box(folder, capacity=ROOMY)
    number = int(outbox.saved.get("number", b"0"))
    print("ready", flush=True)

    async def lane(kind: str) -> None:
        nonlocal number
        while True:
            number += 1
            mine = number
            await outbox.append([draft(kind, n=mine)], {"number": str(mine).encode()})
            print(mine, flush=True)
            if mine % 7 == 0:
                await outbox.receipt(head_of(outbox, Lane.URGENT))

    await asyncio.gather(*(lane(kind) for kind in ("door.forced", "door.held_open", "zone.hold_up")))


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
