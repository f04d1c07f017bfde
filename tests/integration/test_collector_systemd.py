"""The real collector under a listener in systemd's place (sd_notify(3))."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from collector.systemd import ALIVE, ENDING, READY, WAITING
from tests.brokers import Broker, BrokerKind, Certificates, StartBroker
from tests.conftest import EventuallyBlocking, StartProcess
from tests.integration.test_ingest_brokers import Bench


def test_systemd_hears_waiting_readiness_life_and_end(
    start_broker: StartBroker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """Without a broker the start is extended; READY=1 once there is one; then WATCHDOG=1; STOPPING=1 at the end."""
    port = free_port()
    bench = Bench(tmp_path, certificates, [port], free_port())
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "n"))
        listener.setblocking(False)

        def hears(text: str, times: int = 1) -> bool:
            try:
                while True:
                    heard.append(listener.recv(200).decode())
            except BlockingIOError:
                return heard.count(text) >= times

        told = {"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "400000"}
        collector = process(bench.command, env=told)
        eventually_blocking(lambda: hears(WAITING, 2), 30.0, "it waits for a broker")
        assert READY not in heard
        assert ALIVE not in heard
        broker: Broker = start_broker(BrokerKind.MOSQUITTO, port=port)
        eventually_blocking(lambda: hears(ALIVE, 2), 30.0, "it lives")
        assert heard.count(READY) == 1
        assert heard.index(READY) < heard.index(ALIVE)
        broker.stop()
        alive = heard.count(ALIVE)
        eventually_blocking(lambda: hears(ALIVE, alive + 2), 30.0, "it lives without its broker")
        assert collector.stop() == 0
        assert hears(ENDING)
        assert heard[-1] == ENDING
