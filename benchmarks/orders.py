"""Figure 5: from the last approval of an order to the output that it switches, through everything in between.

Real chain: a whole demo with one branch (enrolled box, signed site file, built-in broker), and an officer's key file.
The time begins before the approval is posted and ends when the module's coil reads back changed.
"""

import asyncio
import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.figures import Figure, median, percentile
from benchmarks.processes import BRANCHWATCH, Process
from protocol.approvals import sign_key_file
from simulator.branch import UNIT_ID
from simulator.demo_file import DemoFile, DemoFileError, Officer, read_demo
from simulator.wiring import LIGHTS

BENCH: Final = "orders"
TRIALS: Final = 60
WARM_UP: Final = 5
TARGET_MS: Final = 500
STANDS_S: Final = 60.0
SWITCHED_S: Final = 5.0
PAUSE_S: Final = 0.7
HELD_S: Final = 3600


class NotDraftedError(Exception):
    """The centre draws no order up; the message is its own."""


async def measure(folder: Path) -> list[Figure]:
    """The row of this bench."""
    root = folder / "demo"
    words = [*BRANCHWATCH, "demo", "--dir", str(root), "--port", "0", "--sites", "1", "--cameras", "0"]
    with Process("demo", words, folder / "demo.log") as demo:
        stands = await _stands(root, demo)
        officer, site = stands.people[0], stands.sites[0]
        key = load_pem_private_key(Path(officer.key).read_bytes(), None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError(officer.key)
        host, _, port = site.modbus.rpartition(":")
        module = AsyncModbusTcpClient(host, port=int(port))
        await module.connect()
        try:
            headers = {"Authorization": f"Bearer {officer.token}"}
            async with httpx.AsyncClient(base_url=stands.console, headers=headers, timeout=10) as api:
                took = [await _trial(api, module, site.id, officer, key, on=not n % 2) for n in range(TRIALS + WARM_UP)]
        finally:
            module.close()
    return [_figure(took[WARM_UP:])]


async def _stands(root: Path, demo: Process) -> DemoFile:
    async with asyncio.timeout(STANDS_S):
        while True:
            demo.check()
            try:
                return read_demo(root)
            except DemoFileError:
                await asyncio.sleep(0.2)


async def _trial(
    api: httpx.AsyncClient,
    module: AsyncModbusTcpClient,
    site: str,
    officer: Officer,
    key: EllipticCurvePrivateKey,
    *,
    on: bool,
) -> float:
    """One order; milliseconds from its approval to the coil."""
    args = {"output": "lights", "on": on, "for_s": HELD_S}
    draft = await _drafted(api, {"site": site, "action": "output", "args": args})
    line = base64.urlsafe_b64decode(draft["line"] + "=" * (-len(draft["line"]) % 4))
    approval = sign_key_file(line, draft["id"], officer.id, f"{officer.id}-file", key)
    began = time.perf_counter()
    posted = asyncio.create_task(
        api.post(f"/api/v1/orders/{draft['id']}/approvals", content=msgspec.json.encode(approval), headers=_JSON)
    )
    async with asyncio.timeout(SWITCHED_S):
        while await _coil(module) is not on:
            pass  # each look is a question over TCP, and takes its time
    took_ms = 1000 * (time.perf_counter() - began)
    (await posted).raise_for_status()
    await asyncio.sleep(PAUSE_S)
    return took_ms


async def _coil(module: AsyncModbusTcpClient) -> bool:
    return bool((await module.read_coils(LIGHTS, count=1, device_id=UNIT_ID)).bits[0])


async def _drafted(api: httpx.AsyncClient, order: Mapping[str, Any]) -> dict[str, Any]:
    """A draft; before the box's first challenge there is none to be had."""
    until = time.monotonic() + STANDS_S
    while True:
        answer = await api.post("/api/v1/orders", json=order)
        if answer.is_success:
            drafted: dict[str, Any] = answer.json()
            return drafted
        if time.monotonic() > until:
            raise NotDraftedError(answer.text)
        await asyncio.sleep(1.0)


def _figure(took: list[float]) -> Figure:
    p99 = percentile(took, 99)
    return Figure(
        bench=BENCH,
        name="order approved to output switched, p99",
        value=p99,
        unit="ms",
        target=TARGET_MS,
        ratio=f"{p99 / TARGET_MS:.2f} of target; {len(took)} trials, median {median(took):.0f} ms, "
        f"worst {max(took):.0f} ms",
        limit="the box's disk, two signatures, and the poll of up to 100 ms in which the write waits its turn",
        samples=tuple(round(each, 1) for each in took),
    )


_JSON: Final = {"Content-Type": "application/json"}
