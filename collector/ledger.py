"""The centre's own ledger: what it finds itself stands in lanes like a box's, signed and chained by this collector.

Pure but for the key it was given: lanes and drafts in, sealed envelopes out; the transaction that found the facts
writes them (WIRE 2.3). Flow: ingest/telling.py -> here -> the same tables as everything else.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from collector.ingest.sequence import NOTHING, Standing
from collector.times import moment
from protocol.envelope import EnvelopeType, Sealer
from protocol.ids import new_event_id
from protocol.kinds import OPENED, Lane, kind_of, lane_of
from protocol.ledger import line_hash
from protocol.limits import MAX_EVENTS_PER_ENVELOPE
from protocol.messages import BecauseRow, Clock, Event, encode
from protocol.timestamps import format_time

SOURCE: Final = "ledger/centre"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A fact to be told; `id` was drawn before, so that the condition can name it."""

    id: str
    kind: str
    site: str
    source: str
    facts: dict[str, Any]
    because: tuple[BecauseRow, ...] = ()
    restores: str | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed envelope, its events, and the lane after it."""

    lane: str
    envelope: bytes
    events: tuple[Event, ...]
    hashes: tuple[str, ...]
    standing: Standing


class CentreLedger:
    """Writes in the name of one collector and one run of it."""

    def __init__(self, *, collector: str, sealer: Sealer, run: str, random: Callable[[int], bytes]) -> None:
        self.collector = collector
        self.kid = sealer.kid
        self._sealer, self._run, self._random = sealer, run, random

    @property
    def run(self) -> str:
        """The run that this collector writes in."""
        return self._run

    def new_id(self, now_ms: int) -> str:
        """A fresh event id."""
        return new_event_id(now_ms, self._random(10))

    def write(
        self, drafts: Iterable[Draft], standings: Mapping[str, Standing], now_ms: int, mono_ms: int
    ) -> list[Written]:
        """Chain and seal drafts after what stands; a lane that this run has not written in is opened first."""
        by_lane: dict[str, list[Draft]] = {}
        for draft in drafts:
            by_lane.setdefault(lane_of(draft.kind).value, []).append(draft)
        written: list[Written] = []
        for lane, told in by_lane.items():
            standing = standings.get(lane, NOTHING)
            wanted = told if standing.run == self._run else [self._opening(standing, now_ms), *told]
            for start in range(0, len(wanted), MAX_EVENTS_PER_ENVELOPE):
                some = self._seal(lane, wanted[start : start + MAX_EVENTS_PER_ENVELOPE], standing, now_ms, mono_ms)
                written.append(some)
                standing = some.standing
        return written

    def _opening(self, before: Standing, now_ms: int) -> Draft:
        return Draft(
            id=self.new_id(now_ms),
            kind=OPENED,
            site=self.collector,
            source=SOURCE,
            facts={"run": before.run, "seq": before.seq, "hash": before.hash},
        )

    def _seal(self, lane: str, drafts: list[Draft], standing: Standing, now_ms: int, mono_ms: int) -> Written:
        lines: list[bytes] = []
        events: list[Event] = []
        hashes: list[str] = []
        seq, prev = standing.seq, standing.hash
        for draft in drafts:
            seq += 1
            event = self._event(draft, lane, seq, prev, now_ms, mono_ms)
            line = encode(event)
            prev = line_hash(line)
            lines.append(line)
            events.append(event)
            hashes.append(prev)
        return Written(
            lane=lane,
            envelope=self._sealer.seal(EnvelopeType.EVENTS, b"\n".join(lines)),
            events=tuple(events),
            hashes=tuple(hashes),
            standing=Standing(run=self._run, seq=seq, hash=prev, stored_to=max(standing.stored_to, seq)),
        )

    def _event(self, draft: Draft, lane: str, seq: int, prev: str, now_ms: int, mono_ms: int) -> Event:
        return Event(
            v=1,
            id=draft.id,
            site=draft.site,
            box=self.collector,
            run=self._run,
            lane=Lane(lane),
            seq=seq,
            prev=prev,
            kind=draft.kind,
            level=kind_of(draft.kind).level,
            at=format_time(moment(now_ms)),
            mono_ms=mono_ms,
            clock=Clock.SYNCED,
            source=draft.source,
            facts=draft.facts,
            because=draft.because,
            restores=draft.restores,
        )
