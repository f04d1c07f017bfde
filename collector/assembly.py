"""The parts of a collector put together around one database and one key: no socket, no thread, no clock.

Flow: app.py (and tests, in virtual time) -> here -> a `Centre` ready to take messages.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import msgspec
from cryptography import x509

from collector.escalation.surroundings import Surroundings
from collector.ingest.commit import Committer
from collector.ingest.pipeline import Pipeline
from collector.ingest.receipts import Receipts
from collector.ingest.receiver_findings import Changes
from collector.ingest.signs_of_life import Hearing
from collector.ledger import CentreLedger
from collector.metrics import Metrics
from collector.people import People
from collector.storage import writing
from collector.storage.store import Store
from collector.times import unix_ms
from protocol.certificates import Role, Trust
from protocol.envelope import Sealer, encode_base64url

CHALLENGE_BYTES = 16
"""128 bits (WIRE 2.8)."""


@dataclass(frozen=True, kw_only=True)
class Centre:
    """What takes messages, and what signs the answers."""

    pipeline: Pipeline
    receipts: Receipts
    ledger: CentreLedger
    receivers: Changes
    """Whatever alarm receivers tell of themselves goes in here; the ingest's next look tells it."""


def assemble(
    *,
    collector: str,
    unit: str,
    store: Store,
    trust: Trust,
    sealer: Sealer,
    chain: Sequence[bytes],
    run: str,
    random: Callable[[int], bytes],
    now_ms: int,
    metrics: Metrics,
    helpers: Executor | None = None,
    shares: int = 1,
    changed: Callable[[], None] = lambda: None,
    around: Surroundings | None = None,
) -> Centre:
    """Put the parts together; the database is migrated by then. Without `around` nobody is there to be told.

    Raises:
        StoreError: the database cannot be reached.
    """
    receipts = Receipts(collector=collector, sealer=sealer, chain=chain)
    ledger = CentreLedger(collector=collector, sealer=sealer, run=run, random=random)
    hearing = Hearing(
        receipts=receipts,
        collector=collector,
        challenge=lambda: encode_base64url(random(CHALLENGE_BYTES)).decode("ascii"),
    )
    _introduce(store, collector=collector, unit=unit, kid=sealer.kid, chain=chain, now_ms=now_ms)
    if around is None:
        around = Surroundings(collector=collector, people=People(()), new_id=ledger.new_id)
    committer = Committer(store=store, ledger=ledger, hearing=hearing, around=around)
    pipeline = Pipeline(
        store=store,
        committer=committer,
        trust=trust,
        metrics=metrics,
        helpers=helpers,
        shares=shares,
        changed=changed,
    )
    return Centre(pipeline=pipeline, receipts=receipts, ledger=ledger, receivers=committer.receivers)


def _introduce(store: Store, *, collector: str, unit: str, kid: str, chain: Sequence[bytes], now_ms: int) -> None:
    """The centre is a site and a signer like others: its own findings stand there, and exports carry its chain."""
    with store.write() as connection:
        writing.lock_counters(connection)
        writing.save_site(connection, collector, collector, unit, "UTC")
        writing.save_identity(
            connection,
            {
                "kid": kid,
                "box": collector,
                "role": Role.COLLECTOR.value,
                "site": None,
                "chain": msgspec.json.encode([b64encode(der).decode("ascii") for der in chain]),
                "not_after_ms": unix_ms(x509.load_der_x509_certificate(chain[0]).not_valid_after_utc),
                "first_seen_ms": now_ms,
            },
        )
