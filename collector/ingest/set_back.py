"""A centre that was restored from a backup says so in its own ledger, once: what it wrote after the backup is gone.

Its new run continues the restored head, which lies behind what an older export may hold: `ledger.rollback`, like a box
whose store was set back, names that run, so that whoever compares both finds the reason signed. Inside the transaction.
Flow: the first look after a start -> here -> telling.py.
"""

from collector.fleet.records import Condition, Found
from collector.ingest.work import Work
from collector.ledger import CentreLedger
from collector.storage import upkeep, writing
from protocol.kinds import Lane


def note_set_back(work: Work, ledger: CentreLedger) -> None:
    """Find the restore that this database came from; one that was told stands among the conditions and is left out."""
    restored = upkeep.last_restore(work.connection)
    if restored is None:
        return
    head = writing.standings(work.connection, [ledger.collector]).get((ledger.collector, Lane.URGENT.value))
    facts = {
        "lane": Lane.URGENT.value,
        "run": ledger.run,
        "from": 1 if head is None else head.seq + 1,
        "backup_at": restored.facts.get("backup_at", ""),
        "by": restored.person,
        "why": "the centre was restored from a backup",
    }
    found = Found(condition=Condition.ROLLBACK, detail=f"restore-{restored.number}", facts=facts)
    work.found.append((ledger.collector, ledger.collector, found))
