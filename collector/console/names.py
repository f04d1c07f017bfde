"""What people called the points of each box and which hours it keeps, remembered for a minute: no search an alarm.

A small cache over storage; wrong at worst for a minute after an installer renamed a door.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from threading import Lock
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.storage.store import Store

KEPT_MS: Final = 60_000
MOST_BOXES: Final = 5_000


@dataclass(frozen=True, kw_only=True)
class Known:
    """Point id -> name, and the site's time zone."""

    names: Mapping[str, str]
    zone: tzinfo = UTC


class PointNames:
    """What is known of each box; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, tuple[int, Known]] = OrderedDict()
        self._lock = Lock()

    def of(self, box: str, now_ms: int) -> Known:
        """The names of a box's points and its hours; nothing and UTC for a box that never told any."""
        with self._lock:
            known = self._known.get(box)
        if known is not None and now_ms - known[0] < KEPT_MS:
            return known[1]
        with self._store.read() as reading:
            rows = reading.boxes("", box=box)
            zone = rows[0].timezone if rows else "UTC"
        names = {point.id: point.name for row in rows for point in row.points if point.name}
        found = Known(names=names, zone=_zone(zone))
        with self._lock:
            self._known[box] = (now_ms, found)
            self._known.move_to_end(box)
            while len(self._known) > MOST_BOXES:
                self._known.popitem(last=False)
        return found


def _zone(name: str) -> tzinfo:
    """The hours of a site; UTC where this machine does not know them."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
