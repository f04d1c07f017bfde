"""The demo's bank: everything from an empty folder to signed site files on enrolled boxes, by commands.

Two bureau keys sign, two officers hold key files, every box enrols over the network; only texts that people
write with an editor are written here. Flow: demo.py -> here -> `provision ...`, `agent enrol`, `agent site apply`.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from protocol.certificates import thumbprint
from simulator.children import Children, run_command
from simulator.demo_file import CameraAccess
from simulator.demo_folder import DemoFolder
from simulator.demo_people import OFFICERS, people_toml
from simulator.guarded import Hours
from simulator.site import SimulatedSite, inventory_toml
from simulator.watched import SECRET

BUREAU: Final = ("bureau-1", "bureau-2")
AT_ONCE: Final = 4
"""Boxes that enrol at the same time."""
READY_S: Final = 20.0
CODE: Final = "271828"
DURESS_CODE: Final = "271829"
"""Codes of the first officer at every keypad of the demo."""

CAMERA_USER: Final = "guard"

_PANEL_KEY: Final = re.compile(r'(?m)^panel-p1 = "([0-9a-f]+)"$')
_CAMERA_LOGIN: Final = re.compile(rf'(?m)^{SECRET} = "([a-z]+:[0-9a-f]+)"$')
_FINGERPRINT: Final = re.compile(r"\b(?:[0-9A-F]{4} ){7}[0-9A-F]{4}\b")


@dataclass(frozen=True, kw_only=True)
class Wired:
    """One branch as the inventory names it in this run: where its module answers and where its panel dials."""

    site: SimulatedSite
    modbus: str  # host:port
    receiver: str  # host:port
    cameras: Sequence[CameraAccess] = ()


class Bank:
    """One demo's bank. The steps are called in the order they stand here."""

    def __init__(self, folder: DemoFolder) -> None:
        self._folder = folder

    async def found(self) -> None:
        """What is made once: the keys that sign, the officers' keys, the panels' key, the enrolment.

        Raises:
            CommandFailedError: a command refused.
        """
        folder = self._folder
        issue = ("provision", "issue", "provisioning", *BUREAU, "--dir", str(folder.authority))
        if not (folder.bureau / f"{BUREAU[0]}.key").exists():
            await run_command(*issue, "--out", str(folder.bureau))
        for officer in OFFICERS:
            if not folder.person_key(officer.id).exists():
                folder.person_key(officer.id).parent.mkdir(mode=0o700, exist_ok=True)
                await run_command("order", "keygen", str(folder.person_key(officer.id)), "--no-passphrase")
        if not folder.secrets.exists():
            self._write_panel_key(secrets.token_hex(16))
            code = ("provision", "code", OFFICERS[0].id, "--out", str(folder.secrets))
            await run_command(*code, stdin=f"{CODE}\n{DURESS_CODE}\n")
        if self._found(_CAMERA_LOGIN) is None:  # a folder of a demo that had no cameras yet
            text = folder.secrets.read_text(encoding="utf-8")
            login = f'{SECRET} = "{CAMERA_USER}:{secrets.token_hex(8)}"'
            _write(folder.secrets, text.replace("[secrets]\n", f"[secrets]\n{login}\n", 1))
        if not folder.enrolment.exists():
            enrolment = ("provision", "enrolment", "new", "--dir", str(folder.authority))
            await run_command(*enrolment, "--out", str(folder.enrolment))

    def panel_key(self) -> str:
        """The key that every panel of the demo encrypts with, in hex."""
        return self._secret(_PANEL_KEY)

    def camera_login(self) -> tuple[str, str]:
        """User and password of every camera and recorder of the demo."""
        user, _, password = self._secret(_CAMERA_LOGIN).partition(":")
        return user, password

    def write_inventory(
        self, wired: Sequence[Wired], hours: Sequence[Hours], *, broker: str, enrolment: str, evidence: str
    ) -> None:
        """The whole inventory but the boxes' keys, anew: addresses and hours are those of this run."""
        inventory = self._folder.inventory
        (inventory / "sites").mkdir(parents=True, exist_ok=True)
        for old in (inventory / "sites").glob("*.toml"):
            old.unlink()
        units = sorted({each.site.unit for each in wired})
        keys = {officer.id: self._folder.person_key(officer.id) for officer in OFFICERS}
        pins = [_thumbprint(self._folder.bureau / f"{name}.pem") for name in BUREAU]
        _write(inventory / "bank.toml", _bank_toml(pins, units, broker=broker, enrolment=enrolment, evidence=evidence))
        _write(inventory / "people.toml", people_toml(keys))
        for each, open_when in zip(wired, hours, strict=True):
            text = inventory_toml(
                each.site, modbus=each.modbus, receiver=each.receiver, hours=open_when, cameras=each.cameras
            )
            _write(inventory / "sites" / f"{each.site.id}.toml", text)

    async def enrol(self, sites: Sequence[SimulatedSite], children: Children, listen: str) -> None:
        """Enrol every box that is not, over the network, and take the boxes' keys into the inventory.

        Raises:
            CommandFailedError: a command refused.
        """
        new = [site for site in sites if not self._folder.certificate_of(site).exists()]
        if not new:
            return
        folder = self._folder
        await children.start("enrolment", "provision", "serve", "--dir", str(folder.enrolment), "--listen", listen)
        gate = asyncio.Semaphore(AT_ONCE)
        await _answers(listen)
        spoken = await asyncio.gather(*(self._enrol(site, listen, gate) for site in new))
        yes = [word for each in spoken for word in ("--yes-fingerprint", each)]
        enrolled = str(folder.enrolment / "enrolled")
        accept = ("provision", "boxes", "accept", "--inventory", str(folder.inventory), "--enrolled", enrolled)
        await run_command(*accept, *yes)
        await children.stop_one("enrolment")

    async def build(self) -> None:
        """The next bundle of every site that changed, signed by both bureau keys.

        Raises:
            CommandFailedError: a command refused.
        """
        folder = self._folder
        keys = [str(folder.bureau / f"{name}.key") for name in BUREAU]
        words = ("--inventory", str(folder.inventory), "--out", str(folder.bundles), "--secrets", str(folder.secrets))
        await run_command("provision", "build", *words, "--key", keys[0])
        waiting = sorted((folder.bundles / "waiting").glob("*.json"))
        if waiting:
            await run_command("provision", "sign", *map(str, waiting), "--yes", "--key", keys[1])

    async def deliver(self) -> None:
        """Hand all bundles to the centre.

        Raises:
            CommandFailedError: it refused one.
        """
        bundles = sorted(self._folder.bundles.glob("*.json"))
        await run_command("collector", "deliver", *map(str, bundles), "--config", str(self._folder.collector_config))

    async def apply(self, sites: Sequence[SimulatedSite]) -> None:
        """Bring every box its bundle by hand, as an engineer would: its old one names yesterday's ports.

        Raises:
            CommandFailedError: a box refused it.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def apply_one(site: SimulatedSite) -> None:
            bundle = self._folder.bundles / f"{site.box}.json"
            async with gate:
                state = str(self._folder.state(site))
                await run_command("agent", "site", "apply", str(bundle), "--state", state)

        await asyncio.gather(*(apply_one(site) for site in sites))

    async def _enrol(self, site: SimulatedSite, listen: str, gate: asyncio.Semaphore) -> str:
        """One box; the fingerprint that it shows."""
        folder, state = self._folder, self._folder.state(site)
        code = folder.root / f"{site.box}.code"
        kit = self._write_kit(site, listen)
        async with gate:
            words = ("--dir", str(folder.enrolment), "--inventory", str(folder.inventory), "--kit-file", str(code))
            await run_command("provision", "token", site.id, *words)
            said = await run_command(
                "agent", "enrol", "--code-file", str(code), "--kit", str(kit), "--state", str(state)
            )
        code.unlink()
        found = _FINGERPRINT.search(said)
        if found is None:
            raise ValueError(said)
        return found[0]

    def _write_kit(self, site: SimulatedSite, listen: str) -> Path:
        """The three files of a stick that an enrolling box reads (docs/trust.md 7)."""
        kit = self._folder.root / "kits" / site.box
        kit.mkdir(parents=True, exist_ok=True)
        (kit / "root.pem").write_bytes(self._folder.trust.read_bytes())
        pins = [_thumbprint(self._folder.bureau / f"{name}.pem") for name in BUREAU]
        _write(kit / "pins.json", json.dumps(pins))
        _write(kit / "enrol.json", json.dumps({"v": 1, "site": site.id, "box": site.box, "at": listen}))
        return kit

    def _secret(self, pattern: re.Pattern[str]) -> str:
        found = self._found(pattern)
        if found is None:
            raise ValueError(self._folder.secrets)
        return found

    def _found(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.search(self._folder.secrets.read_text(encoding="utf-8"))
        return None if found is None else found[1]

    def _write_panel_key(self, key: str) -> None:
        self._folder.secrets.touch(mode=0o600)
        _write(self._folder.secrets, f'[secrets]\npanel-p1 = "{key}"\n')


def _bank_toml(pins: Sequence[str], units: Sequence[str], *, broker: str, enrolment: str, evidence: str) -> str:
    listed = ", ".join(f'"{pin}"' for pin in pins)
    parts = [
        f'name = "示范银行"\nprovisioning = [{listed}]\n',
        f'[centre]\nbrokers = ["{broker}"]\nenrolment = "{enrolment}"\nevidence = "{evidence}"\n',
        *(f'[[unit]]\npath = "{unit}"\nresponsible = ["{OFFICERS[0].id}"]\n' for unit in units),
    ]
    return "\n".join(parts)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _thumbprint(certificate: Path) -> str:
    key = x509.load_pem_x509_certificates(certificate.read_bytes())[0].public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise TypeError(certificate)
    return thumbprint(key)


async def _answers(address: str) -> None:
    """Wait until somebody listens there."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(READY_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return
