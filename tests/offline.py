"""The offline machine on a disk: an authority, three provisioning keys, a small inventory, and its commands."""

from __future__ import annotations

import io
import sys
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from protocol.bundle import Bundle, read_bundle
from protocol.certificates import thumbprint
from protocol.documents import claimed_payload
from protocol.enrolled import Enrolled, encode_enrolled
from provisioning import command
from tests.bundles import key, spki

BANK = """\
name = "示范银行"
roster_days = 30
provisioning = [{pins}]

[centre]
brokers = ["192.0.2.5:8883"]
enrolment = "192.0.2.7:8443"

[[unit]]
path = "市分行/西区支行"
responsible = ["zhang-wei"]
"""
PERSON = """\
[[person]]
id = "{id}"
name = "{id}"
unit = "市分行/西区支行"
roles = ["security-officer"]

[[person.key]]
id = "{id}-1"
kind = "key_file"
public_key = "{public_key}"
may = ["arm", "disarm"]

"""
SITE = """\
id = "{id}"
name = "网点 {id}"
unit = "市分行/西区支行"
timezone = "Asia/Shanghai"

[[io]]
id = "io1"
address = "192.0.2.{host}"

[[door]]
id = "outer"
contact = "io1/di/0"
closed = 1

[[zone]]
id = "counter"
type = "hold-up"
input = "io1/di/1"

[[camera]]
id = "cam1"
address = "198.51.100.{host}"
login = {{ secret = "cameras" }}
"""


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass
class Offline:
    """Everything below one folder; `run` is `branchwatch provision`."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    people: list[str] = field(default_factory=lambda: ["zhang-wei"])

    def __post_init__(self) -> None:
        self.monkeypatch.setenv("LC_ALL", "C")
        self.run("authority", "new", "--no-passphrase", "--dir", self.folder / "ca")
        names = ("bureau-1", "bureau-2", "bureau-3")
        self.run("issue", "provisioning", *names, "--dir", self.folder / "ca", "--out", self.folder / "bureau")
        for name in ("sites", "boxes"):
            (self.bank / name).mkdir(parents=True)
        self.write_bank("bureau-1", "bureau-2")
        self.write_people()
        self.write_site("0755-031", 31)

    @property
    def bank(self) -> Path:
        """The inventory."""
        return self.folder / "bank"

    @property
    def bundles(self) -> Path:
        """The folder of bundles."""
        return self.folder / "bundles"

    @property
    def secrets(self) -> Path:
        """The file of secrets."""
        return self.folder / "secrets.toml"

    def key_file(self, name: str) -> Path:
        """A provisioning key."""
        return self.folder / "bureau" / f"{name}.key"

    def pin(self, name: str) -> str:
        """Its thumbprint."""
        public = x509.load_pem_x509_certificate(self.key_file(name).with_suffix(".pem").read_bytes()).public_key()
        assert isinstance(public, EllipticCurvePublicKey)
        return thumbprint(public)

    def write_bank(self, *names: str) -> None:
        """bank.toml, whose boxes obey these keys."""
        pins = ", ".join(f'"{self.pin(name)}"' for name in names)
        (self.bank / "bank.toml").write_text(BANK.format(pins=pins))

    def write_people(self, *names: str) -> None:
        """people.toml, of these or of those there were."""
        self.people = list(names) or self.people
        rows = (
            PERSON.format(id=name, public_key=b64encode(spki(key(200 + sum(name.encode())).public_key())).decode())
            for name in self.people
        )
        (self.bank / "people.toml").write_text("".join(rows))

    def write_site(self, site: str, host: int, old: str = "", new: str = "") -> None:
        """A site file, in which `new` stands for `old`."""
        text = SITE.format(id=site, host=host)
        text = text.replace(old, new) if old else text
        (self.bank / "sites" / f"{site}.toml").write_text(text)

    def write_secrets(self, text: str, mode: int = 0o600) -> None:
        """secrets.toml."""
        self.secrets.write_text(text)
        self.secrets.chmod(mode)

    def enrolled(self, box: str, /, *, signing: int = 300, sealing: int = 301, **changes: Any) -> Enrolled:
        """What the enrolment machine wrote of a box, and its file."""
        said = Enrolled(
            v=1,
            box=box,
            site=box.rpartition("-")[0],
            signing=thumbprint(key(signing).public_key()),
            sealing_key=b64encode(spki(key(sealing).public_key())).decode(),
            at="2026-11-21T02:13:49.204Z",
            machine="0123456789abcdef",
        )
        said = msgspec.structs.replace(said, **changes)
        (self.folder / "enrolled").mkdir(exist_ok=True)
        (self.folder / "enrolled" / f"{box}.json").write_bytes(encode_enrolled(said))
        return said

    def enrol(self, box: str, *, signing: int = 300, sealing: int = 301) -> None:
        """A box whose keys stand in the inventory already."""
        public = b64encode(spki(key(sealing).public_key())).decode()
        text = f'signing = "{thumbprint(key(signing).public_key())}"\nsealing_key = "{public}"\n'
        (self.bank / "boxes" / f"{box}.toml").write_text(text)

    def run(self, *words: object, typed: str = "") -> Said:
        """One command; `typed` stands on its standard input."""
        self.capsys.readouterr()
        before, sys.stdin = sys.stdin, io.StringIO(typed)
        try:
            code = command.main([str(word) for word in words])
        finally:
            sys.stdin = before
        shown = self.capsys.readouterr()
        return Said(code=code, out=shown.out, err=shown.err)

    def build(self, *words: object, keys: tuple[str, ...] = ("bureau-1", "bureau-2")) -> Said:
        """`provision build`, signed by these keys."""
        given = [part for name in keys for part in ("--key", self.key_file(name))]
        return self.run("build", "--inventory", self.bank, "--out", self.bundles, *given, *words)

    def sign(self, box: str, name: str, *words: object, typed: str = "y\n") -> Said:
        """`provision sign` of what waits for a box."""
        path = self.bundles / "waiting" / f"{box}.json"
        return self.run("sign", path, "--key", self.key_file(name), *words, typed=typed)

    def accept(self, *words: object, typed: str = "") -> Said:
        """`provision boxes accept`."""
        folder = self.folder / "enrolled"
        return self.run("boxes", "accept", "--inventory", self.bank, "--enrolled", folder, *words, typed=typed)

    def given(self, box: str = "0755-031-a") -> Bundle:
        """What a box is to be given."""
        return read_bundle(claimed_payload((self.bundles / f"{box}.json").read_bytes()))

    def files(self, *ignored: str) -> dict[str, bytes]:
        """Everything on the disk, to see that nothing changed."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name not in ignored
        }
