"""Devices that answer to discovery, ours and one not written here, and `agent discover` looking for them.

Run in a network namespace of its own: ipycam listens at every address. Prints what `agent discover` says.
"""

from __future__ import annotations

import asyncio
import sys

from ipycam.config import CameraConfig  # type: ignore[import-untyped]
from ipycam.discovery import WSDiscoveryServer  # type: ignore[import-untyped]
from ipycam.onvif import ONVIFService  # type: ignore[import-untyped]

from simulator.cameras.camera import SimulatedCamera


async def main() -> int:
    """Serve, look, print."""
    config = CameraConfig(local_ip="192.0.2.9", onvif_port=8899, name="Front-door")
    server = WSDiscoveryServer(ONVIFService(config))
    server.start()
    try:
        async with SimulatedCamera(name="vault", discovery="127.0.0.1"):
            client = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "branchwatch", "agent", "discover"),
                *("--interface", "127.0.0.1", "--for", "2", *sys.argv[1:]),
            )
            return await client.wait()
    finally:
        server.stop()
        server.join()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
