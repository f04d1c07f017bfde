"""Whether this box's agent was refused by a device lately: a person's try counts for the same account.

Reads the agent's store beside a running agent, as far as it may; a folder that is not there or closed says nothing.
"""

import sqlite3
from datetime import datetime
from pathlib import Path

from agent.detectors.login import wait_after
from agent.logins import LOGINS_KEY, read_ledger
from agent.outbox.schema import FILE_NAME


def next_try(folder: Path, host: str, now: datetime) -> datetime | None:
    """When this box tries an account at this host next; None: it was not refused there, or nobody knows."""
    file = folder / FILE_NAME
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT value FROM saved WHERE key = ?", (LOGINS_KEY,)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    ledger = read_ledger(bytes(rows[0][0])) if rows else {}
    waits = [
        each.at.wall + wait_after(each.times)
        for account, each in ledger.items()
        if account.partition(" ")[0] == host.lower()
    ]
    latest = max(waits, default=None)
    return latest if latest is not None and latest > now else None
