"""A simulated camera that answers to discovery, and Debian's onvif-util looking for it: `python -m tests.camera_found`.

Run in a network namespace of its own; prints what the client says.
"""

from __future__ import annotations

import asyncio
import sys

from simulator.cameras.camera import SimulatedCamera

WORDS = b"get time\nget profiles\nget rtsp\nquit\n"


async def main() -> int:
    """Serve, look, print."""
    async with SimulatedCamera(name="found", user="guard", password="word", discovery="127.0.0.1"):
        client = await asyncio.create_subprocess_exec(
            *("onvif-util", "-u", "guard", "-p", "word", "127.0.0.1"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await client.communicate(WORDS)
    print(told.decode(errors="replace"))
    return client.returncode or 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
