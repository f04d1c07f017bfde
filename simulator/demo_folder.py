"""The folder of a demo: what stands where, and how it is filled before anything starts.

Certificates are made once, by `branchwatch provision`, and kept; settings are written anew at every start, because
ports and passwords change. Flow: demo.py -> here -> the processes read these files.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.children import run_command
from simulator.site import SimulatedSite

COLLECTOR: Final = "centre-1"
BROKER: Final = "broker-1"
BATCH: Final = 100
"""Certificates issued by one command."""


@dataclass(frozen=True, kw_only=True)
class DemoFolder:
    """Paths below the demo's folder."""

    root: Path

    @property
    def authority(self) -> Path:
        """The authority's own keys."""
        return self.root / "ca"

    @property
    def crls(self) -> Path:
        """All revocation lists."""
        return self.authority / "crls.pem"

    @property
    def trust(self) -> Path:
        """The root certificate."""
        return self.root / "keys" / "root.pem"

    @property
    def collector_config(self) -> Path:
        """Settings of the centre."""
        return self.root / "collector.toml"

    @property
    def collector_state(self) -> Path:
        """The centre's own folder."""
        return self.root / "collector"

    @property
    def database(self) -> Path:
        """The centre's database."""
        return self.collector_state / "collector.sqlite"

    @property
    def evidence(self) -> Path:
        """Pictures and clips that boxes brought."""
        return self.collector_state / "evidence"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    def certificate(self, name: str) -> Path:
        """The certificate of the broker or the collector, with its issuer's."""
        return self.root / "keys" / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Its private key."""
        return self.root / "keys" / f"{name}.key"

    @property
    def bureau(self) -> Path:
        """The two keys that sign site files."""
        return self.root / "bureau"

    @property
    def secrets(self) -> Path:
        """The sites' secrets, as they are sealed to the boxes."""
        return self.root / "secrets.toml"

    @property
    def inventory(self) -> Path:
        """The bank's inventory."""
        return self.root / "inventory"

    @property
    def rules(self) -> Path:
        """The centre's rules: who is told of an alarm, and when."""
        return self.inventory / "centre"

    @property
    def phones_key(self) -> Path:
        """What the centre and the telephones' gateway sign with."""
        return self.root / "phones.key"

    @property
    def enrolment(self) -> Path:
        """What the enrolment works with."""
        return self.root / "enrolment"

    @property
    def bundles(self) -> Path:
        """Signed site files."""
        return self.enrolment / "bundles"

    def person_key(self, person: str) -> Path:
        """The key file of an officer."""
        return self.root / "people" / f"{person}.key"

    def certificate_of(self, site: SimulatedSite) -> Path:
        """The certificate that a box got when it enrolled."""
        return self.state(site) / "identity" / "box.pem"

    def key_of(self, site: SimulatedSite) -> Path:
        """Its private key."""
        return self.state(site) / "identity" / "signing.key"

    def forget_pictures(self, site: SimulatedSite, looks: str) -> None:
        """What a box learned of its cameras' pictures goes where another scene stands before them than last time."""
        note = self.root / "scene"
        if note.exists() and note.read_text(encoding="utf-8") != looks:
            shutil.rmtree(self.state(site) / "references", ignore_errors=True)
        note.write_text(looks, encoding="utf-8")

    def state(self, site: SimulatedSite) -> Path:
        """The box's folder: identity, site file, outbox and memory."""
        return self.root / "boxes" / site.box


async def make_certificates(folder: DemoFolder) -> None:
    """Make what is missing: authority, broker, collector.

    Raises:
        CommandFailedError: a command failed.
    """
    out = ("--dir", str(folder.authority), "--out", str(folder.root / "keys"))
    if not (folder.authority / "root.key").exists():
        await run_command("provision", "authority", "new", "--no-passphrase", "--dir", str(folder.authority))
    else:
        await run_command("provision", "crl", "--dir", str(folder.authority))  # lists hold for seven days
    for role, name in (("broker", BROKER), ("collector", COLLECTOR)):
        if not folder.key(name).exists():
            await run_command("provision", "issue", role, name, *out)


async def issue_boxes(boxes: Sequence[str], *, authority: Path, keys: Path) -> None:
    """Issue certificates to those boxes that have none in `keys`; the site is the box's id without its last part.

    Raises:
        CommandFailedError: there is no such authority.
    """
    missing = [box for box in boxes if not (keys / f"{box}.key").exists()]
    for first in range(0, len(missing), BATCH):
        batch = missing[first : first + BATCH]
        await run_command("provision", "issue", "box", *batch, "--dir", str(authority), "--out", str(keys))


async def hash_password(password: str) -> str:
    """What collector.toml holds in place of a password; the password goes by stdin, never on a command line.

    Raises:
        CommandFailedError: the command failed.
    """
    return await run_command("collector", "password", stdin=password)
