"""Logins at the console, kept in the database so that a restart logs nobody out. Only a token's hash is kept."""

from sqlalchemy import delete, insert, select, update

from collector.storage.journal import Entry, write_journal
from collector.storage.records import Topic
from collector.storage.schema import sessions
from collector.storage.store import Store
from collector.storage.writing import lock_counters


def open_session(store: Store, *, token_hash: str, person: str, now_ms: int, expires_ms: int) -> None:
    """Keep a new login, forget those that are over, and write it down."""
    with store.write() as connection:
        lock_counters(connection)
        connection.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
        connection.execute(
            insert(sessions).values(
                token_hash=token_hash, person=person, created_ms=now_ms, expires_ms=expires_ms, seen_ms=now_ms
            )
        )
        write_journal(connection, [_entry(person, "login")], now_ms)


def touch_session(store: Store, *, token_hash: str, now_ms: int, expires_ms: int) -> None:
    """Note that a login was used and move its end."""
    with store.write() as connection:
        connection.execute(
            update(sessions).where(sessions.c.token_hash == token_hash).values(seen_ms=now_ms, expires_ms=expires_ms)
        )


def close_session(store: Store, *, token_hash: str, now_ms: int) -> None:
    """End a login and write it down; nothing where there is none."""
    with store.write() as connection:
        lock_counters(connection)
        person = connection.execute(select(sessions.c.person).where(sessions.c.token_hash == token_hash)).scalar()
        if person is None:
            return
        connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))
        write_journal(connection, [_entry(person, "logout")], now_ms)


def _entry(person: str, action: str) -> Entry:
    return Entry(topic=Topic.PERSON, subject=person, action=action, site="", person=person)
