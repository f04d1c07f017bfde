"""How far the record of another machine was read: one row a record, in the transaction of what it led to."""

from sqlalchemy import Connection, delete, insert, select

from collector.storage.schema import record_positions
from collector.storage.store import Transaction
from protocol.ledger import Position


def position_of(connection: Connection, name: str) -> Position | None:
    """The last line that was taken; None before the first."""
    row = connection.execute(select(record_positions).where(record_positions.c.name == name)).first()
    return None if row is None else Position(run=row.run, seq=row.seq, hash=row.hash)


def save_position(connection: Transaction, name: str, position: Position) -> None:
    """Everything up to here was taken."""
    connection.execute(delete(record_positions).where(record_positions.c.name == name))
    connection.execute(
        insert(record_positions).values(name=name, run=position.run, seq=position.seq, hash=position.hash)
    )
