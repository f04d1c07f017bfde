"""A ledger export as a stream of lines, and the pictures beside it: the shell that joins rows, key, time and files.

Flow: `collector export` and `GET /api/v1/ledger` -> here -> a file, and a folder, for `branchwatch verify` (WIRE 2.10).
"""

import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from collector.evidence.files import Files
from collector.keys import Keys
from collector.storage.evidence import sealed_pieces
from collector.storage.exporting import export_lines
from collector.storage.store import Store
from protocol.export import ExportWriter
from protocol.timestamps import format_time
from protocol.uploads import ENDINGS

AT_ONCE: Final = 500
"""Rows read at once; files are copied between two reads."""


def export_ledger(store: Store, keys: Keys, collector: str, now: datetime) -> Iterator[bytes]:
    """Every line of the export.

    Raises:
        StoreError: the database cannot be reached.
    """
    writer = ExportWriter(collector, format_time(now), keys.sealer)
    root = b64encode(keys.root.public_bytes(Encoding.DER)).decode("ascii")
    own_chain = tuple(b64encode(der).decode("ascii") for der in keys.chain)
    with store.read() as reading:
        yield from export_lines(reading, writer, root, own_chain)


@dataclass
class Copied:
    """What was copied, and what of it could not be: its bytes are not here or not what was sealed."""

    files: int = 0
    unfit: list[str] = field(default_factory=list)


def export_evidence(store: Store, files: Files, out: Path, upto: int) -> Copied:
    """Every picture and clip that is here, to `out` under BOX/SLOT; a file appears whole or not at all.

    Of what was sealed by event number `upto`: what the ledger got meanwhile is not in its export.

    Raises:
        StoreError: the database cannot be reached.
        FilesError: the evidence folder cannot be read.
        OSError: `out` cannot be written.
    """
    copied, after = Copied(), None
    while True:
        with store.read() as reading:
            rows = sealed_pieces(reading, after, upto, AT_ONCE)
        for row in rows:
            after = row.key
            path = files.path_of(row.sha256)
            if path is None:
                copied.unfit.append(f"{row.box}/{row.slot}")
                continue
            folder = out / row.box
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / f".{row.slot}.part"
            shutil.copyfile(path, partial)
            partial.replace(folder / f"{row.slot}.{ENDINGS[row.media_type]}")
            copied.files += 1
        if len(rows) < AT_ONCE:
            return copied
