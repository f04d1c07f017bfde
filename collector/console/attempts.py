"""How often somebody may try to log in: a few wrong passwords for a name, more for an address, then a wait.

The caller gives the time. An attempt counts from its beginning, so that many at once are no way around the limit.
Counted for a name at one address, so that nobody elsewhere can lock an operator out. Kept in memory and bounded; a
restart forgets it, which costs an attacker the restart.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

WINDOW: Final = timedelta(minutes=5)
MOST_FOR_NAME: Final = 5
"""Wrong passwords for one name from one address within WINDOW. Argon2 makes each of them slow as well."""
MOST_FOR_ADDRESS: Final = 30
"""Wrong passwords or tokens from one address within WINDOW: a whole desk may stand behind one."""
MOST_KEPT: Final = 10_000
"""Names and addresses that are remembered; the oldest are forgotten first."""


class Attempts:
    """Wrong logins of the last minutes. `name` is None for a bearer token, which cannot be guessed."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[tuple[str | None, str], list[datetime]] = OrderedDict()
        self._lock = Lock()

    def begin(self, name: str | None, address: str, now: datetime) -> timedelta | None:
        """Count an attempt as wrong until it proves right; how long to wait where there were too many."""
        with self._lock:
            wait = self.wait(name, address, now)
            if wait is None:
                self.failed(name, address, now)
            return wait

    def wait(self, name: str | None, address: str, now: datetime) -> timedelta | None:
        """How long this name and address must wait; None when it may try now."""
        waits = []
        for key in {(name, address), (None, address)}:
            most = MOST_FOR_ADDRESS if key[0] is None else MOST_FOR_NAME
            recent = self._recent(key, now)
            if len(recent) >= most:
                waits.append(recent[-most] + WINDOW - now)
        return max(waits, default=None)

    def failed(self, name: str | None, address: str, now: datetime) -> None:
        """Note a wrong login."""
        for key in {(name, address), (None, address)}:
            self._wrong[key] = [*self._recent(key, now), now]
            self._wrong.move_to_end(key)
        while len(self._wrong) > MOST_KEPT:
            self._wrong.popitem(last=False)

    def succeeded(self, name: str | None, address: str, now: datetime) -> None:
        """Forget what was wrong with this name; the address gets this one attempt back and keeps the others' count."""
        with self._lock:
            if name is not None:
                self._wrong.pop((name, address), None)
            counted = self._wrong.get((None, address), [])
            if now in counted:
                counted.remove(now)

    def _recent(self, key: tuple[str | None, str], now: datetime) -> list[datetime]:
        return [moment for moment in self._wrong.get(key, ()) if now - moment < WINDOW]
