"""A whole bank on loopback for one test: certificates, broker, centre, branches and their boxes, all real processes.

Everything lies in one folder and ends with `close`, by the ids of the processes that were started here.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from cryptography import x509

from provisioning.keeping import save_crls
from simulator.site import Centre, SimulatedSite, site_toml, sites
from tests.brokers import Broker, BrokerKind, Certificates, make_certificates
from tests.processes import RunningProcess
from tests.waiting import eventually_blocking
from tests.whole.accounts import OUTBOX, Line, centre_heads, centre_lines, differences
from tests.whole.box import Box
from tests.whole.branch import RunningBranch
from tests.whole.desk import Desk
from tests.whole.loops import LoopThread
from tests.whole.settings import PEOPLE, PersonEntry, collector_toml

BRANCHWATCH: tuple[str | Path, ...] = (sys.executable, "-m", "branchwatch")
COLLECTOR = "centre-1"
READY_S = 45.0
"""How long a process may take to start while other tests have the machine."""
SETTLED_S = 60.0
"""How long a bank may take to bring everything to the centre once all of it runs."""


class Bank:
    """Build it, `add_box`, `start`, spoil it, compare, `close`."""

    def __init__(
        self,
        folder: Path,
        free_port: Callable[[], int],
        *,
        broker: BrokerKind | None = None,
        boxes: int = 1,
        people: tuple[PersonEntry, ...] = PEOPLE,
        more_boxes: tuple[str, ...] = (),
        admit_boxes: bool = True,
    ) -> None:
        """`broker` None: the one that is built into the centre; without `admit_boxes` its settings name no box.

        `more_boxes` have certificates and nothing else.
        """
        self.folder = folder
        self.people = people
        self.loop = LoopThread()
        self._env = {"LC_ALL": "C.UTF-8", "XDG_STATE_HOME": str(folder / "state"), "BRANCHWATCH_DEBUG": "1"}
        self.console_port, self.broker_port, self.evidence_port = free_port(), free_port(), free_port()
        known = sites(boxes)
        self._names = (*(site.box for site in known), *more_boxes)
        self._admitted = self._names if admit_boxes else ()
        self.certificates: Certificates = make_certificates(folder, boxes=self._names, collectors=(COLLECTOR,))
        self.broker = None
        if broker is not None:
            self.broker = Broker(
                broker,
                port=self.broker_port,
                state=folder / "broker",
                certificates=self.certificates,
                boxes=self._names,
                collectors=(COLLECTOR,),
            )
        self.collector: RunningProcess | None = None
        self.boxes: list[Box] = []
        self._desks: dict[str, Desk] = {}
        self._processes: list[RunningProcess] = []
        self._write_collector_config()
        for site in known:
            self._add_box(site)

    @property
    def database(self) -> Path:
        """The centre's database."""
        return self.folder / "collector" / "collector.sqlite"

    @property
    def config(self) -> Path:
        """The centre's settings."""
        return self.folder / "collector.toml"

    @property
    def broker_address(self) -> str:
        """host:port of the broker."""
        return f"127.0.0.1:{self.broker_port}"

    @property
    def console(self) -> str:
        """The console's address."""
        return f"http://127.0.0.1:{self.console_port}"

    @property
    def desk(self) -> Desk:
        """The API as the first person."""
        return self.desk_of(self.people[0])

    def desk_of(self, person: PersonEntry) -> Desk:
        """The API as this person."""
        if person.id not in self._desks:
            self._desks[person.id] = Desk(self.console, person.token)
        return self._desks[person.id]

    def start(self) -> None:
        """Start everything and wait until the centre hears every box."""
        if self.broker is not None:
            self.broker.start()
        self.start_collector()
        for box in self.boxes:
            self.start_box(box)
        for box in self.boxes:
            self.wait_heard(box)

    def start_collector(self) -> None:
        """Start the centre and wait until it is healthy."""
        self.launch_collector()
        self.wait_healthy()

    def launch_collector(self) -> None:
        """Start the centre; returns at once."""
        words = (*BRANCHWATCH, "collector", "serve", "--config", self.config)
        self.collector = self.run(*words, *(["--embedded"] if self.broker is None else []), name="collector")

    def wait_healthy(self) -> None:
        """Wait until the centre listens to its broker."""

        def healthy() -> bool:
            assert self.collector is not None
            if not self.collector.running():
                raise RuntimeError(f"the centre ended\n{self.collector.tail()}")
            return self.desk.ask("GET", "/healthz").status_code == 200

        eventually_blocking(healthy, timeout_s=READY_S, what="the centre is healthy")

    def start_box(self, box: Box, *, env: Mapping[str, str] | None = None) -> None:
        """Start the agent of a box; returns at once."""
        words = (*BRANCHWATCH, "agent", "run", "--config", box.config, "--state", box.state)
        box.lives += 1
        box.process = self.run(*words, name=f"{box.state.name}-{box.lives}", env=env)

    def wait_heard(self, box: Box) -> None:
        """Wait until the centre hears the present run of a box."""

        def heard() -> bool:
            if box.process is not None and not box.process.running():
                raise RuntimeError(f"the box ended\n{box.process.tail()}")
            run = self.run_of(box)
            known = self.desk.box(box.id)
            return bool(known["state"] == "heard" and known["run"] == run)

        eventually_blocking(heard, timeout_s=READY_S, what=f"{box.id} is heard")

    def wait_watching(self, box: Box) -> None:
        """Wait until the box has read its module: from then on doors are seen."""

        def online() -> bool:
            return bool(box.remembers("device/io1")["state"] == "online")

        eventually_blocking(online, timeout_s=READY_S, what=f"{box.id} watches its module")

    def run_of(self, box: Box) -> str:
        """The run that stands last in a box's outbox."""
        connection = sqlite3.connect(box.state / OUTBOX, timeout=10)
        try:
            query = "SELECT run FROM events WHERE lane = 'urgent' ORDER BY seq DESC LIMIT 1"
            row = connection.execute(query).fetchone()
        except sqlite3.OperationalError as error:
            raise LookupError(str(error)) from None
        finally:
            connection.close()
        if row is None:
            raise LookupError("nothing was written yet")
        return str(row[0])

    def kill_box(self, box: Box) -> None:
        """End a box's agent as a power cut would."""
        assert box.process is not None
        box.process.kill()
        with suppress(sqlite3.OperationalError):  # killed before it had a table
            box.account()

    def stop_box(self, box: Box) -> int:
        """End a box's agent in good order."""
        assert box.process is not None
        return box.process.stop()

    def kill_collector(self) -> None:
        """End the centre as a power cut would; a built-in broker goes with it."""
        assert self.collector is not None
        self.collector.kill()

    def kill_broker(self) -> None:
        """End the broker as a power cut would; a built-in one is started again by the centre."""
        if self.broker is not None:
            self.broker.kill()
            return
        assert self.collector is not None
        with suppress(psutil.NoSuchProcess):  # it died with the centre
            for child in psutil.Process(self.collector.pid).children(recursive=True):
                if "nats-server" in child.name():
                    child.kill()

    def start_broker(self) -> None:
        """Start a broker that was killed."""
        if self.broker is not None:
            self.broker.start()

    def revoke(self, identity: str) -> None:
        """Take a certificate back and put the new lists where centre and broker read them."""
        certificate = x509.load_pem_x509_certificates(self.certificates.pair(identity)[0].read_bytes())[0]
        revoked = self.certificates.authority.revoke(certificate, now=datetime.now(UTC))
        self.certificates = replace(self.certificates, authority=revoked)
        save_crls(revoked, self.folder / "ca")

    def clone(self, box: Box, name: str) -> Box:
        """A second machine with the same disk, at the same branch; not started."""
        copy = replace(box, state=box.state.with_name(name), process=None, lives=0, seen=set())
        shutil.copytree(box.state, copy.state)
        self.boxes.append(copy)
        return copy

    def centre_lines(self, box: str) -> Counter[Line]:
        """What the centre committed of a box."""
        alive = self.collector is not None and self.collector.running()
        return centre_lines(self.database, box, alive=alive)

    def faults(self, box: Box) -> list[str]:
        """Why the centre does not have exactly what this box has."""
        account = box.account()
        lost = sorted(box.seen - account.lines)
        found = differences(account, self.centre_lines(box.id), centre_heads(self.database, box.id))
        return [*(f"the box lost {line}" for line in lost[:5]), *found]

    def wait_settled(self, *boxes: Box, timeout_s: float = SETTLED_S) -> None:
        """Wait until the centre has exactly what these boxes (all, where none is named) have, receipted."""
        for box in boxes or self.boxes:

            def settled(box: Box = box) -> bool:
                faults = self.faults(box)
                assert not faults, faults
                return True

            eventually_blocking(settled, timeout_s=timeout_s, what=f"{box.id} and the centre agree")

    def found_by_centre(self, *kinds: str) -> list[str]:
        """Kinds of the centre's own events, in order; only those named where some are."""
        rows = self.centre_kinds()
        return [kind for kind in rows if kind in kinds] if kinds else rows

    def centre_kinds(self) -> list[str]:
        """Kinds of all of the centre's own events, in order."""
        connection = sqlite3.connect(self.database, timeout=10)
        try:
            found = connection.execute("SELECT kind FROM events WHERE box = ? ORDER BY number", (COLLECTOR,)).fetchall()
        finally:
            connection.close()
        return [kind for (kind,) in found]

    def export(self, out: Path, *more: str | Path) -> RunningProcess:
        """`branchwatch collector export`, run to its end."""
        words = (*BRANCHWATCH, "collector", "export", "--dir", self.folder, "--out", out, *more)
        process = self.run(*words, name="export")
        assert process.wait(READY_S) == 0, process.tail()
        return process

    def verify(self, file: Path, *, trust: Path | None = None) -> tuple[int, str]:
        """`branchwatch verify`: its exit code and what it said."""
        words = (*BRANCHWATCH, "verify", file, "--trust", trust or self.certificates.root)
        process = self.run(*words, name="verify")
        code = process.wait(READY_S)
        return code, process.output()

    def run(self, *words: str | Path, name: str, env: Mapping[str, str] | None = None) -> RunningProcess:
        """Start a process that ends with the bank, if not before."""
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        output = logs / f"{len(self._processes)}-{name}.log"
        process = RunningProcess([str(word) for word in words], output, env={**self._env, **(env or {})})
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End everything; what the processes wrote last is shown with a failing test.

        Raises:
            AssertionError: a process did not end in good order.
        """
        for desk in self._desks.values():
            desk.close()
        running = [process for process in reversed(self._processes) if process.running()]
        # A box that was told to end while it still loaded ends by the signal itself; the centre was waited for.
        codes = [(process, process.stop()) for process in running]
        bad = {process.command[4]: code for process, code in codes if code > 0 or (code and process is self.collector)}
        for process in running:
            print(process.tail())
        if self.broker is not None:
            self.broker.stop()
        for box in self.boxes:
            box.branch.stop()
        self.loop.close()
        assert not bad, f"did not end in good order: {bad}"

    def write_site(self, box: Box, *, brokers: tuple[str, ...] | None = None, modbus: str | None = None) -> None:
        """Write the site file of a box, by other ways to its centre or its module where they are given."""
        certificate, key = self.certificates.pair(box.id)
        centre = Centre(
            brokers=brokers or (self.broker_address,), root=self.certificates.root, certificate=certificate, key=key
        )
        text = site_toml(box.site, modbus=modbus or box.branch.address, centre=centre)
        box.config.write_text(text, encoding="utf-8")

    def _add_box(self, site: SimulatedSite) -> Box:
        state, config = self.folder / "boxes" / site.box, self.folder / "sites" / f"{site.id}.toml"
        state.mkdir(parents=True, mode=0o700)
        config.parent.mkdir(exist_ok=True)
        box = Box(site=site, branch=RunningBranch(self.loop), state=state, config=config)
        self.write_site(box)
        self.boxes.append(box)
        return box

    def _write_collector_config(self) -> None:
        self.database.parent.mkdir(mode=0o700)
        text = collector_toml(
            self.certificates,
            collector=COLLECTOR,
            console=f"127.0.0.1:{self.console_port}",
            broker=self.broker_address,
            database=self.database,
            embedded_boxes=self._admitted if self.broker is None else None,
            people=self.people,
            evidence=f"127.0.0.1:{self.evidence_port}",
        )
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)
