"""A channel by Apprise: messengers and the rest. The collector's only file that knows it, and late: it is large.

Its calls block, so each runs in a thread of its own; one that never ends keeps its place and nothing else. Its words
hold addresses with keys in them, so none of them reaches a log. Flow: sender.py -> here -> Apprise.
"""

import asyncio
import logging
import threading
import warnings
from functools import cache
from types import ModuleType
from typing import Final
from urllib.parse import quote

from collector.notify.port import Message, Outcome, Sent, failed

THREADS: Final = 8
"""Calls at once, those that never end included."""
TO: Final = "{to}"
"""Where the person's address goes in the address of the service."""

logger = logging.getLogger(__name__)


class Apprise:
    """One service; `url` holds its keys and, where it has one, `{to}`."""

    def __init__(self, url: str, answer_s: float) -> None:
        self._url, self._answer_s = url, answer_s
        self._room = threading.BoundedSemaphore(THREADS)

    async def send(self, message: Message) -> Sent:
        """Let the service have it."""
        if not self._room.acquire(blocking=False):
            return failed("busy")
        loop = asyncio.get_running_loop()
        told: asyncio.Future[bool | None] = loop.create_future()
        url = self._url.replace(TO, quote(message.to, safe=""))

        def call() -> None:
            try:
                done = _notify(url, message)
            finally:
                self._room.release()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, told, done)

        # A daemon: one that hangs must not keep the process from its end.
        threading.Thread(target=call, name="apprise", daemon=True).start()
        try:
            async with asyncio.timeout(self._answer_s):
                done = await told
        except TimeoutError:
            return failed("too_slow")
        if done is None:
            return failed("no_address", again=False)
        return Sent(outcome=Outcome.SENT) if done else failed("refused")

    async def close(self) -> None:
        """Nothing is held."""


def is_service(url: str) -> bool:
    """Whether Apprise knows what to do with such an address."""
    try:
        return bool(_library().Apprise().add(url.replace(TO, "13800000000")))
    except Exception:  # noqa: BLE001 - whatever its plugins make of it, it is no address
        return False


def _notify(url: str, message: Message) -> bool | None:
    try:
        library = _library()
        service = library.Apprise()
        if not service.add(url):
            return None
        return bool(service.notify(body=message.body, title=message.subject))
    except Exception as error:  # noqa: BLE001 - a plugin's fault is a failed try
        logger.warning("a service of Apprise failed: %s", type(error).__name__)
        return False


def _settle(told: "asyncio.Future[bool | None]", done: bool | None) -> None:
    if not told.done():
        told.set_result(done)


def _library() -> ModuleType:
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its plugins import what Python is about to drop
        import apprise  # late: a collector without such a channel never loads it

        apprise.Apprise().add("json://localhost")  # loads every plugin
    for name in ("apprise", "urllib3", "requests"):
        quiet = logging.getLogger(name)
        quiet.setLevel(logging.CRITICAL + 1)
        quiet.propagate = False
    return apprise


_LOADING: Final = threading.Lock()
