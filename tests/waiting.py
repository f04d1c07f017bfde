"""Waiting for real peers: ask again until it is so, or fail with what was last seen.

The only place of the tests that lets real time pass. Tests of pure code never need it: they move a virtual clock.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 0.02
NOT_YET = (AssertionError, OSError, LookupError)
"""What a probe may raise while its peer is not ready; anything else ends the wait at once."""


class NotInTimeError(AssertionError):
    """The condition did not come true in the time given."""


async def eventually(probe: Callable[[], T | Awaitable[T]], timeout_s: float = 10.0, what: str = "") -> T:
    """Call `probe` (plain or async) until it returns something true, and return that.

    Raises:
        NotInTimeError: it stayed false, or kept raising one of NOT_YET, for `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        seen: object
        try:
            answer = probe()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            seen = value
        except NOT_YET as problem:
            seen = problem
        if time.monotonic() >= deadline:
            raise _late(probe, timeout_s, what, seen)
        await asyncio.sleep(PAUSE_S)


def eventually_blocking(probe: Callable[[], T], timeout_s: float = 10.0, what: str = "") -> T:
    """The same for tests without an event loop.

    Raises:
        NotInTimeError: it stayed false, or kept raising one of NOT_YET, for `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while True:
        seen: object
        try:
            value = probe()
            if value:
                return value
            seen = value
        except NOT_YET as problem:
            seen = problem
        if time.monotonic() >= deadline:
            raise _late(probe, timeout_s, what, seen)
        pause.wait(PAUSE_S)


def _late(probe: Callable[[], object], timeout_s: float, what: str, seen: object) -> NotInTimeError:
    cause = seen if isinstance(seen, BaseException) else None
    name = what or getattr(probe, "__name__", "the condition")
    error = NotInTimeError(f"{name}: not so after {timeout_s:g} s; last seen: {seen!r}")
    error.__cause__ = cause
    return error
