"""The agent's part of the video benches, as a process of its own: eyes before many streams, and the people server.

Usage: python -m benchmarks.eyes_agent FOLDER URL COUNT people|alone [MODELS]. Prints one line of JSON a second: looks
so far, how many of them quiet, how many asked for people, losses, and the processes that belong to it.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from agent.children.keeper import ChildLimits, Keeper
from agent.children.starting import program
from agent.video.watcher import EyeLink
from agent.video.words import EyeSettings, FromEye, Look, Lost
from benchmarks.way import Open, now

RING_S = 120.0
RING_BYTES = 12 * 1024 * 1024


async def main(folder: Path, url: str, count: int, models: Path | None) -> None:
    """Look until ended."""
    seen: Counter[str] = Counter()
    latest: dict[int, bool] = {}

    def hearing(number: int):  # type: ignore[no-untyped-def]
        def hear(message: FromEye) -> None:
            if isinstance(message, Look):
                seen["looks"] += 1
                seen["people"] += message.boxes is not None and message.model not in ("", "none")
                latest[number] = message.quiet
            if isinstance(message, Lost):
                seen["lost"] += 1

        return hear

    socket = str(folder / "people.socket") if models else ""
    async with asyncio.TaskGroup() as tasks:
        if models:
            starter = program(
                "agent.people.server", "--socket", socket, "--state", str(folder), "--models", str(models)
            )
            keeper = Keeper("people", starter, ChildLimits(beat_s=10.0, memory_bytes=500 << 20), now)
            tasks.create_task(keeper.run(lambda _message: None, lambda _state: None))
        for number in range(count):
            settings = EyeSettings(
                camera=f"{number:02}",
                picture=True,
                people=models is not None,
                ring_s=RING_S,
                ring_bytes=RING_BYTES,
                references=str(folder / "references" / f"{number:02}"),
                people_socket=socket,
            )
            link = EyeLink(settings, Open(f"{url}{number}"), hearing(number), now)
            tasks.create_task(link.run())
        while True:
            print(json.dumps({**seen, "eyes": len(latest), "quiet": sum(latest.values())}), flush=True)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None)
    )
