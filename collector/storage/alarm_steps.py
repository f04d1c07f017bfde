"""Rows of `alarm_steps`: the procedure of an alarm, step by step. Plain rows in and out, no decisions.

Flow: collector/procedures/progress.py -> here -> the console.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, insert, select, update

from collector.storage.alarm_tables import alarm_steps
from collector.storage.records import AlarmStep
from collector.storage.store import Transaction

OPEN = "open"
"""Neither done nor skipped."""


def add_steps(connection: Transaction, fresh: Sequence[AlarmStep]) -> None:
    """Write the steps of a procedure that begins."""
    if fresh:
        connection.execute(insert(alarm_steps), [_values(row) for row in fresh])


def steps_of(connection: Connection, alarm_id: str) -> tuple[AlarmStep, ...]:
    """The steps of an alarm in their order."""
    statement = select(alarm_steps).where(alarm_steps.c.alarm == alarm_id).order_by(alarm_steps.c.position)
    return tuple(_row(row) for row in connection.execute(statement))


def save_step(connection: Transaction, changed: AlarmStep) -> None:
    """Write a step that was done or skipped."""
    mine = and_(alarm_steps.c.alarm == changed.alarm, alarm_steps.c.position == changed.position)
    connection.execute(update(alarm_steps).where(mine).values(**_values(changed)))


def _row(row: Any) -> AlarmStep:
    fields = dict(row._mapping)
    return AlarmStep(**(fields | {name: msgspec.json.decode(fields[name]) for name in ("line", "facts")}))


def _values(row: AlarmStep) -> dict[str, Any]:
    text = {name: msgspec.json.encode(getattr(row, name)).decode("utf-8") for name in ("line", "facts")}
    return msgspec.structs.asdict(row) | text
