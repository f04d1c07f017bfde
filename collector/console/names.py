"""What people called the points of each box, remembered for a minute, so that a new alarm is named without a search.

A small cache over storage; wrong at worst for a minute after an installer renamed a door.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Final

from collector.storage.store import Store

KEPT_MS: Final = 60_000
MOST_BOXES: Final = 5_000


class PointNames:
    """Point id -> name, by box; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, tuple[int, Mapping[str, str]]] = OrderedDict()
        self._lock = Lock()

    def of(self, box: str, now_ms: int) -> Mapping[str, str]:
        """The names of a box's points; empty for a box that never told any."""
        with self._lock:
            known = self._known.get(box)
        if known is not None and now_ms - known[0] < KEPT_MS:
            return known[1]
        with self._store.read() as reading:
            rows = reading.boxes("", box=box)
        names = {point.id: point.name for row in rows for point in row.points if point.name}
        with self._lock:
            self._known[box] = (now_ms, names)
            self._known.move_to_end(box)
            while len(self._known) > MOST_BOXES:
                self._known.popitem(last=False)
        return names
