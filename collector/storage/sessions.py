"""Logins at the console, kept in the database so that a restart logs nobody out. Only a token's hash is kept."""

from sqlalchemy import delete, insert, update

from collector.storage.schema import sessions
from collector.storage.store import Store


def open_session(store: Store, *, token_hash: str, person: str, now_ms: int, expires_ms: int) -> None:
    """Keep a new login and forget those that are over."""
    with store.write() as connection:
        connection.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
        connection.execute(
            insert(sessions).values(
                token_hash=token_hash, person=person, created_ms=now_ms, expires_ms=expires_ms, seen_ms=now_ms
            )
        )


def touch_session(store: Store, *, token_hash: str, now_ms: int, expires_ms: int) -> None:
    """Note that a login was used and move its end."""
    with store.write() as connection:
        connection.execute(
            update(sessions).where(sessions.c.token_hash == token_hash).values(seen_ms=now_ms, expires_ms=expires_ms)
        )


def close_session(store: Store, *, token_hash: str) -> None:
    """End a login."""
    with store.write() as connection:
        connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))
