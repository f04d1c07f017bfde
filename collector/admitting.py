"""Whom the built-in broker lets in: the boxes of collector.toml, and every box a site bundle was delivered for.

A box still needs its certificate; this only spares an administrator a file and a restart for each new one. Flow: rows
of bundles -> here -> embedded.py.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

from collector.embedded import EmbeddedBroker
from collector.storage.bundles import boxes_with_bundles
from collector.storage.store import Store, StoreError

LOOK_S: Final = 5.0

logger = logging.getLogger(__name__)


def admitted(store: Store, named: Iterable[str]) -> tuple[str, ...]:
    """Every box that is let in.

    Raises:
        StoreError: the database cannot be reached.
    """
    with store.read() as reading:
        return tuple(sorted({*named, *boxes_with_bundles(reading)}))


async def keep_admitting(broker: EmbeddedBroker, store: Store, named: Sequence[str], look_s: float = LOOK_S) -> None:
    """Let in the boxes of bundles that were delivered meanwhile; runs until it is cancelled."""
    known: tuple[str, ...] | None = None
    while True:
        try:
            boxes = await asyncio.to_thread(admitted, store, named)
            if boxes != known:
                broker.reload(boxes)
                known = boxes
        except (StoreError, OSError) as error:
            logger.warning("%s; boxes of new site files are let in when it works again", error)
        await asyncio.sleep(look_s)
