"""The runner's thread: looks when the next timer is due, when somebody wrote, and once a second.

A thin shell without decisions. A database that cannot be reached is tried again each second. Flow: app.py starts it,
whoever commits wakes it -> runner.py.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from collector.escalation.runner import Runner
from collector.storage.store import StoreError

LONGEST_S: Final = 1.0
"""It looks at least this often."""

SHORTEST_S: Final = 0.1
"""And at most this often: a hundred commits a second wake it ten times."""

logger = logging.getLogger(__name__)


class Running:
    """`start` and `stop` once each; `wake` from any thread."""

    def __init__(self, runner: Runner, clock_ms: Callable[[], int]) -> None:
        self._runner, self._clock_ms = runner, clock_ms
        self._woken = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="escalation", daemon=True)
        self._seen_s = time.monotonic()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way is committed."""
        self._ending = True
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Somebody wrote: the next timer may be due earlier."""
        self._woken.set()

    @property
    def behind_s(self) -> float:
        """Since when no look came to its end: for the health page."""
        return time.monotonic() - self._seen_s

    def _run(self) -> None:
        reachable = True
        while not self._ending:
            wait_s = LONGEST_S
            try:
                due_ms = self._runner.tick(self._clock_ms())
                if due_ms is not None:
                    wait_s = min(LONGEST_S, max(SHORTEST_S, (due_ms - self._clock_ms()) / 1000))
                reachable = True
                self._seen_s = time.monotonic()
            except StoreError as error:
                if reachable:
                    logger.error("escalation waits: %s", error)  # noqa: TRY400 - the sentence says it all
                reachable = False
            except Exception:
                logger.exception("escalation: a look failed; it is tried again")
            self._pause(wait_s)

    def _pause(self, wait_s: float) -> None:
        begun = time.monotonic()
        if self._woken.wait(wait_s) and not self._ending:
            time.sleep(max(0.0, SHORTEST_S - (time.monotonic() - begun)))
        self._woken.clear()
