"""The ledger inside a restored database, held against its signatures as `branchwatch verify` does it, without its key.

The lines of an export go straight into the audit; its manifest, which only the collector's key can sign, stays away.
Flow: restoring.py -> here -> protocol/audit.py.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from collector.storage.exporting import export_lines
from collector.storage.store import Store
from protocol.audit import Audit, Report
from protocol.envelope import Sealer
from protocol.export import ExportWriter
from protocol.timestamps import format_time


def audit_database(
    store: Store,
    *,
    centre: str,
    chain: Sequence[x509.Certificate],
    root: x509.Certificate,
    now: datetime,
    told: Callable[[int], None],
) -> Report:
    """What `verify` would say of this database; `told` hears of every event's record.

    Raises:
        StoreError: the database cannot be read.
    """
    writer = ExportWriter(centre, format_time(now), Sealer(generate_private_key(SECP256R1()), "-" * 43))
    audit = Audit(now=now, trusted_root=root, closed_by_manifest=False)
    own = tuple(_der(each) for each in chain)
    with store.read() as reading:
        lines = export_lines(reading, writer, _der(root), own)
        for number, line in enumerate(_all_but_last(lines)):
            audit.feed(line)
            told(number)
    return audit.report()


def _der(certificate: x509.Certificate) -> str:
    return b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def _all_but_last(lines: Iterator[bytes]) -> Iterator[bytes]:
    before = next(lines)
    for line in lines:
        yield before
        before = line
