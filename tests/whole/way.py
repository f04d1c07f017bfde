"""A bank's way from an empty folder to guarded branches, by the commands that people type, in one folder on loopback.

Every step is a real command or a real process; nothing is written behind their back but the settings that people write
with an editor. `close` ends everything by the ids of the processes that were started here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from protocol.certificates import thumbprint
from tests.clean_root import CleanRoot
from tests.processes import RunningProcess
from tests.waiting import eventually_blocking
from tests.whole.branch import RunningBranch
from tests.whole.desk import Desk
from tests.whole.loops import LoopThread

BRANCHWATCH: tuple[str, ...] = (sys.executable, "-m", "branchwatch")
INSTALLED = "/opt/branchwatch/bin/branchwatch"
STATE = "/var/lib/branchwatch"
AS_BOX = "setpriv --reuid branchwatch --regid branchwatch --clear-groups"
INSTALLER = "li-na"
TOKEN = "token-of-the-operator"
SITES = ("0755-031", "0755-032", "0755-033")
SHOWN = 3000
"""Characters of a failing command's words."""


class Way:
    """One bank."""

    def __init__(self, folder: Path, free_port: Callable[[], int]) -> None:
        self.folder = folder
        self.console_port, self.broker_port, self.enrolment_port = free_port(), free_port(), free_port()
        self.loop = LoopThread()
        self.branches = {site: RunningBranch(self.loop) for site in SITES}
        self.desk = Desk(f"http://127.0.0.1:{self.console_port}", TOKEN)
        self._env = {**os.environ, "LC_ALL": "C.UTF-8"}
        self._processes: list[RunningProcess] = []
        self._roots: list[CleanRoot] = []
        self.broker: RunningProcess | None = None

    def types(self, *words: str | Path, answers: str = "", code: int = 0) -> str:
        """One command of `branchwatch` in the bank's folder, to its end; what it printed.

        Raises:
            AssertionError: another exit code.
        """
        ended = subprocess.run(
            [*BRANCHWATCH, *(str(word) for word in words)],
            cwd=self.folder,
            env=self._env,
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == code, f"{' '.join(map(str, words))}: {ended.returncode}\n{ended.stdout[-SHOWN:]}"
        return ended.stdout

    def make_authority(self) -> None:
        """Root, issuers, two provisioning keys, broker, collector, installer."""
        self.types("provision", "authority", "new", "--dir", "ca", "--no-passphrase")
        for role, out, *ids in (
            ("provisioning", "bureau", "bureau-1", "bureau-2"),
            ("collector", "centre", "centre-1"),
            ("person", "people", INSTALLER),
        ):
            self.types("provision", "issue", role, *ids, "--dir", "ca", "--out", out)

    def write_inventory(self) -> None:
        """Three sites of one template, ten lines each, at the addresses of this machine."""
        self.types("provision", "inventory", "new", "--dir", "inventory")
        bank = self.folder / "inventory" / "bank.toml"
        pins = ", ".join(f'"{pin}"' for pin in map(self._pin, ("bureau-1", "bureau-2")))
        text = re.sub(r"(?m)^provisioning = .*$", f"provisioning = [{pins}]", bank.read_text())
        text = re.sub(r"(?m)^brokers = .*$", f'brokers = ["127.0.0.1:{self.broker_port}"]', text)
        text = re.sub(r"(?m)^enrolment = .*$", f'enrolment = "127.0.0.1:{self.enrolment_port}"', text)
        bank.write_text(text)
        example = (self.folder / "inventory" / "sites" / f"{SITES[0]}.toml").read_text()
        for site in SITES:
            own = example.replace(SITES[0], site).replace("[[io]]", "key_site = true\n\n[[io]]", 1)
            own = re.sub(r"(?m)^address = .*$", f'address = "{self.branches[site].address}"', own)
            (self.folder / "inventory" / "sites" / f"{site}.toml").write_text(own)
        self.types("provision", "check", "--inventory", "inventory")

    def build(self) -> str:
        """Bundles of every site, signed by two people, into the enrolment's folder."""
        words = ("--inventory", "inventory", "--out", "enrolment/bundles")
        said = self.types("provision", "build", *words, "--key", "bureau/bureau-1.key")
        waiting = sorted((self.folder / "enrolment" / "bundles" / "waiting").glob("*.json"))
        if waiting:
            said += self.types("provision", "sign", *waiting, "--key", "bureau/bureau-2.key", answers="y\n")
        return said

    def begin_enrolment(self) -> None:
        """The enrolment's folder."""
        self.types("provision", "enrolment", "new", "--dir", "ca", "--out", "enrolment")

    def serve_enrolment(self) -> None:
        """Its process."""
        listen = f"127.0.0.1:{self.enrolment_port}"
        self.run("provision", "serve", "--dir", "enrolment", "--listen", listen, name="enrolment")

    def code_for(self, site: str) -> Path:
        """A one-time code, as the file that goes with the stick."""
        code = self.folder / f"{site}.code"
        words = ("--dir", "enrolment", "--inventory", "inventory", "--kit-file", code)
        self.types("provision", "token", site, *words)
        return code

    def start_broker(self) -> None:
        """Mosquitto with the settings that provision writes."""
        if not (self.folder / "broker").exists():
            listen = f"127.0.0.1:{self.broker_port}"
            self.types("provision", "broker", "mosquitto", "--listen", listen, "--dir", "ca", "--out", "broker")
        settings = self.folder / "broker" / "mosquitto.conf"
        if "user root" not in settings.read_text() and os.geteuid() == 0:
            # Root's Mosquitto becomes the user mosquitto, who may not read a test's folder.
            settings.write_text(f"user root\n{settings.read_text()}")
        output = self.folder / f"broker-{len(self._processes)}.log"
        self.broker = RunningProcess(["mosquitto", "-c", settings], output)
        self._processes.append(self.broker)

    def start_centre(self) -> None:
        """The collector, and wait until it hears its broker and has read the enrolment's record."""
        shutil.copy(self.folder / "ca" / "crls.pem", self.folder / "centre" / "crls.pem")
        (self.folder / "database").mkdir(mode=0o700)
        issuer = _thumbprint(self.folder / "enrolment" / "boxes" / "boxes.pem")
        (self.folder / "collector.toml").write_text(
            f"""id = "centre-1"
listen = "127.0.0.1:{self.console_port}"
database = "database/collector.sqlite"
brokers = ["127.0.0.1:{self.broker_port}"]
trust = "centre/root.pem"
certificate = "centre/centre-1.pem"
key = "centre/centre-1.key"
crls = ["centre/crls.pem"]

[enrolment]
address = "127.0.0.1:{self.enrolment_port}"
issuer = "{issuer}"

[[person]]
id = "operator-1"
name = "Operator"
roles = ["operator"]
token_hash = "{sha256(TOKEN.encode()).hexdigest()}"
"""
        )
        self.types("collector", "check", "--config", "collector.toml")
        bundles = sorted((self.folder / "enrolment" / "bundles").glob("*.json"))
        self.types("collector", "deliver", *bundles, "--config", "collector.toml")
        centre = self.run("collector", "serve", "--config", "collector.toml", name="centre")

        def healthy() -> bool:
            assert centre.running(), centre.tail()
            return self.desk.ask("GET", "/healthz").status_code == 200

        eventually_blocking(healthy, timeout_s=45, what="the centre is healthy")

    def bare_machine(self, stick: Path) -> CleanRoot:
        """A machine with Debian's programs and this stick, on this machine's network."""
        root = CleanRoot(folder=self.folder / f"machine-{len(self._roots)}", stick=stick, network=True)
        self._roots.append(root)
        return root

    def run(self, *words: str | Path, name: str) -> RunningProcess:
        """Start a process that ends with the bank, if not before."""
        output = self.folder / f"{len(self._processes)}-{name}.log"
        process = RunningProcess([*BRANCHWATCH, *words], output, cwd=self.folder, env=self._env)
        self._processes.append(process)
        return process

    def run_in(self, root: CleanRoot, command: str, name: str) -> RunningProcess:
        """The same inside a machine."""
        output = self.folder / f"{len(self._processes)}-{name}.log"
        process = RunningProcess(root.words(), output, env=root.environment(command))
        self._processes.append(process)
        return process

    def heard(self, box: str) -> None:
        """Wait until the centre hears a box."""
        eventually_blocking(lambda: self.desk.box(box)["state"] == "heard", timeout_s=45, what=f"{box} is heard")

    def close(self) -> None:
        """End everything."""
        self.desk.close()
        for process in reversed(self._processes):
            process.stop()
        for branch in self.branches.values():
            branch.stop()
        self.loop.close()
        for root in self._roots:
            root.close()

    def _pin(self, name: str) -> str:
        return _thumbprint(self.folder / "bureau" / f"{name}.pem")


def _thumbprint(certificate: Path) -> str:
    key = x509.load_pem_x509_certificates(certificate.read_bytes())[0].public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    return thumbprint(key)


def lines_of(said: str, *words: str) -> Sequence[str]:
    """The lines in which all of these words stand."""
    return [line for line in said.splitlines() if all(word in line for word in words)]
