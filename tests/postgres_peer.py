"""A real PostgreSQL 15 for tests: a private cluster on loopback, one a test session, a fresh database a test.

The server runs as the user `postgres` (it refuses root), answers on 127.0.0.1 alone, and asks for a password. Made
when the first test wants it, ended with the session. `honest` clusters sync every commit, for tests that kill it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from sqlalchemy.engine import URL

from tests.waiting import eventually_blocking

BINARIES = Path("/usr/lib/postgresql/15/bin")
OWNER = "postgres"
PASSWORD = "not-for-logs-7Q"
HOST = "127.0.0.1"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "autovacuum_naptime": "5s",
    "log_min_messages": "warning",
}
ORDER = "LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN'"
"""Databases sort like a dictionary, not like Python: whatever relies on the order of bytes would show."""

QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Server:
    """A server that runs: databases are made and dropped there."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = count(1)

    def database(self, name: str = "", encoding: str = "UTF8", template: str = "template0") -> str:
        """The address of a new database, as collector.toml would hold it: empty, or a copy of `template`."""
        name = name or f"bw{next(self._numbers)}"
        order = ORDER if encoding == "UTF8" else "LOCALE 'C'"
        self.ask(f"CREATE DATABASE {name} ENCODING '{encoding}' {order} TEMPLATE {template}")
        return self.url(name)

    def url(self, name: str, password: str | None = PASSWORD) -> str:
        """The address of a database of this server."""
        address = URL.create("postgresql+psycopg", OWNER, password, HOST, self.port, name)
        return address.render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Take a database away, whoever is connected."""
        self.ask(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def ask(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside of any transaction."""
        settings = {"host": HOST, "port": self.port, "user": OWNER, "password": PASSWORD, "dbname": name}
        with psycopg.connect(**settings, autocommit=True, connect_timeout=5) as connection:  # type: ignore[arg-type]
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


class Cluster(Server):
    """One server; `kill`, `stop` and `start` keep port and data. Every `database()` is a new, empty one."""

    def __init__(self, port: int, *, honest: bool = False) -> None:
        super().__init__(port)
        self.folder = Path(mkdtemp(prefix="bw-postgres-"))
        self._data = self.folder / "data"
        self._settings = SETTINGS | ({} if honest else QUICK)
        self._child: subprocess.Popen[bytes] | None = None
        account = pwd.getpwnam(OWNER)
        self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        if self._as:
            for path in (self.folder, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", OWNER, "-A", "scram-sha-256", "--pwfile", password,
                  "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")  # fmt: skip
        self.start()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._child = subprocess.Popen(
                [BINARIES / "postgres", "-D", self._data, "-p", str(self.port), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                **self._as,  # type: ignore[call-overload]
            )

        def answers() -> bool:
            if self._child is None or self._child.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start\n{self.log()}")
            with socket.create_connection((HOST, self.port), timeout=1):
                pass
            self.ask("SELECT 1")
            return True

        eventually_blocking(lambda: _ready(answers), timeout_s=30, what="PostgreSQL answers")

    def stop(self) -> None:
        """End it at once and in order: whoever is connected is thrown out."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGQUIT)  # SIGKILL would leave its children to themselves, and they are ours to end

    def close(self) -> None:
        """End it for good."""
        self._end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def _end(self, sig: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.send_signal(sig)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def _run(self, program: str, *arguments: str | Path) -> None:
        words = [str(BINARIES / program), *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, cwd="/", **self._as)  # type: ignore[call-overload]
        if done.returncode:
            raise RuntimeError(f"{program} failed\n{done.stderr.decode(errors='replace')}")


@contextmanager
def cluster(port: int, *, honest: bool = False) -> Iterator[Cluster]:
    """A server that ends with the block."""
    made = Cluster(port, honest=honest)
    try:
        yield made
    finally:
        made.close()


def _ready(answers: Callable[[], bool]) -> bool:
    try:
        return answers()
    except psycopg.OperationalError as error:
        raise ConnectionError(str(error)) from None
