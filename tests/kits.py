"""Installer's kits for tests: made with the real parts for a real authority, then spoilt in one way each."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Role, fingerprint, kid_of, thumbprint
from protocol.documents import Signer
from protocol.envelope import Sealer
from provisioning.authority import Authority
from provisioning.issuing import Credential
from provisioning.kit.manifest import SUMS, Software
from provisioning.kit.wheels import Wheel
from provisioning.kit.writing import KitOrder, contents, kit_name, signed, write_kit
from tests.bundles import settings
from tests.ledgers import der_chain

SITE, BOX = "0755-031", "0755-031-a"

ONE_OF_EACH = (
    "SHA256SUMS", "enrol.json", "install.md", "install.sh", "kit.txt", "manifest.json", "manifest.sig.der", "pins.json",
    "requirements.txt", "root.pem", "signer.pem", "site.toml", "units/branchwatch-agent.service", "wheels/*",
)  # fmt: skip
"""Every kind of file in a kit."""


def paper_wheel(name: str = "branchwatch", version: str = "0.1.0") -> Wheel:
    """Looks like a wheel from outside; for tests that install nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"# {version}\n")
    return Wheel(name=name, version=version, file=f"{name}-{version}-py3-none-any.whl", content=packed.getvalue())


PARTS: Mapping[str, bytes] = {
    "install.sh": b"#!/bin/sh\n",
    "install.md": b"# Install\n",
    "units/branchwatch-agent.service": b"[Unit]\n",
}
"""The same for what every kit holds."""


@dataclass(kw_only=True)
class Office:
    """An authority with two provisioning keys, of which the first signs; wheels and parts for its kits."""

    authority: Authority
    wheels: Sequence[Wheel]
    software: Software
    parts: Mapping[str, bytes]
    at: datetime

    def __post_init__(self) -> None:
        self.keys = [self.authority.issue(Role.PROVISIONING, name, now=self.at) for name in ("prov-1", "prov-2")]

    @property
    def root(self) -> x509.Certificate:
        """What boxes trust."""
        return self.authority.root.certificate

    @property
    def signed_by(self) -> str:
        """The fingerprint that install.sh must show."""
        return fingerprint(self.keys[0].certificate)

    def order(self, **changes: Any) -> KitOrder:
        """An order for the small branch."""
        order = KitOrder(
            site=SITE,
            box=BOX,
            enrolment="192.0.2.7:8443",
            settings=settings(),
            root=self.root,
            pins=[thumbprint(key.private_key.public_key()) for key in self.keys],
            wheels=self.wheels,
            software=self.software,
            at=self.at,
        )
        return replace(order, **changes)

    def signer(self, key: Credential | None = None) -> Signer:
        """The first key, or the one that is named."""
        key = key or self.keys[0]
        chain = der_chain(self.authority, key.certificate)
        return Signer(sealer=Sealer(key.private_key, kid_of(key.certificate)), chain=chain)

    def kit(self, folder: Path, *, signer: Signer | None = None, **changes: Any) -> Path:
        """A kit below `folder`."""
        order = self.order(**changes)
        place = folder / kit_name(order.site)
        write_kit(signed(order, contents(order, self.parts), signer or self.signer()), place)
        return place


def paper_office(at: datetime) -> Office:
    """An office whose kits cannot be installed, for tests that only look at them."""
    return Office(
        authority=Authority.create(now=at),
        wheels=(paper_wheel(), paper_wheel("pip", "26.3")),
        software=Software(version="0.1.0", arch="x86_64", python="3.11"),
        parts=PARTS,
        at=at,
    )


def one(kit: Path, pattern: str) -> Path:
    """The first file of a kit that a pattern names."""
    return min(kit.glob(pattern))


def change_a_byte(place: Path) -> None:
    """One bit in the middle; text stays text, so that only a sum or a signature notices."""
    content = bytearray(place.read_bytes())
    middle = len(content) // 2
    while not chr(content[middle]).isalnum() and place.suffix not in (".whl", ".der"):
        middle += 1
    content[middle] ^= 1
    place.write_bytes(content)


def _changed(kit: Path, pattern: str) -> None:
    change_a_byte(one(kit, pattern))


def _missing(kit: Path, pattern: str) -> None:
    one(kit, pattern).unlink()


def _cut_off(kit: Path, pattern: str) -> None:
    place = one(kit, pattern)
    place.write_bytes(place.read_bytes()[:-1])


def _changed_with_sum(kit: Path, pattern: str) -> None:
    """What somebody does who knows sha256sum and has no key."""
    place = one(kit, pattern)
    before = sha256(place.read_bytes()).hexdigest()
    change_a_byte(place)
    sums = (kit / SUMS).read_text()
    (kit / SUMS).write_text(sums.replace(before, sha256(place.read_bytes()).hexdigest()))


def _extra(kit: Path, name: str) -> None:
    (kit / name).write_text("x")


def _link(kit: Path, name: str) -> None:
    (kit / name).symlink_to("/etc/passwd")


Way = tuple[Callable[[Path, str], None], str]

WAYS: Mapping[str, Way] = {
    **{f"changed {pattern}": (_changed, pattern) for pattern in ONE_OF_EACH},
    **{f"missing {pattern}": (_missing, pattern) for pattern in ONE_OF_EACH},
    **{f"cut off {pattern}": (_cut_off, pattern) for pattern in ONE_OF_EACH},
    "changed with its sum": (_changed_with_sum, "wheels/*"),
    "an extra file": (_extra, "extra.txt"),
    "an extra wheel": (_extra, "wheels/evil-1-py3-none-any.whl"),
    "a link": (_link, "link"),
}
"""Each way to spoil a kit."""


def spoil(kit: Path, way: str) -> str:
    """Spoil it in one way; the path of what was spoilt."""
    deed, pattern = WAYS[way]
    path = one(kit, pattern).relative_to(kit).as_posix() if list(kit.glob(pattern)) else pattern
    deed(kit, pattern)
    return path


def reversioned(wheel: Wheel, version: str) -> Wheel:
    """The same wheel under another version: what an upgrade brings."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            name = entry.filename.replace(f"{wheel.name}-{wheel.version}.", f"{wheel.name}-{version}.")
            content = old.read(entry)
            if name.endswith(".dist-info/METADATA"):
                content = re.sub(rb"^Version: .*$", f"Version: {version}".encode(), content, flags=re.MULTILINE)
            if name.endswith(".dist-info/RECORD"):
                content = content.replace(f"-{wheel.version}.".encode(), f"-{version}.".encode())
            new.writestr(name, content)
    file = wheel.file.replace(f"-{wheel.version}-", f"-{version}-")
    return Wheel(name=wheel.name, version=version, file=file, content=packed.getvalue())


def box_certificate(office: Office, box: str, site: str = SITE) -> bytes:
    """What stands in identity/box.pem of an enrolled box."""
    return office.authority.issue(Role.BOX, box, site=site, now=office.at).certificate.public_bytes(Encoding.PEM)


def now() -> datetime:
    """Kits are also judged by programs that read the real clock."""
    return datetime.now(UTC)


def facts(kit: Path) -> dict[str, Any]:
    """enrol.json."""
    found: dict[str, Any] = json.loads((kit / "enrol.json").read_text())
    return found
