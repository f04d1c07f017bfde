"""The evidence at the centre put together: folder, server, rounds of letting go; started and ended with the collector.

Flow: app.py -> here. Without `[evidence]` in collector.toml there is none of it.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from collector.config import Config, EvidenceSettings, split_address
from collector.evidence.callers import Callers
from collector.evidence.files import FilesError
from collector.evidence.folder import Folder
from collector.evidence.keeping import Keeping
from collector.evidence.receiving import RESERVE_BYTES
from collector.evidence.service import EvidenceService
from collector.evidence.serving import EvidenceServer, server_context
from collector.health import EvidenceSeen
from collector.ingest.pipeline import Pipeline
from collector.storage.store import Store, StoreError
from protocol.texts import Said, SaidError

GB: Final = 1_000_000_000
ROUND_S: Final = 600.0

logger = logging.getLogger(__name__)


@dataclass
class Evidence:
    """What the rest of the collector sees of it."""

    folder: Folder
    server: EvidenceServer
    fault: Said | None = None

    def seen(self) -> EvidenceSeen:
        """How it is now; safe from any thread."""
        try:
            short = self.folder.free_bytes() < RESERVE_BYTES
        except FilesError as error:
            return EvidenceSeen(serves=self.server.serves, fault=error.said, short=False)
        return EvidenceSeen(serves=self.server.serves, fault=self.fault, short=short)


@asynccontextmanager
async def evidence(
    config: Config,
    settings: EvidenceSettings,
    *,
    store: Store,
    pipeline: Pipeline,
    now: Callable[[], datetime],
    changed: Callable[[], None],
) -> AsyncIterator[Evidence]:
    """Take, keep and let go until the end.

    Raises:
        ListenError: the server cannot listen, or its certificate cannot be used.
        FilesError: the folder cannot be used.
    """
    collector, embedded = config.settings.id, config.settings.embedded
    certificate, key = settings.certificate, settings.key
    if (certificate is None or key is None) and embedded is not None:
        certificate, key = embedded.certificate, embedded.key
    if certificate is None or key is None:
        raise ValueError("config.py asks for a certificate before it comes here")
    folder = Folder(config.path(settings.folder))
    folder.prepare()
    keeping = Keeping(
        collector=collector,
        store=store,
        files=folder,
        keep=settings.keep,
        disk_limit_bytes=settings.disk_gb * GB,
        box_limit_bytes=settings.box_gb * GB,
        now=now,
    )
    one = threading.Lock()

    def make_room(box: str, size: int) -> None:
        with one:
            keeping.make_room(box, size)

    def look() -> None:
        with one:
            keeping.round()

    service = EvidenceService(
        collector=collector,
        store=store,
        files=folder,
        box_limit_bytes=settings.box_gb * GB,
        now=now,
        changed=changed,
        rejected=pipeline.reject,
        make_room=make_room,
    )
    host, port = split_address(settings.listen)
    server = EvidenceServer(
        service=service,
        callers=Callers(store, lambda: pipeline.trusted, lambda: pipeline.locked),
        context=server_context(
            trust=config.path(config.settings.trust), certificate=config.path(certificate), key=config.path(key)
        ),
        host=host,
        port=port,
        now=now,
    )
    async with server:
        made = Evidence(folder=folder, server=server)
        rounds = asyncio.create_task(_rounds(made, look), name="evidence rounds")
        try:
            yield made
        finally:
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)


async def _rounds(made: Evidence, look: Callable[[], None]) -> None:
    while True:
        try:
            await asyncio.to_thread(look)
            made.fault = None
        except (StoreError, FilesError) as error:
            made.fault = _said(error)
        await asyncio.sleep(ROUND_S)


def _said(error: SaidError) -> Said:
    logger.error("%s; old pictures are let go later", error)
    return error.said
