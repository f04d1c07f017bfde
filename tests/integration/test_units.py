"""The units of systemd/: clean, tight, and the real programs run under what they forbid."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.backup.crypt import new_identity
from protocol.topics import COLLECTOR_SUBSCRIPTION, Up, up_topic
from provisioning.enrolment.folder import new_enrolment
from provisioning.keeping import save_authority
from provisioning.kit.materials import UNITS as KIT_UNITS
from simulator.branch import BranchServer
from tests.brokers import BOXES, BROKER, COLLECTORS, Broker, BrokerKind, Certificates
from tests.conftest import EventuallyBlocking, StartProcess
from tests.enrolled import RealBureau, branch_settings, enrol
from tests.integration.test_agent_run import AGENT, ROOT
from tests.integration.test_brokers import connected
from tests.integration.test_ingest_brokers import Bench
from tests.sandbox import values

UNITS = sorted((ROOT / "systemd").glob("*.service"))
TIMERS = sorted((ROOT / "systemd").glob("*.timer"))
SERVICES = [path for path in UNITS if not path.with_suffix(".timer").exists()]
JOBS = [path for path in UNITS if path.with_suffix(".timer").exists()]
THRESHOLD = "20"
"""systemd-analyze counts in tenths: 2.0."""
INSTALLED = "/opt/branchwatch/current/bin/branchwatch"


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


@pytest.mark.parametrize("path", [*UNITS, *TIMERS], ids=lambda path: path.name)
def test_each_unit_is_clean(path: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, not even a warning, as it has for a key that nobody knows."""
    for each in (path, path.with_suffix(".service")):
        # The program is not installed where tests run.
        (tmp_path / each.name).write_text(each.read_text().replace(INSTALLED, "/bin/true"))
    copy = tmp_path / path.name
    found = analyzed("verify", "--man=no", copy)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    copy.write_text(copy.read_text().replace("Description=", "Descripton="))
    assert "Descripton" in analyzed("verify", "--man=no", copy).stderr


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_each_service_tells_when_it_is_ready_and_is_started_again(path: Path) -> None:
    """Type=notify, a restart after any end, a limit that is said, it starts with the machine; ours have a watchdog."""
    text = path.read_text()
    assert values(text, "Type") == ["notify"]
    assert values(text, "Restart") == ["always"]
    assert values(text, "StartLimitIntervalSec")
    assert values(text, "WantedBy") == ["multi-user.target"]
    if INSTALLED in text:
        assert (
            int(values(text, "WatchdogSec")[0]) >= 15
        )  # the ingest may stand still for 10 s before it is called stuck


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_each_job_ends_and_its_timer_comes_again(path: Path) -> None:
    """A limit for the whole run, no start with the machine but by a timer that makes up for what it missed."""
    text, timer = path.read_text(), path.with_suffix(".timer").read_text()
    assert values(text, "Type") == ["oneshot"]
    assert values(text, "TimeoutStartSec")
    assert values(text, "WantedBy") == values(text, "Restart") == []
    assert values(timer, "WantedBy") == ["timers.target"]
    assert values(timer, "Persistent") == ["yes"]
    assert values(timer, "RandomizedDelaySec")
    assert analyzed("calendar", *values(timer, "OnCalendar")).returncode == 0


def test_keys_are_handed_over_at_the_centre_and_made_on_the_box() -> None:
    """Nothing of the centre's folder is readable by the centre's user; no key of a box comes from outside."""
    for name in ("collector", "backup"):
        assert "collector.key:/etc/branchwatch-centre/collector.key" in values(unit(name).read_text(), "LoadCredential")
    for name in ("agent", "renew", "enrolment"):
        assert values(unit(name).read_text(), "LoadCredential") == []
        assert values(unit(name).read_text(), "StateDirectoryMode") == ["0700"]


def test_the_kit_carries_what_a_box_runs_and_nothing_of_the_centre() -> None:
    """The units of the kit, and install.sh knows how to take each off again."""
    assert list(KIT_UNITS) == [
        path.name for path in [unit("agent"), unit("renew"), unit("renew").with_suffix(".timer")]
    ]
    script = (ROOT / "provisioning" / "kit" / "install.sh").read_text()
    assert all(f'"$UNITS"/{name}' in script for name in KIT_UNITS)
    for name in KIT_UNITS[:2]:
        path = values((ROOT / "systemd" / name).read_text(), "ExecStart")[0].split()[0]
        assert path == INSTALLED


def test_every_line_is_explained() -> None:
    """systemd/README.md has a word for each setting of each unit, and for none that is in no unit."""
    keys = {
        line.partition("=")[0]
        for path in [*UNITS, *TIMERS]
        for line in path.read_text().splitlines()
        if "=" in line[:40]
    }
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
    bureau = RealBureau(certificates)
    async with BranchServer() as branch:
        settings = branch_settings(branch.port, f"{mosquitto.host}:{mosquitto.port}")
        enrol(tmp_path / "state", certificates, bureau, bureau.document(bureau.bundle(settings=settings)))
        command: list[str | Path] = [*AGENT, "run", "--state", tmp_path / "state"]
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


def test_the_backup_runs_under_its_unit(
    mosquitto: Broker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """Without any network: a copy of the database, locked, read back and compared."""
    bench = Bench(tmp_path, certificates, [mosquitto.port], free_port())
    child = process(bench.command, cwd=ROOT)
    eventually_blocking(lambda: "subscribed at" in child.output(), 30.0, "it hears its broker")
    assert child.stop() == 0
    (tmp_path / "backups").mkdir()
    with bench.config.open("a") as config:
        config.write(f'[backup]\nrecipient = "{new_identity().recipient}"\nfolder = "{tmp_path / "backups"}"\n')
    command: list[str | Path] = [sys.executable, "-m", "branchwatch", "collector", "backup", "--config", bench.config]
    done = subprocess.run(under("backup", command), cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "backups").glob("*.age"))


def test_the_enrolment_runs_under_its_unit(
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """Its key from the folder, its channel's certificate from memory, connections taken."""
    save_authority(certificates.authority, tmp_path / "ca")
    new_enrolment(tmp_path / "ca", tmp_path / "enrol", datetime.now(UTC))
    port = free_port()
    words = ["provision", "serve", "--dir", str(tmp_path / "enrol"), "--listen", f"127.0.0.1:{port}"]
    child = process(under("enrolment", [sys.executable, "-m", "branchwatch", *words]), cwd=ROOT)

    def answers() -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=1) as plain, context.wrap_socket(plain) as link:
            return link.version() == "TLSv1.3"

    eventually_blocking(answers, 30.0, "it takes connections")
    assert child.stop() == 0


def test_the_renewal_runs_under_its_unit(
    certificates: Certificates, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """A fresh certificate is left alone; one that is to be renewed is asked for over the network, which it may use."""
    enrol(tmp_path / "state", certificates, RealBureau(certificates))
    command: list[str | Path] = [*AGENT, "renew", "--state", tmp_path / "state", "--at", f"127.0.0.1:{free_port()}"]
    codes = []
    for words in ([], ["--now"]):
        done = subprocess.run(under("renew", [*command, *words]), cwd=ROOT, capture_output=True, text=True, timeout=30)
        codes.append(done.returncode)
    assert codes == [0, 3], done.stderr
    assert "Connection refused" in done.stderr


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
    """A mount, a raw socket and memory that is written and run are refused: the tests above mean something.

    The agent's children may write what they run: OpenVINO does.
    """
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
    forbids_code = values(path.read_text(), "MemoryDenyWriteExecute") == ["yes"]
    assert forbids_code is (path.stem != "branchwatch-agent")
    assert done.stdout.strip() == str([True] * 4 + [forbids_code]), done.stderr


FINDS = """
import sys
from pathlib import Path
import numpy as np
from agent.people.inference import Finder
weights = Path(sys.argv[1])
finder = Finder(weights.with_suffix(".xml").read_bytes(), weights.read_bytes())
print(len(finder.find(np.zeros((finder.height, finder.width, 3), np.uint8))))
"""


def test_people_are_found_under_the_agents_filters() -> None:
    """OpenVINO writes the code it runs: what the agent's unit forbids its children must let it."""
    data = os.environ.get("BRANCHWATCH_DATA", "")
    models = sorted(Path(data, "models").glob("*/FP16-INT8/*.bin")) if data else []
    if not models:
        pytest.skip("BRANCHWATCH_DATA names no folder with models")
    done = subprocess.run(
        under("agent", [sys.executable, "-c", FINDS, models[0]]), cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr[-300:]
