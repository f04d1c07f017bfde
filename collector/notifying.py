"""Notices and alarm receivers of a running collector, put together from its configuration: begun, ended in order.

Flow: app.py -> here -> notify/sender.py, notify/dc09/receivers.py.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from collector.config import Config
from collector.escalation.surroundings import Surroundings
from collector.ingest.receiver_findings import Changes
from collector.metrics import Metrics
from collector.notify.channels import Channels
from collector.notify.dc09.loading import load_receivers
from collector.notify.dc09.port import receiver_ports
from collector.notify.dc09.receivers import Receivers
from collector.notify.sender import Sender, Sending
from collector.storage.store import Store


@asynccontextmanager
async def notifying(
    config: Config,
    channels: Channels,
    *,
    store: Store,
    around: Surroundings,
    metrics: Metrics,
    run: str,
    changes: Changes,
) -> AsyncIterator[Sender]:
    """A sender that runs until the end of the block; receivers are asked whether they are there meanwhile.

    Raises:
        KeysError: a file of a receiver cannot be used.
    """
    receivers = Receivers(load_receivers(config), now=lambda: datetime.now(UTC), random=os.urandom)
    receivers.changes = changes
    sender = Sender(
        Sending(
            store=store,
            around=around,
            ways=channels.ways,
            receivers=receiver_ports(receivers, around.receivers),
            texts=channels.texts,
            run=run,
            now_ms=lambda: time.time_ns() // 1_000_000,
            random=os.urandom,
            metrics=metrics,
            console_url=config.settings.console_url,
        )
    )
    tasks = [
        asyncio.create_task(sender.run(), name="notices"),
        asyncio.create_task(receivers.run(), name="receivers"),
    ]
    try:
        yield sender
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for way in channels.ways.values():
            await way.port.close()
