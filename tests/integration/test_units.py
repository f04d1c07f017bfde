"""The units of systemd/: clean, tight, and the real programs run under what they forbid."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.topics import COLLECTOR_SUBSCRIPTION, Up, up_topic
from simulator.branch import BranchServer
from tests.brokers import BOXES, BROKER, COLLECTORS, Broker, BrokerKind, Certificates
from tests.conftest import EventuallyBlocking, StartProcess
from tests.integration.test_agent_run import AGENT, ROOT, site_file
from tests.integration.test_brokers import connected
from tests.integration.test_ingest_brokers import Bench
from tests.sandbox import values

UNITS = sorted((ROOT / "systemd").glob("*.service"))
THRESHOLD = "20"
"""systemd-analyze counts in tenths: 2.0."""
INSTALLED = "/opt/branchwatch/bin/branchwatch"


def unit(name: str) -> Path:
    """A unit's file."""
    return ROOT / "systemd" / f"branchwatch-{name}.service"


def under(name: str, command: list[str | Path]) -> list[str | Path]:
    """The command under the filters of a unit."""
    return [sys.executable, "-m", "tests.sandbox", unit(name), *command]


def analyzed(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """What `systemd-analyze` says."""
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_each_unit_is_exposed_at_most_2_0(path: Path) -> None:
    """`systemd-analyze security` at 2.0 or better."""
    found = analyzed("security", "--offline=true", f"--threshold={THRESHOLD}", path)
    assert found.returncode == 0, found.stdout[-300:] + found.stderr


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_each_unit_is_clean(path: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, not even a warning, as it has for a key that nobody knows."""
    copy = tmp_path / path.name
    text = path.read_text().replace(INSTALLED, "/bin/true")  # the program is not installed where tests run
    copy.write_text(text)
    found = analyzed("verify", "--man=no", copy)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    copy.write_text(text.replace("WantedBy=", "WatnedBy="))
    assert "WatnedBy" in analyzed("verify", "--man=no", copy).stderr


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_each_unit_tells_when_it_is_ready_and_is_started_again(path: Path) -> None:
    """Type=notify, a restart after any end, a limit that is said; our own programs have a watchdog and credentials."""
    text = path.read_text()
    assert values(text, "Type") == ["notify"]
    assert values(text, "Restart") == ["always"]
    assert values(text, "StartLimitIntervalSec")
    if INSTALLED in text:
        assert (
            int(values(text, "WatchdogSec")[0]) >= 15
        )  # the ingest may stand still for 10 s before it is called stuck
        assert any(line.startswith(("box.key:", "collector.key:")) for line in values(text, "LoadCredential"))


def test_every_line_is_explained() -> None:
    """systemd/README.md has a word for each setting of each unit, and for none that is in no unit."""
    keys = {line.partition("=")[0] for path in UNITS for line in path.read_text().splitlines() if "=" in line[:40]}
    keys = {key for key in keys if re.fullmatch(r"[A-Za-z]+", key)}
    rows = (ROOT / "systemd" / "README.md").read_text().splitlines()
    explained = {
        key for row in rows if row.startswith("| `") for key in re.findall(r"`([A-Za-z]+)=", row.split("|")[1])
    }
    assert keys == explained


async def test_the_agent_runs_under_its_unit(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess
) -> None:
    """Python, cryptography, SQLite, Modbus and MQTT need no forbidden call and no memory both written and run."""
    async with BranchServer() as branch:
        file = site_file(tmp_path, certificates, branch.port, f"{mosquitto.host}:{mosquitto.port}")
        command: list[str | Path] = [*AGENT, "run", "--config", file, "--state", tmp_path / "state"]
        async with connected(mosquitto, COLLECTORS[0]) as centre:
            await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
            child = process(under("agent", command), cwd=ROOT)
            async with asyncio.timeout(30):
                assert str((await anext(aiter(centre.messages))).topic) == up_topic(BOXES[0], Up.BIRTH)
        assert await asyncio.to_thread(child.stop) == 0


@pytest.mark.parametrize("embedded", [False, True])
def test_the_collector_runs_under_its_unit(
    embedded: bool,
    mosquitto: Broker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """With a broker beside it and with the built-in one: pages, database, signatures, threads, a child process."""
    port = free_port() if embedded else mosquitto.port
    bench = Bench(tmp_path, certificates, [port], free_port())
    if embedded:
        certificate, key = certificates.pair(BROKER)
        with bench.config.open("a") as config:
            config.write(f'[embedded]\nlisten = "127.0.0.1:{port}"\ncertificate = "{certificate}"\nkey = "{key}"\n')
            config.write('boxes = ["0755-031-a"]\n')
    child = process(under("collector", [*bench.command, *(["--embedded"] if embedded else [])]), cwd=ROOT)
    eventually_blocking(lambda: "subscribed at" in child.output(), 30.0, "it hears its broker")
    assert child.stop() == 0


def test_mosquitto_runs_under_its_unit(
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """Debian's Mosquitto with our settings takes connections."""
    broker = Broker(BrokerKind.MOSQUITTO, port=free_port(), state=tmp_path / "state", certificates=certificates)
    child = process(under("mosquitto", broker.command()), cwd=ROOT)

    def listens() -> bool:
        with socket.create_connection((broker.host, broker.port), timeout=1):
            return True

    eventually_blocking(listens, what="mosquitto listens")
    child.stop()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_the_filters_do_forbid(path: Path) -> None:
    """A mount, a raw socket and memory that is written and run are refused: the tests above mean something."""
    attempt = """
import ctypes, mmap, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.mount(b"none", b"/no/such/place", b"tmpfs", 0, None)  # ENOENT where it is not forbidden
refused = [ctypes.get_errno() == 1]
for family in (socket.AF_PACKET, socket.AF_NETLINK, 44):
    try:
        socket.socket(family, socket.SOCK_RAW)
        refused.append(False)
    except PermissionError:
        refused.append(True)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    refused.append(False)
except PermissionError:
    refused.append(True)
print(refused)
"""
    words: list[str | Path] = [sys.executable, "-m", "tests.sandbox", path, sys.executable, "-c", attempt]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == str([True] * 5), done.stderr
