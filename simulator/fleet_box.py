"""A box that only introduces itself and beats: what a fleet is made of when load is wanted. Pure but for its key.

It has no doors, no ledger and no memory, and believes every receipt: it makes honest traffic, it is no box to copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocol.envelope import EnvelopeError, EnvelopeType, Sealer, read_envelope
from protocol.kinds import Lane
from protocol.ledger import GENESIS
from protocol.limits import MAX_BEAT_BYTES
from protocol.messages import (
    Beat,
    Birth,
    Clock,
    Health,
    LaneHead,
    MessageError,
    PointState,
    SiteFacts,
    decode_receipt,
    encode,
)
from protocol.timestamps import format_time

SILENT_AFTER: Final = 3.5
"""Beats missed until a box counts as silent (WIRE 2.8)."""

SOFTWARE: Final = "fleet"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Wall time and monotonic time of the run."""

    at: datetime
    mono_ms: int


class FleetBox:
    """One box of one run: counts its messages and remembers the challenge to echo."""

    def __init__(
        self, *, box: str, site: SiteFacts, run: str, sealer: Sealer, x5c: Sequence[str], beat_s: float
    ) -> None:
        self.box = box
        self.receipts = 0
        self._site = site
        self._run = run
        self._sealer = sealer
        self._x5c = tuple(x5c)
        self._beat_s = beat_s
        self._counter = 0
        self._echo = ""

    def birth(self, now: Moment) -> bytes:
        """The envelope that introduces it on a new connection."""
        self._echo = ""
        birth = Birth(
            v=1,
            box=self.box,
            run=self._run,
            counter=self._next(),
            at=format_time(now.at),
            mono_ms=now.mono_ms,
            clock=Clock.SYNCED,
            site=self._site,
            software=SOFTWARE,
            beat_s=self._beat_s,
            silent_after_s=self._beat_s * SILENT_AFTER,
            heads=self._heads(),
            x5c=self._x5c,
            points=(PointState(id="door/outer", state="closed", age_ms=0, name="通道外门"),),
        )
        return self._sealer.seal(EnvelopeType.BIRTH, encode(birth))

    def beat(self, now: Moment, challenge: str) -> bytes:
        """The envelope of the next beat; `challenge` is 128 random bits in base64url."""
        beat = Beat(
            v=1,
            box=self.box,
            run=self._run,
            counter=self._next(),
            at=format_time(now.at),
            mono_ms=now.mono_ms,
            clock=Clock.SYNCED,
            heads=self._heads(),
            health=Health(
                pending_urgent=0,
                pending_routine=0,
                store_bytes=0,
                store_limit_bytes=0,
                memory_bytes=0,
                uptime_s=now.mono_ms // 1000,
                devices_offline=0,
            ),
            challenge=challenge,
            echo=self._echo,
        )
        return self._sealer.seal(EnvelopeType.BEAT, encode(beat))

    def hear(self, envelope: bytes) -> None:
        """Take a receipt's challenge; anything else is passed over."""
        try:
            unverified = read_envelope(envelope, MAX_BEAT_BYTES)
            if unverified.typ is EnvelopeType.RECEIPT:
                self._echo = decode_receipt(unverified.claimed_payload).challenge or self._echo
                self.receipts += 1
        except (EnvelopeError, MessageError):
            return

    def _next(self) -> int:
        self._counter += 1
        return self._counter

    def _heads(self) -> tuple[LaneHead, ...]:
        return tuple(LaneHead(lane=lane, run=self._run, seq=0, hash=GENESIS) for lane in Lane)
