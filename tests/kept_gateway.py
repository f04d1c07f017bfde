"""The bank's gateway in a thread of its own: it takes signed webhooks while a plain test kills whoever sends them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.notify.signing import Judgement
from tests.webhook_peer import WebhookPeer, webhook_peer

SECRET = "a key of the gateway, 24 characters and more"
CALL = "+8613800000002"
"""Always answered: the channel of last resort."""
CHANNEL = """
[[channel]]
name = "{name}"
kind = "webhook"
address = "{url}"
secret = "{key}"
answer = "2s"
"""


class Gateway:
    """What came so far, whoever sent it; nothing here forgets."""

    def __init__(self) -> None:
        self.peer = WebhookPeer()
        self._ready, self._ended = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="gateway")

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Hang up."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def settings(self, folder: Path) -> str:
        """What collector.toml says of it; its key lies in `folder`."""
        key = folder / "sms.key"
        key.write_text(SECRET + "\n")
        key.chmod(0o600)
        self.peer.manners[CALL] = "ok"
        return "".join(CHANNEL.format(name=name, url=self.peer.url, key=key) for name in ("sms", "call"))

    def manner(self, name: str) -> None:
        """What it does from the next message on (tests/webhook_peer.py)."""
        self.peer.manner = name

    def tell_time(self) -> None:
        """Signatures are judged by the time of now."""
        self.peer.now_s = int(time.time())

    @property
    def came(self) -> list[dict[str, Any]]:
        """Every message, in its order; each was signed."""
        assert set(self.peer.judged) <= {Judgement.GOOD}
        return list(self.peer.bodies)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with webhook_peer(SECRET.encode(), int(time.time())) as self.peer:
            self._ready.set()
            await self._ended.wait()


@contextmanager
def kept_gateway() -> Iterator[Gateway]:
    """A gateway that listens until the block ends."""
    made = Gateway()
    made.start()
    try:
        yield made
    finally:
        made.stop()
