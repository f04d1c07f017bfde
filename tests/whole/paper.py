"""What a box says of itself, on paper: births of a `PaperBox` with a real certificate, for tests that speak for one."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from protocol.certificates import kid_of
from protocol.envelope import EnvelopeType, Sealer
from protocol.kinds import Lane
from protocol.messages import Birth, Clock, LaneHead, SiteFacts, encode
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.ledgers import PaperBox


def paper_box(authority: Authority, box: str) -> PaperBox:
    """A box whose certificate begins now; its site is its id without the last part."""
    return PaperBox(authority=authority, id=box, site=box.rpartition("-")[0], now=datetime.now(UTC))


def take_identity(box: PaperBox, certificate_file: Path, key_file: Path) -> None:
    """Speak with the key and certificates of these files from now on."""
    chain = load_pem_x509_certificates(certificate_file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    box.sealer = Sealer(key, kid_of(chain[0]))
    box.chain = tuple(one.public_bytes(Encoding.DER) for one in chain)


def birth(box: PaperBox, counter: int = 1, *, site: str | None = None) -> bytes:
    """A sealed birth; it introduces the box's key to the centre."""
    heads = tuple(LaneHead(lane=lane, run=box.run, seq=box.tips[lane].seq, hash=box.tips[lane].hash) for lane in Lane)
    message = Birth(
        v=1,
        box=box.id,
        run=box.run,
        counter=counter,
        at=format_time(datetime.now(UTC)),
        mono_ms=1_000,
        clock=Clock.SYNCED,
        site=SiteFacts(id=site or box.site, name="纸上分理处", unit="市分行/纸上支行", timezone="Asia/Shanghai"),
        software="paper",
        beat_s=15,
        silent_after_s=52.5,
        heads=heads,
        x5c=tuple(b64encode(der).decode("ascii") for der in box.chain),
    )
    return box.sealer.seal(EnvelopeType.BIRTH, encode(message))
