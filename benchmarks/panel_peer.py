"""A receiver as people write it with pysiaalarm: each event a row, a commit each, on the same slow disk.

`python -m benchmarks.panel_peer FOLDER PORT COMMIT_MS`. It acknowledges before it hands the event on, which is what the
bench shows. Made to be killed.
"""

import asyncio
import sqlite3
import sys
import time
from pathlib import Path

from pysiaalarm.account import SIAAccount
from pysiaalarm.aio.client import SIAClient
from pysiaalarm.event import SIAEvent

from benchmarks.bank import HOST
from benchmarks.panel_box import KEY, PANELS, account

ROWS = "peer.db"


async def main(folder: Path, port: int, commit_ms: float) -> None:
    """Listen until killed."""
    rows = sqlite3.connect(folder / ROWS, isolation_level=None, check_same_thread=False)
    rows.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE events (account, line);")
    waiting: asyncio.Queue[SIAEvent] = asyncio.Queue()

    def insert(event: SIAEvent) -> None:
        rows.execute("INSERT INTO events VALUES (?, ?)", (event.account, event.full_message))
        time.sleep(commit_ms / 1000)

    async def take(event: SIAEvent) -> None:
        waiting.put_nowait(event)

    accounts = [SIAAccount(account(panel), KEY.decode("latin-1")) for panel in range(1, PANELS + 1)]
    for each in accounts:
        each.key_b = KEY  # it takes the key's letters for its bytes
    await SIAClient(HOST, port, accounts, take).async_start()  # type: ignore[abstract]
    while True:
        await asyncio.to_thread(insert, await waiting.get())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
