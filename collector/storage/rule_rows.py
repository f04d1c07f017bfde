"""The rows of `rules`: the bank's rules as they were loaded, the highest version holds.

Flow: collector/rules/* -> here.
"""

import msgspec
from sqlalchemy import insert, select

from collector.storage.alarm_tables import rules
from collector.storage.store import Transaction


def newest_rules(connection: Transaction) -> int | None:
    """The version that holds; None before any was loaded."""
    row = connection.execute(select(rules.c.version).order_by(rules.c.version.desc()).limit(1)).first()
    return None if row is None else int(row.version)


def rules_document(connection: Transaction, version: int) -> bytes:
    """What was loaded under this version, as JSON of `rules.shapes.Rules`."""
    return bytes(connection.execute(select(rules.c.document).where(rules.c.version == version)).scalar_one())


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the rules, without what it says."""

    version: int
    hash: str
    person: str
    loaded_ms: int


def rule_rows(connection: Transaction, limit: int = 20) -> list[RuleRow]:
    """The newest versions, the one that holds first."""
    statement = select(rules.c.version, rules.c.hash, rules.c.person, rules.c.loaded_ms)
    return [
        RuleRow(version=row.version, hash=row.hash, person=row.person, loaded_ms=row.loaded_ms)
        for row in connection.execute(statement.order_by(rules.c.version.desc()).limit(limit))
    ]


def add_rules(connection: Transaction, row: RuleRow, document: bytes) -> None:
    """A version that holds from now on."""
    connection.execute(insert(rules).values(**msgspec.structs.asdict(row), document=document))
