"""Word from the other collectors: PostgreSQL's LISTEN, in a thread with a connection of its own.

`NOTIFY` stands in the transaction of every journal entry (storage/journal.py), so whoever is woken finds it written.
What was missed while the connection was down is made good by waking everybody once it is back. On SQLite there are no
others, and nothing runs. The same connection holds the collector's id (own_id.py). Flow: database -> here -> live
pages, runner, sender.
"""

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from collector.storage.own_id import TAKEN, hold
from collector.storage.postgres import CHANNEL
from collector.storage.store import Store
from protocol.texts import said

RETRY_S: Final = 1.0
LOOK_S: Final = 1.0
"""A connection that hears nothing for so long is asked whether the journal grew: something between may swallow word."""

MISSED_S: Final = 20.0
"""A server that lost a session notices within this (postgres.py)."""

logger = logging.getLogger(__name__)


class Waking:
    """`woken` is called in this thread each time anybody has written; it must be quick and never raise."""

    def __init__(self, store: Store, woken: Callable[[], None], collector: str = "") -> None:
        self._engine, self._woken, self._collector = store.engine, woken, collector
        self._ending = threading.Event()
        self._end_in, self._end_out = socket.socketpair()
        self._thread: threading.Thread | None = None
        self.hears = False
        """Whether it listens now."""
        self._refused_s: float | None = None

    def start(self) -> None:
        """Begin to listen; on SQLite nothing is to be heard."""
        if self._engine.dialect.name == "postgresql":
            self._thread = threading.Thread(target=self._run, name="waking", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it; nothing is woken afterwards."""
        self._ending.set()
        with suppress(OSError):
            self._end_in.send(b"\0")
        if self._thread is not None:
            self._thread.join()
        self._end_in.close()
        self._end_out.close()

    def _run(self) -> None:
        told = False
        while not self._ending.is_set():
            try:
                self._listen()
            except (SQLAlchemyError, self._driver_error, OSError) as error:
                if not told:
                    logger.warning("word from other collectors is not heard (%s); trying again", type(error).__name__)
                told = True
                self._ending.wait(RETRY_S)
            else:
                told = False
            finally:
                self.hears = False

    @property
    def _driver_error(self) -> type[Exception]:
        driver: Any = self._engine.dialect.dbapi
        error: type[Exception] = driver.Error
        return error

    def _listen(self) -> None:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # what listens is never given to anybody else
        try:
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            self.hears = True
            alone, heard, seen = False, False, _head(connection)
            self._woken()  # what was written before
            waiting = select.poll()
            waiting.register(connection.fileno(), select.POLLIN)
            waiting.register(self._end_out, select.POLLIN)
            while not self._ending.is_set():
                alone = alone or self._alone(connection)
                if not waiting.poll(LOOK_S * 1000):
                    head = _head(connection)
                    if head != seen and not heard:
                        self._woken()
                    seen, heard = head, False
                if any(True for _ in connection.notifies(timeout=0)):
                    heard = True
                    self._woken()
        finally:
            connection.close()

    def _alone(self, connection: Any) -> bool:
        """Whether nobody else lives under this id; it may be our own session that the server has not missed yet."""
        if not self._collector or hold(connection, self._collector):
            self._refused_s = None
            return True
        now_s = time.monotonic()
        self._refused_s = self._refused_s if self._refused_s is not None else now_s
        if now_s - self._refused_s > MISSED_S:
            logger.error("%s", said(TAKEN, id=self._collector))
            self._refused_s = now_s
        return False


def _head(connection: Any) -> Any:
    return connection.execute("SELECT max(number) FROM journal").fetchone()
