"""Writers of one process take turns in the order in which they came.

SQLite lets whoever waits for its lock sleep ever longer and look again, while a busy ingest takes the lock anew at
once: a sender could wait for seconds. Here the lock is handed over. Flow: store.py, for SQLite only.
"""

from collections import deque
from threading import Lock


class Turns:
    """A lock that is handed to the one who waits longest; not to be taken twice by one thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            gate = Lock()
            gate.acquire()
            self._waiting.append(gate)
        gate.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
