"""A box that only signs: births, beats and chained lines as a real one sends them, made as fast as possible.

Knows no network. What it tells is invented, its form and size are those of the events in docs/protocol.md.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from protocol.certificates import kid_of
from protocol.envelope import EnvelopeType, Sealer
from protocol.ids import new_event_id, new_run
from protocol.kinds import OPENED, Lane, kind_of
from protocol.ledger import Position, line_hash, start
from protocol.messages import Beat, Birth, Clock, Event, Health, LaneHead, PointState, SiteFacts, encode
from protocol.timestamps import format_time

GRAVE: Final = "door.dual_open"
"""Level 2, urgent lane: opens an alarm."""
PLAIN: Final = "door.unlocked"
"""Level 5, routine lane: kept, no alarm."""
GRAVE_EVERY: Final = 10
"""One event in ten is grave."""
UNIT: Final = "市分行/西区支行"
DOORS: Final = 16


@dataclass(kw_only=True)
class SigningBox:
    """One simulated box; `id` is its site's id with `-a` behind it."""

    id: str
    sealer: Sealer
    x5c: tuple[str, ...]
    beat_s: float
    silent_after_s: float
    run: str = field(default_factory=lambda: new_run(os.urandom(16)))
    tips: dict[Lane, Position] = field(default_factory=dict)
    counter: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self.site = self.id.removesuffix("-a")
        self.tips = {lane: start(self.run) for lane in Lane}

    def birth(self) -> bytes:
        """A sealed birth with the doors of a mid-sized outlet."""
        self.counter += 1
        points = tuple(
            PointState(id=f"door/d{number}", name=f"通道门 {number}", state="closed", age_ms=1000)
            for number in range(DOORS)
        )
        message = Birth(
            v=1,
            box=self.id,
            run=self.run,
            counter=self.counter,
            at=_now(),
            mono_ms=self.counter,
            clock=Clock.SYNCED,
            site=SiteFacts(id=self.site, name=f"分理处 {self.site}", unit=UNIT, timezone="Asia/Shanghai"),
            software="bench",
            beat_s=self.beat_s,
            silent_after_s=self.silent_after_s,
            heads=self._heads(),
            x5c=self.x5c,
            points=points,
        )
        return self.sealer.seal(EnvelopeType.BIRTH, encode(message))

    def beat(self, echo: str) -> bytes:
        """A sealed beat that echoes the challenge of the last receipt."""
        self.counter += 1
        message = Beat(
            v=1,
            box=self.id,
            run=self.run,
            counter=self.counter,
            at=_now(),
            mono_ms=self.counter,
            clock=Clock.SYNCED,
            heads=self._heads(),
            health=Health(
                pending_urgent=0,
                pending_routine=0,
                store_bytes=1_000_000,
                store_limit_bytes=500_000_000,
                memory_bytes=50_000_000,
                uptime_s=3600,
                devices_offline=0,
            ),
            challenge=b64encode(self.counter.to_bytes(15, "big")).decode().replace("+", "-").replace("/", "_"),
            echo=echo,
        )
        return self.sealer.seal(EnvelopeType.BEAT, encode(message))

    def opened_line(self, lane: Lane) -> bytes:
        """The line that begins this run in `lane`."""
        return self._line(OPENED, lane, "ledger/box")

    def lines(self) -> Iterator[tuple[Lane, bytes]]:
        """Line after line for ever, one in ten grave and, by its source, an alarm of its own."""
        while True:
            self.made += 1
            if self.made % GRAVE_EVERY == 0:
                yield Lane.URGENT, self._line(GRAVE, Lane.URGENT, f"interlock/i{self.made}")
            else:
                yield Lane.ROUTINE, self._line(PLAIN, Lane.ROUTINE, f"door/d{self.made % DOORS}")

    def seal(self, lines: list[bytes]) -> bytes:
        """One envelope of lines of one lane."""
        return self.sealer.seal(EnvelopeType.EVENTS, b"\n".join(lines))

    def _line(self, kind: str, lane: Lane, source: str) -> bytes:
        tip, at = self.tips[lane], datetime.now(UTC)
        told = format_time(at)
        because = (
            (told, "door/outer", "open", "exit button"),
            (told, "door/inner", "open", "outer not closed"),
        )
        event = Event(
            v=1,
            id=new_event_id(int(at.timestamp() * 1000), os.urandom(10)),
            site=self.site,
            box=self.id,
            run=self.run,
            lane=lane,
            seq=tip.seq + 1,
            prev=tip.hash,
            kind=kind,
            level=kind_of(kind).level,
            at=told,
            mono_ms=tip.seq,
            clock=Clock.SYNCED,
            source=source,
            facts={"overlap_s": 0.9, "tolerance_s": 0.5, "doors": ["outer", "inner"]} if kind != OPENED else {},
            because=because if kind != OPENED else (),
        )
        line = encode(event)
        self.tips[lane] = Position(run=self.run, seq=event.seq, hash=line_hash(line))
        return line

    def _heads(self) -> tuple[LaneHead, ...]:
        return tuple(
            LaneHead(lane=lane, run=tip.run, seq=tip.seq, hash=tip.hash) for lane, tip in self.tips.items() if tip.seq
        )


def load_box(folder: Path, identity: str, *, beat_s: float, silent_after_s: float) -> SigningBox:
    """The box whose certificate and key stand in `folder`."""
    chain = x509.load_pem_x509_certificates((folder / f"{identity}.pem").read_bytes())
    key = load_pem_private_key((folder / f"{identity}.key").read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError(f"{identity}.key is of another kind")
    return SigningBox(
        id=identity,
        sealer=Sealer(key, kid_of(chain[0])),
        x5c=tuple(b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain),
        beat_s=beat_s,
        silent_after_s=silent_after_s,
    )


def _now() -> str:
    return format_time(datetime.now(UTC))
