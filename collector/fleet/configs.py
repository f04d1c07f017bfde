"""Which site bundle a box should work with, which it says it works with, when to send it, and when that is drift.

Pure: one row, what was said, and the time in; the row and what follows out (docs/trust.md 4.4). Flow: births, beats and
`config.refused` events -> here -> `configs`, orders to send, `config.drift`.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from protocol.messages import ConfigState

SEND_AGAIN: Final = timedelta(seconds=30)
"""The shortest time between two deliveries to one box."""

SEND_AGAIN_AT_MOST: Final = timedelta(minutes=10)
"""What that time grows to, doubling, while the box does not take the bundle."""

DRIFT_AFTER: Final = timedelta(minutes=10)
"""For how long a box that is heard may work with another bundle than the wanted one."""

MAX_REASON: Final = 200
"""Characters kept of a box's reason."""


class Drift(StrEnum):
    """Why a box is not as it should be; shown to people, so words are never changed."""

    LATE = "late"  # the wanted bundle was there long enough, and the box does not have it
    REFUSED = "refused"  # it said why it does not take it
    UNKNOWN = "unknown"  # it has a bundle that was never delivered to this centre
    PLAIN = "plain"  # it works with an unsigned site file


class BoxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `configs`; empty texts and zeros stand for what was never said.

    `differs_ms`: since when the box is heard without interruption and says another hash than the wanted one.
    `tries`: deliveries of the wanted bundle that it has not taken.
    """

    box: str
    wanted_hash: str = ""
    wanted_version: int = 0
    wanted_ms: int = 0
    told: bool = False
    hash: str = ""
    version: int = 0
    roster_version: int = 0
    roster_not_after: str = ""
    machine: str = ""
    differs_ms: int | None = None
    delivered_ms: int | None = None
    tries: int = 0
    refused_reason: str = ""
    refused_ms: int | None = None
    drift: str = ""

    @property
    def differs(self) -> bool:
        """Whether the box says another bundle than the one that is wanted."""
        return bool(self.told and self.wanted_hash and self.hash != self.wanted_hash)

    @property
    def refused(self) -> bool:
        """Whether the box refused what is wanted now, and still does not have it."""
        return self.differs and bool(self.refused_reason)


def wants(row: BoxConfig, *, digest: str, version: int, now_ms: int) -> BoxConfig:
    """Another bundle is wanted from now on; what was tried with the one before means nothing for it."""
    differs = row.told and row.hash != digest
    return msgspec.structs.replace(
        row,
        wanted_hash=digest,
        wanted_version=version,
        wanted_ms=now_ms,
        differs_ms=now_ms if differs else None,
        delivered_ms=None,
        tries=0,
        refused_reason="",
        refused_ms=None,
    )


def hear_birth(
    row: BoxConfig, said: ConfigState | None, machine: str, now_ms: int, *, returned: bool = False
) -> BoxConfig:
    """A box introduces itself: it may be another software on another line, so what failed is tried anew."""
    row = msgspec.structs.replace(row, machine=machine, told=True, tries=row.tries if row.refused else 0)
    if said is None:
        row = msgspec.structs.replace(row, hash="", version=0, roster_version=0, roster_not_after="")
    return hear_beat(row, said, now_ms, returned=returned)


def hear_beat(row: BoxConfig, said: ConfigState | None, now_ms: int, *, returned: bool = False) -> BoxConfig:
    """A sign of life; one that says nothing of its bundle changes nothing. `returned`: it had been silent."""
    if said is not None:
        row = msgspec.structs.replace(
            row,
            told=True,
            hash=said.hash,
            version=said.version,
            roster_version=said.roster_version,
            roster_not_after=said.roster_not_after,
        )
    return _since(msgspec.structs.replace(row, differs_ms=None) if returned else row, now_ms)


def hear_refusal(row: BoxConfig, digest: str, reason: str, now_ms: int) -> BoxConfig:
    """The box's event `config.refused`; one that is about another bundle than the wanted one changes nothing."""
    if not digest or digest != row.wanted_hash:
        return row
    return msgspec.structs.replace(row, refused_reason=reason[:MAX_REASON] or "?", refused_ms=now_ms)


def is_due(row: BoxConfig, *, forked: bool, now_ms: int) -> bool:
    """Whether the wanted bundle is to be sent now that the box was heard.

    Not to a box that may be two; not to one that works with a plain file, which takes none; and not a version below the
    one that it has, for that is refused in any case.
    """
    if forked or not row.differs or not row.hash or row.version > row.wanted_version:
        return False
    if row.delivered_ms is None or row.delivered_ms > now_ms:  # never, or the clock was set back
        return True
    wait = min(SEND_AGAIN * 2 ** min(max(0, row.tries - 1), 10), SEND_AGAIN_AT_MOST)
    return now_ms - row.delivered_ms >= _ms(wait)


def delivered(row: BoxConfig, now_ms: int) -> BoxConfig:
    """The wanted bundle was sent."""
    return msgspec.structs.replace(row, delivered_ms=now_ms, tries=row.tries + 1)


def drift_of(row: BoxConfig, *, known: bool, now_ms: int) -> Drift | None:
    """What is wrong with what a box works with; `known`: its bundle was once delivered to this centre."""
    if not row.told or (row.hash and row.hash == row.wanted_hash):
        return None
    if row.refused:
        return Drift.REFUSED
    if row.hash and not known:
        return Drift.UNKNOWN
    if not row.wanted_hash or row.differs_ms is None or now_ms - row.differs_ms < _ms(DRIFT_AFTER):
        return None
    return Drift.LATE if row.hash else Drift.PLAIN


def drift_facts(row: BoxConfig, drift: Drift) -> dict[str, str | int]:
    """What `config.drift` says: both bundles, and why."""
    facts: dict[str, str | int] = {"reason": drift.value, **_bundle("wanted_", row.wanted_version, row.wanted_hash)}
    facts |= _bundle("", row.version, row.hash)
    return facts | {"refused": row.refused_reason} if drift is Drift.REFUSED else facts


def same_facts(row: BoxConfig) -> dict[str, str | int]:
    """What the end of a drift says."""
    return _bundle("", row.version, row.hash)


def _bundle(prefix: str, version: int, digest: str) -> dict[str, str | int]:
    return {f"{prefix}version": version, f"{prefix}hash": digest} if digest else {}


def _since(row: BoxConfig, now_ms: int) -> BoxConfig:
    if not row.differs:
        cleared = {"differs_ms": None, "tries": 0, "refused_reason": "", "refused_ms": None}
        return msgspec.structs.replace(row, **cleared)
    since_ms = row.differs_ms
    return row if since_ms is not None and since_ms <= now_ms else msgspec.structs.replace(row, differs_ms=now_ms)


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
