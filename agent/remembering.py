"""What the run before left behind, read back; and what is believed where that cannot be read. Pure.

What an older or newer version wrote may have another shape. A guard without its memory would stand disarmed, and nobody
would know: so which partitions are armed is kept a second time, in words that do not change with the version.
Flow: outbox's saved values -> here -> `app.py` makes guard and watch of them.
"""

import logging
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from agent.arming import keeping
from agent.arming.keeping import SavedArming
from agent.findings import Finding, Phase
from agent.memory import SavedGuard
from agent.signals import Moment
from protocol.site.schema import Site

LOG: Final = logging.getLogger("branchwatch.agent")
MEMORY_LOST: Final = "box.memory_lost"
T = TypeVar("T")


def remembered(data: bytes | None, kind: type[T]) -> T | None:
    """What an earlier run remembered; another version's shape is forgotten rather than a reason not to guard."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        LOG.warning("what the last run remembered cannot be read (%s); starting afresh", error)
        return None


def remembered_guard(
    guard: bytes | None, armed: bytes | None, site: Site, now: Moment
) -> tuple[SavedGuard | None, tuple[Finding, ...]]:
    """The guard's memory. One that cannot be read is told, and leaves armed what was; all, where nothing says what was.

    `armed`: what `encode_armed` made in the same transaction as `guard`.
    """
    if guard is None:
        return None, ()
    known = remembered(guard, SavedGuard)
    if known is not None:
        return known, ()
    modes = remembered(armed, dict[str, str])
    arming = keeping.rebuilt(modes, site, now)
    facts = {"armed": sorted(arming.partitions), "all": modes is None}
    lost = Finding(kind=MEMORY_LOST, source="box/agent", phase=Phase.TOLD, at=now, facts=facts)
    return SavedGuard(arming=arming), (lost,)


def encode_armed(arming: SavedArming) -> bytes:
    """Which partitions are armed, and how, in a shape that stays: `{"cash": "away", ...}`."""
    return msgspec.json.encode(_modes(arming), order="sorted")


def _modes(arming: SavedArming) -> Mapping[str, str]:
    return {name: state.mode.value for name, state in arming.partitions.items() if keeping.guards(state)}
