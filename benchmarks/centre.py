"""The centre as people start it: `branchwatch collector serve`, its broker, and what a bench asks it over HTTP."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import httpx

from benchmarks.bank import HOST, Bank, free_port
from benchmarks.processes import BRANCHWATCH, Process

READY_S: Final = 30.0
PAUSE_S: Final = 0.05


class NotReadyError(Exception):
    """A part did not come up in time; the message names it."""


class Centre:
    """A running centre; `broker` is None where the broker is the built-in one."""

    def __init__(self, bank: Bank, collector: Process, broker: Process | None, ports: tuple[int, int]) -> None:
        self.bank = bank
        self.collector = collector
        self.broker = broker
        self.console_port, self.broker_port = ports
        self.address = f"http://localhost:{self.console_port}"
        self.headers = {"Authorization": f"Bearer {bank.token}"}

    def check(self) -> None:
        """Raises: ProcessEndedError."""
        self.collector.check()
        if self.broker is not None:
            self.broker.check()

    def get(self, path: str) -> Any:
        """Ask the API; the answer's JSON."""
        answer = httpx.get(self.address + path, headers=self.headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    async def heard(self, boxes: int, wait_s: float = READY_S) -> None:
        """Wait until the centre hears so many boxes."""
        deadline = time.monotonic() + wait_s
        while True:
            self.check()
            listed = await asyncio.to_thread(self._heard)
            if listed >= boxes:
                return
            if time.monotonic() > deadline:
                raise NotReadyError(f"the centre hears {listed} of {boxes} boxes after {wait_s:.0f} s")
            await asyncio.sleep(PAUSE_S)

    def _heard(self) -> int:
        heard: int = 0
        following = ""
        while True:
            page = self.get(f"/api/v1/boxes?limit=500{following}")
            heard += sum(box["state"] == "heard" for box in page["items"])
            if page["next"] is None:
                return heard
            following = f"&cursor={page['next']}"


@contextmanager
def serving(bank: Bank, broker_kind: str | None) -> Iterator[Centre]:
    """A centre with a broker of this kind beside it, or with the built-in one."""
    console, broker_port = free_port(), free_port()
    with ExitStack() as stack:
        broker = None
        if broker_kind is not None:
            command = bank.broker_command(broker_kind, broker_port)
            broker = stack.enter_context(Process(broker_kind, command, bank.logs / f"{broker_kind}.log"))
            listening(broker, broker_port)
        config = bank.collector_toml(console=console, broker=broker_port, embedded=broker_kind is None)
        words = [*BRANCHWATCH, "collector", "serve", "--config", str(config)]
        words += ["--embedded"] if broker_kind is None else []
        collector = stack.enter_context(Process("collector", words, bank.logs / "collector.log"))
        centre = Centre(bank, collector, broker, (console, broker_port))
        _healthy(centre)
        yield centre


def listening(process: Process, port: int) -> None:
    """Wait until a broker takes connections."""
    deadline = time.monotonic() + READY_S
    while True:
        process.check()
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise NotReadyError(f"{process.name} does not listen after {READY_S:.0f} s") from None
            time.sleep(PAUSE_S)
        else:
            return


def _healthy(centre: Centre) -> None:
    deadline = time.monotonic() + READY_S
    said = "nothing"
    while time.monotonic() < deadline:
        centre.check()
        try:
            answer = httpx.get(f"{centre.address}/healthz", timeout=2)
            if answer.status_code == 200:
                return
            said = answer.text
        except httpx.HTTPError as error:
            said = str(error)
        time.sleep(PAUSE_S)
    raise NotReadyError(f"the centre is not healthy after {READY_S:.0f} s: {said}; {centre.collector.last_words()}")
