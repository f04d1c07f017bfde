"""The video benches' way to a camera: always open; and the machine's clocks."""

import time
from datetime import UTC, datetime

from agent.signals import Moment
from agent.video.words import Login, Loss


class Open:
    """A way that is always open."""

    def __init__(self, url: str) -> None:
        self._url = url

    def standing(self) -> Loss | None:
        """Nothing stands against it."""
        return None

    async def login(self) -> Login:
        """At once."""
        return Login(url=self._url)

    def accepted(self) -> None:
        """No ledger is kept."""

    def refused(self) -> None:
        """No ledger is kept."""

    def given_up(self) -> None:
        """No ledger is kept."""


def now() -> Moment:
    """The machine's clocks."""
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)
