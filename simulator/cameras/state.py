"""What the parts of one simulated camera share: its login, its faults, its clock, and what was counted of its visitors.

Changed by commands only; the servers read it at each request. Flow: camera.py and control.py -> here -> rtsp.py, onvif.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from simulator.cameras.faults import Fault

CLOCK_OFF_S: Final = 3600.0


@dataclass(kw_only=True)
class CameraState:
    """One camera, now."""

    name: str = "camera"
    user: str = ""  # empty: nobody is asked for a password
    password: str = field(default="", repr=False)
    nonce: str = "0"
    sessions: int = 8  # streams at the same time; one more is told 453
    clock_off_s: float = CLOCK_OFF_S  # by how much the clock is off while it is off
    clock: Callable[[], float] = time.time
    monotonic_s: Callable[[], float] = time.monotonic  # by which leases end
    faults: frozenset[Fault] = frozenset()
    talks: asyncio.Event = field(default_factory=asyncio.Event)  # cleared while it says nothing
    wrong_logins: int = 0
    """How often a password was wrong: a client that loops shows here."""

    def __post_init__(self) -> None:
        self.talks.set()

    def wall_s(self) -> float:
        """What its own clock shows, in seconds since 1970."""
        return self.clock() + (self.clock_off_s if Fault.CLOCK_OFF in self.faults else 0.0)

    def set_faults(self, faults: frozenset[Fault]) -> None:
        """From now on these and no others."""
        self.faults = faults
        (self.talks.clear if Fault.SILENCE in faults else self.talks.set)()
