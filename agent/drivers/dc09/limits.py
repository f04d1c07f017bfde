"""How much one sender may ask of the receiver: connections and frames, by address. Pure; the caller gives the time.

A panel of one's own sends a frame a minute, and hundreds at once after a night without a line. Who sends more than that
is not heard until he slows down; nobody else notices.
"""

from typing import Final

import msgspec

MAX_CONNECTIONS: Final = 128
"""At once: sixteen panels with two paths each, and as many that were cut off and not noticed yet."""

MAX_CONNECTIONS_EACH: Final = 32
"""From one address: panels behind one gateway share it."""

FRAMES_AT_ONCE: Final = 5_000
"""From one address; what a panel's own memory holds."""

FRAMES_PER_S: Final = 100.0
"""From one address for long."""

MAX_SENDERS: Final = 1_024
"""Addresses that are remembered; datagrams may bear any."""

FIRST_FRAME_S: Final = 30.0
"""A connection that has said nothing of use by then is ended."""

IDLE_S: Final = 15 * 60.0
"""A connection without a frame for so long is ended: the panel dials again."""

MAX_WAITING: Final = 64
"""Frames of one connection whose answers wait for the disk; then no more is read from it."""

MAX_WAITING_DATAGRAMS: Final = 4_096
"""Datagrams whose answers wait for the disk; more are dropped, and their panels send them again."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one address may still send."""

    left: float
    at_ms: int


class Senders:
    """The addresses that sent something of late."""

    def __init__(self) -> None:
        self._allowed: dict[str, Allowance] = {}
        self._connected: dict[str, int] = {}

    def may_send(self, address: str, now_ms: int) -> bool:
        """Count one frame of an address; whether it is heard."""
        known = self._allowed.pop(address, Allowance(left=FRAMES_AT_ONCE, at_ms=now_ms))
        gained = max(0, now_ms - known.at_ms) / 1000 * FRAMES_PER_S
        left = min(float(FRAMES_AT_ONCE), known.left + gained)
        heard = left >= 1
        self._allowed[address] = Allowance(left=left - 1 if heard else left, at_ms=now_ms)
        if len(self._allowed) > MAX_SENDERS:
            self._allowed.pop(next(iter(self._allowed)))
        return heard

    def connect(self, address: str) -> bool:
        """Count one connection more; whether it is let in."""
        if self._connected.get(address, 0) >= MAX_CONNECTIONS_EACH:
            return False
        self._connected[address] = self._connected.get(address, 0) + 1
        return True

    def disconnect(self, address: str) -> None:
        """Count one connection less."""
        self._connected[address] -= 1
        if not self._connected[address]:
            del self._connected[address]
