"""Rows of registered keys. Plain rows in and out, no decisions. Flow: collector/registering.py -> here."""

import msgspec
from sqlalchemy import delete, func, insert, select

from collector.storage.reading import Reading
from collector.storage.schema import registrations
from collector.storage.store import Transaction

MOST = 1000
"""Keys of one list."""


class RegisteredKey(msgspec.Struct, frozen=True, kw_only=True):
    """One row; `public_key` is the SubjectPublicKeyInfo in DER."""

    id: str
    person: str
    label: str
    kind: str
    public_key: bytes
    rp_id: str
    origin: str
    credential: str
    registered_ms: int


def registered_keys(reading: Reading, person: str | None = None) -> tuple[RegisteredKey, ...]:
    """A person's keys, or everybody's, the oldest first."""
    statement = select(registrations).order_by(registrations.c.registered_ms, registrations.c.id).limit(MOST)
    if person is not None:
        statement = statement.where(registrations.c.person == person)
    return tuple(RegisteredKey(**row._mapping) for row in reading.connection.execute(statement))


def count_keys(connection: Transaction, person: str) -> int:
    """How many a person has."""
    statement = select(func.count()).where(registrations.c.person == person)
    return int(connection.execute(statement).scalar_one())


def owner_of(connection: Transaction, public_key: bytes) -> str | None:
    """Who registered this key."""
    statement = select(registrations.c.person).where(registrations.c.public_key == public_key)
    owner = connection.execute(statement).scalar()
    return None if owner is None else str(owner)


def add_key(connection: Transaction, fresh: RegisteredKey) -> None:
    """Keep a key."""
    connection.execute(insert(registrations).values(**msgspec.structs.asdict(fresh)))


def remove_key(connection: Transaction, key: str, person: str) -> bool:
    """Forget a person's key; False where it has none of that id."""
    statement = delete(registrations).where(registrations.c.id == key, registrations.c.person == person)
    return bool(connection.execute(statement).rowcount)
