"""A ledger export as a stream of lines: the shell that joins rows, key and time (WIRE 2.10).

Flow: `collector export` and `GET /api/v1/ledger` -> here -> a file for `branchwatch verify`.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding

from collector.keys import Keys
from collector.storage.exporting import export_lines
from collector.storage.store import Store
from protocol.export import ExportWriter
from protocol.timestamps import format_time


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
