"""One living collector an id: a lock of the server's that its session holds. On PostgreSQL; SQLite is for one alone.

Two of the same id would throw each other off the broker, write one ledger and take each other's notices back. The lock
ends with its session: at once when the process is killed, after some 15 s when its machine is gone. A connection that
was lost takes it anew. Flow: app.py asks `taken` before anything is begun; waking.py holds it.
"""

import hashlib
import time
from typing import Any, Final

from sqlalchemy import text

from collector.storage.store import Store
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TRIES: Final = 3
BETWEEN_S: Final = 0.5
"""A server may need a moment to see that a process was killed."""

_TRY: Final = "SELECT pg_try_advisory_{kind}lock({key})"


class IdTakenError(SaidError):
    """Another collector lives under this id."""


TAKEN: Final = N_(
    'another collector with the id "{id}" is running on this database; end it, or give this one an id and a certificate'
    " of its own"
)


def refuse_second(store: Store, collector: str) -> None:
    """Look whether this id is free.

    Raises:
        IdTakenError: it is not.
        StoreError: the database cannot be reached.
    """
    for left in reversed(range(TRIES)):
        if not taken(store, collector):
            return
        if left:
            time.sleep(BETWEEN_S)
    raise IdTakenError(TAKEN, id=collector)


def taken(store: Store, collector: str) -> bool:
    """Whether somebody lives under this id now."""
    if store.engine.dialect.name != "postgresql":
        return False
    with store.write() as connection:  # the lock of a transaction: nothing is left of it
        return not connection.execute(text(_TRY.format(kind="xact_", key=_key(collector)))).scalar_one()


def hold(driver_connection: Any, collector: str) -> bool:
    """Hold it as long as this connection lives; False while somebody else does."""
    row = driver_connection.execute(_TRY.format(kind="", key=_key(collector))).fetchone()
    return bool(row[0])


def _key(collector: str) -> int:
    digest = hashlib.sha256(f"branchwatch collector {collector}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
