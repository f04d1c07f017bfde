"""The rows of `rules`: the bank's rules as they were loaded, the highest version holds.

Flow: collector/rules/* -> here.
"""

from sqlalchemy import select

from collector.storage.alarm_tables import rules
from collector.storage.store import Transaction


def newest_rules(connection: Transaction) -> int | None:
    """The version that holds; None before any was loaded."""
    row = connection.execute(select(rules.c.version).order_by(rules.c.version.desc()).limit(1)).first()
    return None if row is None else int(row.version)


def rules_document(connection: Transaction, version: int) -> bytes:
    """What was loaded under this version, as JSON of `rules.shapes.Rules`."""
    return bytes(connection.execute(select(rules.c.document).where(rules.c.version == version)).scalar_one())
