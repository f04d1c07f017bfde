"""Brokers for integration tests: `mosquitto`, `nats`, or `broker`, which runs a test on both."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, BrokerKind, Certificates, StartBroker, make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One authority for the session with the known boxes, collectors and a broker. Do not revoke in it."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def start_broker(tmp_path: Path, free_port: Callable[[], int], certificates: Certificates) -> Iterator[StartBroker]:
    """Start as many brokers as a test needs: `start_broker(BrokerKind.NATS, boxes=[...])`; all end with the test."""
    started: list[Broker] = []

    def start(kind: BrokerKind, **settings: object) -> Broker:
        broker = Broker(
            kind,
            **{  # type: ignore[arg-type]
                "port": free_port(),
                "state": tmp_path / f"broker-{len(started)}",
                "certificates": certificates,
                **settings,
            },
        )
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in reversed(started):
        broker.stop()
        print(broker.log())


@pytest.fixture
def mosquitto(start_broker: StartBroker) -> Broker:
    """A running Mosquitto."""
    return start_broker(BrokerKind.MOSQUITTO)


@pytest.fixture
def nats(start_broker: StartBroker) -> Broker:
    """A running nats-server."""
    return start_broker(BrokerKind.NATS)


@pytest.fixture(params=list(BrokerKind))
def broker(request: pytest.FixtureRequest, start_broker: StartBroker) -> Broker:
    """Each of the two, one after the other."""
    return start_broker(request.param)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)
