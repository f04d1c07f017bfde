"""Rows of `rota_overrides`: who stands in for whom. No decisions here.

Flow: collector/escalation/targets.py and the console's routes -> here.
"""

from typing import Final

import msgspec
from sqlalchemy import insert, select, update

from collector.escalation.rotas import Override
from collector.storage.alarm_tables import rota_overrides
from collector.storage.store import Transaction

MOST: Final = 10_000


def overrides_now(connection: Transaction, from_ms: int, rota: str | None = None) -> list[Override]:
    """Overrides that are not over at `from_ms` and were not taken back."""
    statement = select(rota_overrides).where(rota_overrides.c.until_ms > from_ms, rota_overrides.c.removed_ms.is_(None))
    if rota is not None:
        statement = statement.where(rota_overrides.c.rota == rota)
    statement = statement.order_by(rota_overrides.c.from_ms, rota_overrides.c.id).limit(MOST)
    return [
        Override(
            id=row.id,
            rota=row.rota,
            person=row.person,
            from_ms=row.from_ms,
            until_ms=row.until_ms,
            by=row.by,
            reason=row.reason,
            at_ms=row.at_ms,
        )
        for row in connection.execute(statement)
    ]


def add_override(connection: Transaction, override: Override) -> None:
    """Write one down."""
    connection.execute(insert(rota_overrides).values(**msgspec.structs.asdict(override), removed_ms=None))


def remove_override(connection: Transaction, override_id: str, rota: str, now_ms: int) -> bool:
    """Take one back; whether it was there."""
    statement = update(rota_overrides).where(
        rota_overrides.c.id == override_id, rota_overrides.c.rota == rota, rota_overrides.c.removed_ms.is_(None)
    )
    return bool(connection.execute(statement.values(removed_ms=now_ms)).rowcount)
