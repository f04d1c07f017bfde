"""What is known of boxes' site bundles and certificates, put beside their rows for the desk. Reads only.

Flow: storage/reading.py -> here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from collector.fleet.records import Condition
from collector.storage.records import MAX_LIMIT, ConfigRow
from collector.storage.schema import conditions, configs, identities


def configs_by_box(connection: Connection, ids: Sequence[str]) -> dict[str, ConfigRow]:
    """The rows of these boxes, with the end of their certificates and whether their key was taken back."""
    rows: dict[str, Row[Any]] = {}
    ends: dict[str, int] = {}
    revoked: set[str] = set()
    for part in (ids[start : start + MAX_LIMIT] for start in range(0, len(ids), MAX_LIMIT)):
        rows |= {row.box: row for row in connection.execute(select(configs).where(configs.c.box.in_(part)))}
        ends |= _ends(connection, part)
        statement = select(conditions.c.box).where(
            conditions.c.kind == Condition.REVOKED.value, conditions.c.box.in_(part)
        )
        revoked.update(connection.execute(statement).scalars())
    return {box: _row(rows.get(box), ends.get(box), box in revoked) for box in ids}


def _ends(connection: Connection, part: Iterable[str]) -> Mapping[str, int]:
    statement = (
        select(identities.c.box, func.max(identities.c.not_after_ms).label("ends_ms"))
        .where(identities.c.box.in_(list(part)))
        .group_by(identities.c.box)
    )
    return {row.box: int(row.ends_ms) for row in connection.execute(statement)}


def _row(row: Row[Any] | None, ends_ms: int | None, revoked: bool) -> ConfigRow:
    if row is None:
        return ConfigRow(certificate_ends_ms=ends_ms, revoked=revoked)
    return ConfigRow(
        told=row.told,
        version=row.version,
        hash=row.hash,
        roster_version=row.roster_version,
        roster_not_after=row.roster_not_after,
        machine=row.machine,
        wanted_version=row.wanted_version,
        wanted_hash=row.wanted_hash,
        wanted_ms=row.wanted_ms,
        delivered_ms=row.delivered_ms,
        drift=row.drift,
        refused_reason=row.refused_reason,
        certificate_ends_ms=ends_ms,
        revoked=revoked,
    )
