"""A site's eyes as a process of their own: python -m tests.eyes_process SITE.toml STATE SECRET. Ends when told to."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from protocol.site.reading import read_site
from tests.integration.test_eyes_live import seeing


async def main(site: Path, state: Path, secret: str) -> None:
    """Look until ended."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)  # its eyes end with it, in order
    async with seeing(read_site(site.read_text(), site.name), state, secret):
        print("ready", flush=True)
        await over.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
