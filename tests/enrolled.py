"""An enrolled box for tests: its folder as enrolment leaves it, and bundles that two provisioning keys sign for it.

In real time, under the authority of a test's broker and collectors. Virtual time and paper alone: `tests/bundles.py`.
"""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.site_store import SiteStore
from protocol.bundle import Bundle, encode_bundle
from protocol.certificates import Role, thumbprint
from protocol.documents import sign_document
from protocol.envelope import EnvelopeType
from protocol.ids import new_event_id
from protocol.messages import Order, encode
from protocol.roster import Roster
from protocol.timestamps import format_time
from provisioning.issuing import Credential
from simulator.site import Centre, site_toml, sites
from tests.brokers import Certificates
from tests.bundles import Bureau, key, person
from tests.ledgers import trust_of
from tests.small_centre import SmallCentre

BOX, SITE = "0755-031-a", "0755-031"


class RealBureau(Bureau):
    """Three provisioning keys of a running test's authority, of which two are pinned; everything begins now."""

    def __init__(self, certificates: Certificates) -> None:
        self.authority = certificates.authority
        self.trust = trust_of(self.authority)
        self.keys = {name: self.issue(name) for name in ("bureau-1", "bureau-2", "bureau-3")}
        not_after = format_time(datetime.now(UTC) + timedelta(days=30))
        self.roster = Roster(version=1, not_after=not_after, people=(person("zhang-wei", 100),))
        self.pins = frozenset(thumbprint(self.keys[name].private_key.public_key()) for name in ("bureau-1", "bureau-2"))

    def issue(self, name: str, role: Role = Role.PROVISIONING) -> Credential:
        """A key of a role."""
        return self.authority.issue(role, name, now=datetime.now(UTC))

    def bundle(self, version: int = 1, **changes: Any) -> Bundle:
        """A bundle for the simulated branch; `settings` must be among the changes."""
        fields: dict[str, Any] = {
            "v": 1,
            "site": SITE,
            "box": BOX,
            "version": version,
            "at": format_time(datetime.now(UTC)),
            "roster": self.roster,
            "pins": tuple(sorted(self.pins)),
            "sealed": {},
        }
        return Bundle(**(fields | changes))


def branch_settings(modbus: int, broker: str) -> dict[str, Any]:
    """The first simulated branch as a bundle has it: its module at a port of loopback, its broker at `host:port`."""
    nowhere = Centre(brokers=(broker,), root=Path("x"), certificate=Path("x"), key=Path("x"))
    settings = tomllib.loads(site_toml(sites(1)[0], modbus=f"127.0.0.1:{modbus}", centre=nowhere, tolerance_s=0))
    settings["centre"] = {"box": BOX, "brokers": [broker]}
    return settings


def changed(settings: dict[str, Any], **top: Any) -> dict[str, Any]:
    """A copy with other top keys."""
    return {**deepcopy(settings), **top}


def enrol(state: Path, certificates: Certificates, bureau: Bureau, document: bytes | None = None) -> None:
    """Make the folder of box BOX: keys, certificate, root, pins, and the bundle that the enrolment brought."""
    chain, signing = certificates.pair(BOX)
    folder = state / "identity"
    folder.mkdir(parents=True)
    state.chmod(0o700)
    (folder / "box.pem").write_bytes(chain.read_bytes())
    (folder / "root.pem").write_bytes(certificates.root.read_bytes())
    (folder / "pins.json").write_text(json.dumps(sorted(bureau.pins)))
    for name, content in (("signing.key", signing.read_bytes()), ("sealing.key", _pem(sealing_key()))):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    if document is not None:
        SiteStore(state).commit(document, keep=None)


def sealing_key() -> EllipticCurvePrivateKey:
    """The box's sealing key."""
    return key(31)


def site_order(centre: SmallCentre, document: bytes, number: int = 1) -> bytes:
    """The sealed order by which a centre carries a bundle."""
    order = Order(
        v=1,
        id=new_event_id(0, number.to_bytes(10, "big")),
        box=BOX,
        challenge="",
        roster_version=0,
        action="site_file",
        at=format_time(datetime.now(UTC)),
        by=centre.id,
        args={"bundle": json.loads(document)},
    )
    return centre.sealer.seal(EnvelopeType.ORDER, encode(order))


def unpinned(bureau: Bureau, bundle: Bundle) -> bytes:
    """The same bundle, signed by two keys of which the box knows one."""
    signers = [bureau.signer(bureau.keys[name]) for name in ("bureau-1", "bureau-3")]
    return sign_document(EnvelopeType.SITE, encode_bundle(bundle), signers)


def _pem(private_key: EllipticCurvePrivateKey) -> bytes:
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
