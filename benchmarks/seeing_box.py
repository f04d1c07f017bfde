"""An enrolled box with a camera, as people start it: its login is sealed in a signed bundle, its camera a process.

Doors and interlocks as in `doors.py`; the camera shows every interlock.
"""

import secrets
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.site_store import SiteStore
from benchmarks.bank import HOST, Bank, free_port
from benchmarks.box import Box
from benchmarks.doors import INTERLOCKS, Doors, interlock_name, site_toml
from benchmarks.processes import BRANCHWATCH, Process
from protocol.bundle import Bundle, encode_bundle
from protocol.certificates import Role, kid_of, thumbprint
from protocol.documents import Signer, sign_document
from protocol.envelope import EnvelopeType, Sealer
from protocol.roster import Roster
from protocol.sealing import seal_secret
from protocol.timestamps import format_time
from provisioning.authority import Authority
from provisioning.keeping import load_authority

CAMERA: Final = "03"
SECRET: Final = "cameras"  # noqa: S105 - a name
USER: Final = "guard"


@asynccontextmanager
async def seeing(bank: Bank, site: str, broker_port: int) -> AsyncIterator[Box]:
    """The box of `site`, started before its camera; its doors are closed."""
    folder = bank.root / "sites" / site
    state = folder / "state"
    state.mkdir(parents=True, mode=0o700)
    password, rtsp = secrets.token_hex(8), free_port()
    login = folder / "login"
    login.write_text(f"{USER}:{password}")
    login.chmod(0o600)
    async with Doors() as doors:
        text = site_toml(site, "", modbus=doors.port, broker=broker_port)
        settings = tomllib.loads(text) | _watched(rtsp)
        settings["centre"] = {
            "box": f"{site}-a",
            "brokers": [f"{HOST}:{broker_port}"],
            "evidence": f"localhost:{bank.evidence_port}",
        }
        _enrol(bank, state, site, settings, f"{USER}:{password}")
        looks = ["simulate", "camera", "--login-file", str(login), "--rtsp-port", str(rtsp)]
        runs = ["agent", "run", "--state", str(state)]
        with (
            Process(f"camera-{site}", [*BRANCHWATCH, *looks], bank.logs / f"camera-{site}.log"),
            Process(f"agent-{site}", [*BRANCHWATCH, *runs], bank.logs / f"agent-{site}.log") as agent,
        ):
            yield Box(site, doors, agent)


def _watched(rtsp: int) -> dict[str, Any]:
    camera = {
        "id": CAMERA,
        "protocol": "rtsp",
        "address": f"rtsp://{HOST}:{rtsp}/sub",
        "login": {"secret": SECRET},
        "watch": ["picture"],
        "shows": [interlock_name(number) for number in range(INTERLOCKS)],
    }
    return {"camera": [camera]}


def _enrol(bank: Bank, state: Path, site: str, settings: dict[str, Any], login: str) -> None:
    """The folder as enrolment leaves it."""
    now = datetime.now(UTC)
    authority = load_authority(bank.root / "ca")
    signers = [_bureau(authority, name, now) for name in ("bureau-1", "bureau-2")]
    sealing = generate_private_key(SECP256R1())
    box = f"{site}-a"
    identity = state / "identity"
    identity.mkdir(mode=0o700)
    (identity / "box.pem").write_bytes((bank.keys / f"{box}.pem").read_bytes())
    (identity / "root.pem").write_bytes((bank.keys / "root.pem").read_bytes())
    private = sealing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (("signing.key", (bank.keys / f"{box}.key").read_bytes()), ("sealing.key", private)):
        (identity / name).write_bytes(content)
        (identity / name).chmod(0o600)
    pins = tuple(sorted(thumbprint(key) for _, key in signers))
    (identity / "pins.json").write_text(f'["{pins[0]}", "{pins[1]}"]')
    bundle = Bundle(
        v=1,
        site=site,
        box=box,
        version=1,
        at=format_time(now),
        settings=settings,
        roster=Roster(version=1, not_after=format_time(now + timedelta(days=30)), people=()),
        pins=pins,
        sealed={SECRET: seal_secret(login.encode(), box=box, name=SECRET, key=sealing.public_key())},
    )
    document = sign_document(EnvelopeType.SITE, encode_bundle(bundle), [signer for signer, _ in signers])
    SiteStore(state).commit(document, keep=None)


def _bureau(authority: Authority, name: str, now: datetime) -> tuple[Signer, EllipticCurvePublicKey]:
    credential = authority.issue(Role.PROVISIONING, name, now=now)
    sealer = Sealer(credential.private_key, kid_of(credential.certificate))
    chain = tuple(each.public_bytes(Encoding.DER) for each in authority.chain(credential.certificate))
    return Signer(sealer=sealer, chain=chain), credential.private_key.public_key()
