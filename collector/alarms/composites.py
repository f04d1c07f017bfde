"""Kinds that mean more together than alone: a table, and one question to it. Pure.

A row has the kinds that *lead* (an alarm of theirs rises to the row's level) and those that *support* it. Both must
come from different sources at one site within the row's window. Only class security leads: what leads may absorb what
supports it, and a security event must never vanish in an alarm that something may keep quiet. Flow: correlation.py.
"""

from datetime import timedelta
from typing import Final

import msgspec

MINUTES: Final = 60_000


class Composite(msgspec.Struct, frozen=True, kw_only=True):
    """One row; `name` stands in the explanation of every link that it made."""

    name: str
    leads: frozenset[str]
    supports: frozenset[str]
    window: timedelta
    level: int

    @property
    def window_ms(self) -> int:
        """The window in milliseconds."""
        return self.window // timedelta(milliseconds=1)


_BREAKING: Final = frozenset({"door.forced", "zone.intrusion", "zone.glass_break", "zone.vibration"})
_PERSON: Final = frozenset({"presence.after_hours", "presence.restricted_area"})
_BLIND: Final = frozenset({"camera.covered", "camera.moved"})
_NO_PICTURE: Final = frozenset({"camera.video_loss", "recorder.not_recording"})
_CUSTODY: Final = frozenset(
    {"custody.single_person", "custody.unattended", "custody.left_alone", "vault.out_of_hours", "atm.safe_open"}
)
_ATM: Final = frozenset({"atm.fascia_changed", "atm.vibration"})
_TEN: Final = timedelta(minutes=10)

COMPOSITES: Final = (
    Composite(name="break_in", leads=_BREAKING | _PERSON, supports=_BREAKING | _PERSON, window=_TEN, level=1),
    Composite(
        name="blinded",
        leads=_BREAKING | _PERSON | _CUSTODY,
        supports=_BLIND | _NO_PICTURE,
        window=_TEN,
        level=1,
    ),
    Composite(
        name="atm_attack",
        leads=_ATM,
        supports=_BLIND | _NO_PICTURE | {"presence.loitering", "zone.vibration"},
        window=_TEN,
        level=1,
    ),
)
"""Two of one kind are no composite, except where both are in `leads` and their sources differ in kind too."""

INVOLVED: Final = frozenset().union(*(row.leads | row.supports for row in COMPOSITES))
"""Every kind that some row names."""


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """An event or an open alarm as far as the table looks; `last_ms` is when it was last told."""

    kind: str
    source: str
    first_ms: int
    last_ms: int


def raised_by(leading: Sign, supporting: Sign) -> Composite | None:
    """The row by which `supporting` raises `leading`; the gravest of several."""
    if leading.kind == supporting.kind or leading.source == supporting.source:
        return None  # the same sense twice is no second opinion
    apart_ms = max(0, supporting.first_ms - leading.last_ms, leading.first_ms - supporting.last_ms)
    rows = (
        row
        for row in COMPOSITES
        if leading.kind in row.leads and supporting.kind in row.supports and apart_ms <= row.window_ms
    )
    return min(rows, key=lambda row: row.level, default=None)
