"""Taking files in: the shell around receiving.py, between the server, the database and whoever keeps the bytes.

A piece is written as it comes; what was written stays when the line tears. With the last one the whole is hashed, and
one transaction says that it is here. What cannot be what its box sealed is told to the ingest as rejected. Flow:
serving.py -> here -> rows of evidence, files; then the live feed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

import msgspec

from collector.evidence.files import Files, FilesError, Part
from collector.evidence.fitting import BEGIN_BYTES, fits
from collector.evidence.receiving import Reply, Standing, Take, judge
from collector.ingest.picturing import entry_of, mismatch
from collector.ingest.received import Rejection
from collector.storage import evidence, writing
from collector.storage.evidence import EvidenceRow, State
from collector.storage.journal import write_journal
from collector.storage.requests import requests_of
from collector.storage.store import Store, StoreError, Transaction
from collector.times import unix_ms
from protocol.uploads import Piece, Upload, owner_of

WRITE_BYTES: Final = 256 * 1024
"""Bytes gathered before they are written."""

AGAIN_S: Final = 5
OUT_OF_ORDER_S: Final = 60

KIND_OF_REQUEST: Final = {"still": "still", "clip": "clip", "playback": "clip"}
"""What a request for a picture is answered by."""

logger = logging.getLogger(__name__)


class EvidenceService:
    """Takes what boxes bring. `make_room` lets older files of a box go; `rejected` hears of what was set aside."""

    def __init__(
        self,
        *,
        collector: str,
        store: Store,
        files: Files,
        box_limit_bytes: int,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        rejected: Callable[[Rejection], None],
        make_room: Callable[[str, int], None],
    ) -> None:
        self._collector, self._store, self._files, self._limit = collector, store, files, box_limit_bytes
        self._now, self._changed, self._rejected, self._make_room = now, changed, rejected, make_room
        self._under_way: set[tuple[str, str]] = set()

    async def ask(self, upload: Upload) -> Reply:
        """How much of a file is there."""
        found = await self._look(upload, None)
        return found if isinstance(found, Reply) else Reply(status=200, have=found.first)

    async def take(self, upload: Upload, piece: Piece, body: AsyncIterator[bytes]) -> Reply:
        """Take a piece; `body` brings its bytes."""
        reply = await self._take(upload, piece, body)
        async for (
            _
        ) in body:  # whoever still sends does not read an answer: what is left is let through, a piece at most
            pass
        return reply

    async def _take(self, upload: Upload, piece: Piece, body: AsyncIterator[bytes]) -> Reply:
        key = (upload.box, upload.slot)
        if key in self._under_way:
            return Reply(status=429, word="under_way", retry_s=AGAIN_S)
        self._under_way.add(key)
        try:
            found = await self._look(upload, piece)
            if isinstance(found, Reply):
                return found
            return await self._write(upload, found.first, body)
        finally:
            self._under_way.discard(key)

    async def _look(self, upload: Upload, piece: Piece | None) -> Reply | Take:
        try:
            found = await asyncio.to_thread(self._judge, upload, piece)
            if isinstance(found, Reply) and found.word == "box_full":
                await asyncio.to_thread(self._make_room, upload.box, upload.bytes)
                found = await asyncio.to_thread(self._judge, upload, piece)
        except (FilesError, StoreError) as error:
            return _out_of_order(error)
        return found

    def _judge(self, upload: Upload, piece: Piece | None) -> Reply | Take:
        part = _part(upload)
        have = self._files.size_of(part)
        if have >= upload.bytes:  # the centre died before it could hash it
            self._files.drop(part)
            have = 0
        with self._store.read() as reading:
            row = _row_of(reading.connection, upload, 0)
            used = evidence.bytes_of_box(reading.connection, upload.box)
        return judge(
            upload,
            piece,
            Standing(
                row=row,
                have=have,
                open_parts=self._files.open_parts(upload.box),
                box_bytes=used,
                box_limit_bytes=self._limit,
                free_bytes=self._files.free_bytes(),
            ),
        )

    async def _write(self, upload: Upload, have: int, body: AsyncIterator[bytes]) -> Reply:
        part, gathered = _part(upload), bytearray()
        try:
            try:
                async for chunk in body:
                    gathered += chunk
                    if len(gathered) >= WRITE_BYTES:
                        have = await asyncio.to_thread(self._files.append, part, have, bytes(gathered))
                        gathered.clear()
            finally:
                if gathered:  # of a line that tore, too
                    have = await asyncio.to_thread(self._files.append, part, have, bytes(gathered))
            await asyncio.to_thread(self._files.settle, part)
            if have < upload.bytes:
                return Reply(status=200, have=have)
            reply = await asyncio.to_thread(self._whole, upload, part)
        except (FilesError, StoreError) as error:
            return _out_of_order(error)
        self._changed()
        return reply

    def _whole(self, upload: Upload, part: Part) -> Reply:
        """Every byte is there: hash it, and say that it is here."""
        now_ms = unix_ms(self._now())
        if not fits(upload.media_type, self._files.begin_of(part, BEGIN_BYTES)):
            self._files.drop(part)
            logger.warning("%s of %s is no picture of a size that is shown; dropped", upload.slot, upload.box)
            return Reply(status=413, word="not_shown")
        if not self._files.finish(part):
            with self._store.read() as reading:
                row = _row_of(reading.connection, upload, now_ms)
            if row is not None:
                self._rejected(mismatch(row, now_ms))
            return Reply(status=422, word="hash")
        with self._store.write() as connection:
            writing.lock_counters(connection)
            before = _row_of(connection, upload, now_ms)
            if before is None or before.state in (State.MISSING, State.REMOVED):
                return Reply(status=410, word="not_wanted")
            if before.sha256 and before.sha256 != upload.sha256:
                return Reply(status=409, word="other_hash")
            row = msgspec.structs.replace(
                before,
                state=State.HERE.value if before.sha256 else before.state,
                media_type=upload.media_type,
                came_sha256=upload.sha256,
                came_bytes=upload.bytes,
                came_ms=now_ms,
            )
            if evidence.evidence_of(connection, [row.key]):
                evidence.save_evidence(connection, [row])
            else:
                evidence.add_evidence(connection, [row])
            if row.state != before.state:
                write_journal(connection, [entry_of(row, self._collector)], now_ms)
        return Reply(status=201, have=upload.bytes)


def _row_of(connection: Transaction, upload: Upload, now_ms: int) -> EvidenceRow | None:
    """The slot's row, or the one that it will have: of a request, the first word may be the file itself."""
    known = evidence.evidence_of(connection, [(upload.box, upload.slot)]).get((upload.box, upload.slot))
    if known is not None:
        return known
    owner = owner_of(upload.slot)
    asked = requests_of(connection, [owner]).get(owner)
    kind = None if asked is None else KIND_OF_REQUEST.get(asked.action)
    if asked is None or kind is None or asked.box != upload.box:
        return None
    return EvidenceRow(
        box=upload.box,
        slot=upload.slot,
        site=asked.site,
        owner=owner,
        request=True,
        camera=str(asked.args.get("camera", ""))[:32],
        kind=kind,
        promised_ms=now_ms,
    )


def _part(upload: Upload) -> Part:
    return Part(box=upload.box, slot=upload.slot, sha256=upload.sha256)


def _out_of_order(error: Exception) -> Reply:
    logger.error("%s; boxes bring their pictures later", error)
    return Reply(status=503, word="out_of_order", retry_s=OUT_OF_ORDER_S)
