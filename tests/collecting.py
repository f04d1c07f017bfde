"""A centre without a broker for tests: the real pipeline on a real database in virtual time, and boxes that feed it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from collector.assembly import Centre, assemble
from collector.escalation.surroundings import Channel, Surroundings
from collector.fleet.listening import begin
from collector.ingest.pipeline import Sending
from collector.ingest.received import Received
from collector.metrics import Metrics
from collector.people import People
from collector.storage.alarm_reading import list_alarms
from collector.storage.migrating import migrate
from collector.storage.records import AlarmRow, EventRow, Filter
from collector.storage.store import Store
from collector.times import unix_ms
from protocol.certificates import Role, kid_of
from protocol.envelope import EnvelopeType, Sealer, read_envelope
from protocol.ids import new_event_id
from protocol.kinds import Lane
from protocol.ledger import Position
from protocol.messages import (
    Beat,
    Birth,
    Clock,
    ConfigState,
    Death,
    LaneHead,
    PointState,
    Receipt,
    SiteFacts,
    decode_receipt,
    encode,
)
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.databases import own_database
from tests.ledgers import HEALTH, NOW, PaperBox, der_chain, trust_of
from tests.migrated import lay_fresh

NOBODY = People(())
"""Whoever is told in a test is named by it."""


@dataclass
class Box(PaperBox):
    """A paper box that also gives signs of life; its messages are `Received` at its own time."""

    unit: str = "市分行/西区支行"
    counter: int = 0
    echo: str = ""
    beat_s: float = 5.0
    silent_after_s: float = 17.5
    machine: str = ""
    config: ConfigState | None = None

    def events(self, *lines: bytes) -> Received:
        """One envelope of these lines."""
        return self.message("event", self.seal(*lines))

    def message(self, up: str, payload: bytes, box: str | None = None) -> Received:
        """A message on a topic of this box, or of another."""
        return Received(topic=f"bw/1/{box or self.id}/up/{up}", payload=payload, received_ms=unix_ms(self.now))

    def heads(self) -> tuple[LaneHead, ...]:
        """What this box says of its lanes."""
        return tuple(
            LaneHead(lane=lane, run=tip.run, seq=tip.seq, hash=tip.hash) for lane, tip in self.tips.items() if tip.seq
        )

    def birth(self, points: Iterable[PointState] = (), site_name: str = "") -> Received:
        """Who it is."""
        self.counter += 1
        name = site_name or f"site {self.site}"
        birth = Birth(
            v=1,
            box=self.id,
            run=self.run,
            counter=self.counter,
            at=format_time(self.now),
            mono_ms=0,
            clock=Clock.SYNCED,
            site=SiteFacts(id=self.site, name=name, unit=self.unit, timezone="Asia/Shanghai"),
            software="1",
            beat_s=self.beat_s,
            silent_after_s=self.silent_after_s,
            heads=self.heads(),
            x5c=tuple(b64encode(der).decode() for der in self.chain),
            points=tuple(points),
            config=self.config,
            machine=self.machine,
        )
        return self.message("birth", self.sealer.seal(EnvelopeType.BIRTH, encode(birth)))

    def beat(self, points: Iterable[PointState] = (), **other: Any) -> Received:
        """Alive."""
        self.counter += 1
        fields: dict[str, Any] = {
            "v": 1,
            "box": self.id,
            "run": self.run,
            "counter": self.counter,
            "at": format_time(self.now),
            "mono_ms": 0,
            "clock": Clock.SYNCED,
            "heads": self.heads(),
            "health": HEALTH,
            "challenge": "c",
            "echo": self.echo,
            "points": tuple(points),
            "config": self.config,
        } | other
        return self.message("beat", self.sealer.seal(EnvelopeType.BEAT, encode(Beat(**fields))))

    def death(self, counter: int | None = None) -> Received:
        """Its will."""
        death = Death(v=1, box=self.id, run=self.run, counter=counter or self.counter, at=format_time(self.now))
        return self.message("death", self.sealer.seal(EnvelopeType.DEATH, encode(death)))

    def clone(self, machine: str = "") -> Box:
        """The same disk image, started a second time: same key, same ledger so far, a run of its own."""
        other = Box(
            authority=self.authority, id=self.id, site=self.site, now=self.now, machine=machine, config=self.config
        )
        other.credential, other.sealer, other.chain = self.credential, self.sealer, self.chain
        other._runs = self._runs + 100
        other.tips = dict(self.tips)
        other.restart()
        return other


@dataclass
class PaperCentre:
    """The real pipeline on SQLite, or on the database of `tests.databases`; time moves only when a test moves it."""

    folder: Path
    authority: Authority
    id: str = "centre-1"
    now: datetime = NOW
    url: str = ""
    make_store: Callable[[str], Store] = Store
    people: People | None = None
    channels: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    _random: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        credential = self.authority.issue(Role.COLLECTOR, self.id, now=NOW)
        self.sealer = Sealer(credential.private_key, kid_of(credential.certificate))
        self.chain = der_chain(self.authority, credential.certificate)
        self.url = self.url or own_database(self.folder)
        self.boxes: list[Box] = []
        self.start()

    def start(self) -> None:
        """A new process on the same database."""
        laid = lay_fresh(self.url)
        self.store = self.make_store(self.url)
        if not laid:
            migrate(self.store)
        self.metrics = Metrics()
        self.around = Surroundings(
            collector=self.id,
            people=self.people or NOBODY,
            new_id=lambda now_ms: new_event_id(now_ms, next(self._random).to_bytes(10, "big")),
            channels={name: Channel(name=name) for name in self.channels},
            receivers=self.receivers,
        )
        self.centre: Centre = assemble(
            collector=self.id,
            unit="",
            store=self.store,
            trust=trust_of(self.authority),
            sealer=self.sealer,
            chain=self.chain,
            run=next(self._random).to_bytes(16, "big").hex(),
            random=lambda size: next(self._random).to_bytes(size, "big"),
            now_ms=unix_ms(self.now),
            metrics=self.metrics,
            around=self.around,
        )
        self.pipeline = self.centre.pipeline
        self._mono_ms = 0
        self.listening = begin(unix_ms(self.now), self._mono_ms)

    def restart(self) -> None:
        """End the process and start another."""
        self.close()
        self.start()

    def close(self) -> None:
        """End the process."""
        self.store.close()

    def box(self, name: str = "0755-031-a", site: str = "0755-031", **other: Any) -> Box:
        """A box of this centre's authority."""
        box = Box(authority=self.authority, id=name, site=site, now=self.now, **other)
        self.boxes.append(box)
        return box

    def take(self, *messages: Received) -> Sending:
        """Messages arrive now; one that trips over a fault of ours fails the test."""
        sending = self.pipeline.take(messages, **self._times())
        assert not self.rejected("not_stored"), "a message could not be stored: see the log"
        return sending

    def rejected(self, reason: str) -> int:
        """How many envelopes were set aside for this reason since the process began."""
        value = self.metrics.registry.get_sample_value("branchwatch_rejections_total", {"reason": reason})
        return int(value or 0)

    def answer(self, message: Received) -> Receipt:
        """A sign of life arrives, and what it is answered."""
        ((_, receipt),) = self.take(message).answers
        return receipt_of(receipt)

    def tick(self) -> Sending:
        """The supervision looks."""
        return self.pipeline.tick(**self._times())

    def pass_time(self, seconds: float) -> Sending:
        """Time passes for everybody, in steps of a second; what the last tick asked for."""
        sending = Sending()
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            step = min(timedelta(seconds=1), end - self.now)
            self.now += step
            self._mono_ms += unix_ms(self.now) - unix_ms(self.now - step)
            for box in self.boxes:
                box.now += step
            ticked = self.tick()
            sending.asks.extend(ticked.asks)
            sending.deliveries.extend(ticked.deliveries)
            sending.posts.extend(ticked.posts)
        return sending

    def set_clock(self, by: timedelta) -> None:
        """Somebody sets the centre's clock; the boxes keep theirs."""
        self.now += by
        self.tick()

    def stand_still(self, span: timedelta) -> None:
        """The process is stopped while time passes for everybody."""
        self.now += span
        self._mono_ms += round(span.total_seconds() * 1000)
        for box in self.boxes:
            box.now += span

    def events(self, kind: str | None = None) -> list[EventRow]:
        """Events of one kind, oldest first."""
        with self.store.read() as reading:
            return list(reversed(reading.events(Filter(kind=kind, limit=500)).items))

    def alarms(self, **wanted: Any) -> list[AlarmRow]:
        """Alarms, oldest first."""
        with self.store.read() as reading:
            return list(reversed(list_alarms(reading, Filter(limit=500, **wanted)).items))

    def _times(self) -> dict[str, int]:
        now_ms = unix_ms(self.now)
        self.listening = self.listening.look(now_ms, self._mono_ms)
        return {"now_ms": now_ms, "mono_ms": self._mono_ms, "listening_ms": self.listening.since_ms}


def receipt_of(envelope: bytes) -> Receipt:
    """What an answer says; its signature is looked at elsewhere."""
    return decode_receipt(read_envelope(envelope, 1 << 20).claimed_payload)


def head_of(box: Box, lane: Lane) -> Position:
    """The last line that a box wrote."""
    return box.tips[lane]
