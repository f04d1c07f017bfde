"""The rows of `rules`: the bank's rules as they were loaded, the highest version holds.

Flow: collector/rules/* -> here.
"""

from typing import NamedTuple

import msgspec
from sqlalchemy import insert, select

from collector.storage.alarm_tables import rules
from collector.storage.store import Transaction


class RuleText(NamedTuple):
    """A version as it stands in the database: `document` is JSON of `rules.shapes.Rules`, `hash` what it had."""

    version: int
    hash: str
    document: bytes


def newest_rules(connection: Transaction, below: int | None = None) -> RuleText | None:
    """The highest version, or the highest one below that; None before any was loaded."""
    statement = select(rules.c.version, rules.c.hash, rules.c.document).order_by(rules.c.version.desc()).limit(1)
    row = connection.execute(statement if below is None else statement.where(rules.c.version < below)).first()
    return None if row is None else RuleText(int(row.version), row.hash, bytes(row.document))


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
