"""A serial bus for tests: pseudo-terminals joined as RS-485 joins modules, with the faults that a real one has.

What the master writes reaches the module that it names (libmodbus, when it hears others asked, loses its own place);
what a module writes reaches the master, after `faults` of its unit had it.
"""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import Callable, Iterable
from pathlib import Path

Fault = Callable[[bytes], Iterable[tuple[float, bytes]]]
"""What becomes of a module's answer: what arrives, each after so many seconds."""

FRAME_S = 0.004
"""A module's answer is whole once nothing came for so long; on a pseudo-terminal it comes at once."""


def honest(answer: bytes) -> list[tuple[float, bytes]]:
    """It arrives as it is."""
    return [(0.0, answer)]


class SerialBus:
    """One line; `master` is the device that the driver opens, `module(unit)` that of one module."""

    def __init__(self) -> None:
        self.faults: dict[int, Fault] = {}
        self.requests: list[bytes] = []
        self._modules: dict[int, int] = {}
        self._slaves: list[int] = []
        self._paths: dict[int, Path] = {}
        self._pending: dict[int, bytes] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self._owed = 0

    async def __aenter__(self) -> SerialBus:
        self._loop = asyncio.get_running_loop()
        self._master, self.master = self._pair()
        self._loop.add_reader(self._master, self._from_master)
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        for each in (self._master, *self._modules.values()):
            self._loop.remove_reader(each)
            os.close(each)
        for each in self._slaves:
            os.close(each)

    def module(self, unit: int) -> Path:
        """The device that the module of this number opens."""
        if unit not in self._paths:
            self._modules[unit], self._paths[unit] = self._pair()
            self._loop.add_reader(self._modules[unit], self._from_module, unit)
        return self._paths[unit]

    def idle(self) -> bool:
        """Whether every request to a module that is there was answered."""
        return self._owed == 0

    def forget(self) -> None:
        """Throw away what nobody read yet, as opening a real line does."""
        termios.tcflush(self._slaves[0], termios.TCIFLUSH)

    def arrive(self, data: bytes) -> None:
        """Have these bytes arrive at the master."""
        os.write(self._master, data)

    def _pair(self) -> tuple[int, Path]:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._slaves.append(theirs)  # held open: a pseudo-terminal whose other side was closed is at its end
        return ours, Path(os.ttyname(theirs))

    def _from_master(self) -> None:
        request = os.read(self._master, 512)
        self.requests.append(request)
        if request[0] in self._modules:
            self._owed += 1
            os.write(self._modules[request[0]], request)

    def _from_module(self, unit: int) -> None:
        self._pending[unit] = self._pending.get(unit, b"") + os.read(self._modules[unit], 512)
        if len(self._pending[unit]) >= 5:
            self._timers.append(self._loop.call_later(FRAME_S, self._answered, unit))

    def _answered(self, unit: int) -> None:
        answer = self._pending.pop(unit, b"")
        if answer:
            self._owed -= 1
            for after_s, data in self.faults.get(unit, honest)(answer):
                self._timers.append(self._loop.call_later(after_s, self.arrive, data))
