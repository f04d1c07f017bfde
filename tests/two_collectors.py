"""Two real collectors on one PostgreSQL behind one Mosquitto, for tests that kill one of them.

`Pair` writes their configurations and starts them; `Page` is a reader of the live feed of one of them. A box and its
connection, which hears both, are in wired_box.py.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from collector.people import token_hash
from tests.brokers import COLLECTORS, Broker, Certificates
from tests.postgres_peer import HOST, OWNER, PASSWORD, Cluster
from tests.processes import RunningProcess
from tests.waiting import eventually_blocking

GROUP = "a-group-nobody-guesses"
TOKEN = "t" * 43

Start = Callable[..., RunningProcess]
"""The `process` fixture."""


class Pair:
    """Both collectors: their files, processes and common database."""

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        broker: Broker,
        cluster: Cluster,
        start: Start,
        free_port: Callable[[], int],
        more: str = "",
    ) -> None:
        self._cluster, self._start = cluster, start
        self.url = cluster.database()
        self._name = self.url.rpartition("/")[2]
        passfile = folder / "pgpass"
        passfile.write_text(f"{HOST}:{cluster.port}:*:{OWNER}:{PASSWORD}\n")
        passfile.chmod(0o600)
        database = f"postgresql://{OWNER}@{HOST}:{cluster.port}/{self._name}?passfile={quote(str(passfile), safe='/')}"
        self.configs: list[Path] = []
        self.consoles: list[str] = []
        self.running: list[RunningProcess | None] = [None, None]
        for collector in COLLECTORS:
            certificate, key = certificates.pair(collector)
            console = free_port()
            config = folder / f"{collector}.toml"
            config.write_text(
                f"""
id = "{collector}"
listen = "127.0.0.1:{console}"
database = "{database}"
brokers = ["127.0.0.1:{broker.port}"]
share = "{GROUP}"
trust = "{certificates.root}"
certificate = "{certificate}"
key = "{key}"
crls = ["{certificates.crls}"]
{more}
[[person]]
id = "wang"
name = "Wang"
roles = ["operator"]
token_hash = "{token_hash(TOKEN)}"
"""
            )
            self.configs.append(config)
            self.consoles.append(f"http://127.0.0.1:{console}")

    def command(self, number: int, word: str = "serve", *more: str | Path) -> list[str | Path]:
        """What starts collector 0 or 1."""
        return [sys.executable, "-m", "branchwatch", "collector", word, "--config", self.configs[number], *more]

    def start(self, number: int) -> RunningProcess:
        """Start one; `healthy` waits for it."""
        made = self.running[number] = self._start(self.command(number))
        return made

    def other_word(self, word: str) -> RunningProcess:
        """Type another word with the configuration of the first."""
        return self._start(self.command(0, word))

    def other(self, config: Path) -> RunningProcess:
        """Start a further one, of a configuration of its own."""
        return self._start([sys.executable, "-m", "branchwatch", "collector", "serve", "--config", config])

    def healthy(self, number: int) -> None:
        """Wait until it hears its broker and its database."""

        def well() -> bool:
            process = self.running[number]
            if process is None or not process.running():
                raise RuntimeError(f"it ended\n{process.tail() if process else ''}")
            with suppress(httpx.HTTPError):
                return httpx.get(f"{self.consoles[number]}/healthz", timeout=2).status_code == 200
            return False

        eventually_blocking(well, 30.0, f"collector {number} is healthy")

    def kill(self, number: int) -> None:
        """kill -9."""
        process = self.running[number]
        assert process is not None
        process.kill()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        return self._cluster.ask(statement, self._name)


class Page:
    """A reader of one collector's live feed, in a thread; `last` is the number to go on from elsewhere."""

    def __init__(self, console: str, after: int | None = None) -> None:
        self.last = after
        self.told: list[tuple[str, Any]] = []
        self.numbers: list[int] = []
        """Of the journal, as they came."""
        self._client = httpx.Client(timeout=httpx.Timeout(5, read=10), headers={"Authorization": f"Bearer {TOKEN}"})
        self._ending = False
        self._thread = threading.Thread(target=self._read, args=(console,))
        self._thread.start()
        eventually_blocking(lambda: bool(self.told) or not self._thread.is_alive(), 20.0, "the page is live")

    def kinds(self, topic: str = "event") -> list[str]:
        """The kinds of the events (or alarms) it was told, in their order."""
        return [data["kind"] for name, data in list(self.told) if name == topic]

    def close(self) -> None:
        """Go away."""
        self._ending = True
        self._thread.join()
        self._client.close()

    def _read(self, console: str) -> None:
        headers = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        with (
            suppress(httpx.HTTPError),
            self._client.stream("GET", f"{console}/api/v1/live", headers=headers) as answer,
        ):
            name, number = "", None
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    number = int(value)
                elif field == "data":
                    self.told.append((name, json.loads(value)))
                    if number is not None:
                        self.numbers.append(number)
                        self.last, number = number, None
                if self._ending:
                    return
