"""Envelopes of keys that nobody has introduced yet wait here for the birth that does (WIRE 1.2).

Pure: time is an argument. Bounded per box and in all; what is pushed out or waits too long is not lost, for nobody
receipted it. Flow: unknown `kid` -> here -> back into the pipeline after the birth, or rejected.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from collector.ingest.parsing import Parsed
from protocol.limits import MAX_PARKED_ENVELOPES

PATIENCE: Final = timedelta(seconds=60)
"""How long an envelope waits before its key counts as unknown."""

ASK_AGAIN: Final = timedelta(seconds=5)
"""Between two requests for a birth to the same box."""

MAX_PARKED_BYTES: Final = 64 * 1024 * 1024
"""All that waits, of all boxes."""

_PATIENCE_MS: Final = PATIENCE // timedelta(milliseconds=1)
_ASK_AGAIN_MS: Final = ASK_AGAIN // timedelta(milliseconds=1)


class Parking:
    """Waiting envelopes by box."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Parsed]] = {}
        self._asked_ms: dict[str, int] = {}
        self._bytes = 0

    @property
    def count(self) -> int:
        """How many wait."""
        return sum(len(waiting) for waiting in self._waiting.values())

    @property
    def keys(self) -> frozenset[str]:
        """Whose introduction is waited for."""
        return frozenset(each.unverified.kid for waiting in self._waiting.values() for each in waiting)

    def park(self, parsed: Parsed, now_ms: int) -> bool:
        """Let an envelope wait if there is room; True when the box should be asked for its birth now."""
        size = len(parsed.received.payload)
        room = len(self._waiting.get(parsed.box, ())) < MAX_PARKED_ENVELOPES
        if room and self._bytes + size <= MAX_PARKED_BYTES:
            self._waiting.setdefault(parsed.box, []).append(parsed)
            self._bytes += size
        if now_ms - self._asked_ms.get(parsed.box, -_ASK_AGAIN_MS) < _ASK_AGAIN_MS:
            return False
        self._asked_ms[parsed.box] = now_ms
        return True

    def introduced(self, box: str, kid: str) -> list[Parsed]:
        """What waited for this key, in its order."""
        return self._take(box, lambda parsed: parsed.unverified.kid == kid)

    def introduced_key(self, kid: str) -> list[Parsed]:
        """What waited for this key, whichever box each claims to be of."""
        return [parsed for box in list(self._waiting) for parsed in self.introduced(box, kid)]

    def impatient(self, now_ms: int) -> list[Parsed]:
        """What has waited too long."""
        late = [
            parsed
            for box in list(self._waiting)
            for parsed in self._take(box, lambda each: each.received.received_ms <= now_ms - _PATIENCE_MS)
        ]
        self._asked_ms = {box: at_ms for box, at_ms in self._asked_ms.items() if now_ms - at_ms < _ASK_AGAIN_MS}
        return late

    def _take(self, box: str, wanted: Callable[[Parsed], bool]) -> list[Parsed]:
        waiting = self._waiting.get(box, [])
        taken = [parsed for parsed in waiting if wanted(parsed)]
        if taken:
            self._bytes -= sum(len(parsed.received.payload) for parsed in taken)
            left = [parsed for parsed in waiting if not wanted(parsed)]
            if left:
                self._waiting[box] = left
            else:
                del self._waiting[box]
        return taken
