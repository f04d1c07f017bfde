"""The collector as a process behind real brokers: mutual TLS, receipts, crashes, revocation, two brokers at once."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from protocol.kinds import Lane
from provisioning.keeping import save_crls
from tests.brokers import Broker, BrokerKind, Certificates, StartBroker, make_certificates
from tests.conftest import EventuallyBlocking, StartProcess
from tests.wired_box import Line, delivered, introduced, paper_box

COLLECTOR = "centre-1"


class Bench:
    """A configuration, its processes and its database."""

    def __init__(self, folder: Path, certificates: Certificates, brokers: list[int], console: int) -> None:
        self.folder, self.console = folder, console
        certificate, key = certificates.pair(COLLECTOR)
        self.config = folder / "collector.toml"
        self.database = folder / "collector.sqlite"
        addresses = ", ".join(f'"127.0.0.1:{port}"' for port in brokers)
        self.config.write_text(
            f"""
id = "{COLLECTOR}"
listen = "127.0.0.1:{console}"
brokers = [{addresses}]
trust = "{certificates.root}"
certificate = "{certificate}"
key = "{key}"
crls = ["{certificates.crls}"]
"""
        )

    @property
    def command(self) -> list[str | Path]:
        """What starts the collector."""
        return [sys.executable, "-m", "branchwatch", "collector", "serve", "--config", self.config]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Connections that are hung up with the test."""
    opened: list[Line] = []
    yield opened
    for line in opened:
        line.close()


def test_an_event_is_stored_and_signed_for(
    broker: Broker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    lines: list[Line],
) -> None:
    """Behind either broker, mutual TLS: birth, events, signed receipts, one alarm, a clean end on SIGTERM."""
    bench = Bench(tmp_path, certificates, [broker.port], free_port())
    collector = process(bench.command)
    box, line = paper_box(certificates), Line(certificates, broker.port)
    lines.append(line)
    introduced(box, line)
    messages = [box.seal(box.opened(Lane.URGENT), box.line("door.dual_open")), box.seal(box.line("door.forced"))]
    delivered(box, line, messages)
    assert bench.rows("SELECT seq, kind FROM events WHERE box = ? ORDER BY seq", box.id) == [
        (1, "ledger.opened"),
        (2, "door.dual_open"),
        (3, "door.forced"),
    ]
    assert {receipt.collector for receipt in line.receipts} == {COLLECTOR}
    collector.stop()
    assert collector.wait() == 0


@pytest.mark.timeout(120)
def test_a_collector_killed_at_any_moment_loses_nothing(
    mosquitto: Broker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    lines: list[Line],
) -> None:
    """kill -9 while events pour in: what was receipted is there, and in the end all of it, once."""
    bench = Bench(tmp_path, certificates, [mosquitto.port], free_port())
    box, line = paper_box(certificates), Line(certificates, mosquitto.port)
    lines.append(line)
    messages = [box.seal(box.opened(Lane.URGENT))]
    for life in range(3):
        collector = process(bench.command)
        introduced(box, line)
        fresh = [box.seal(box.line("door.forced", life=life)) for _ in range(400)]
        messages += fresh
        for message in messages[:200] if not life else fresh[:200]:
            line.send(f"bw/1/{box.id}/up/event", message)
        collector.kill()
        receipted = line.head(Lane.URGENT)
        stored = {seq for (seq,) in bench.rows("SELECT seq FROM events WHERE box = ?", box.id)}
        assert set(range(1, receipted + 1)) <= stored, "what was signed for is there after the cut"
    process(bench.command)
    introduced(box, line)
    delivered(box, line, messages)
    seqs = [seq for (seq,) in bench.rows("SELECT seq FROM events WHERE box = ? ORDER BY seq", box.id)]
    assert seqs == list(range(1, box.tips[Lane.URGENT].seq + 1))
    assert bench.rows("SELECT sum(events) FROM alarms WHERE kind = 'door.forced'") == [(1200,)]


def test_both_brokers_are_heard_and_one_may_die(
    start_broker: StartBroker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    lines: list[Line],
) -> None:
    """brokers = [...]: a box at either one is answered there; the death and return of one is borne."""
    first, second = start_broker(BrokerKind.MOSQUITTO), start_broker(BrokerKind.MOSQUITTO)
    bench = Bench(tmp_path, certificates, [first.port, second.port], free_port())
    process(bench.command)
    one, other = paper_box(certificates), paper_box(certificates, "0755-032-a")
    at_first = Line(certificates, first.port)
    at_second = Line(certificates, second.port, other.id)
    lines += [at_first, at_second]
    introduced(one, at_first)
    introduced(other, at_second)
    first.kill()
    delivered(other, at_second, [other.seal(other.opened(Lane.URGENT))])
    first.start()
    messages = [one.seal(one.opened(Lane.URGENT), one.line("door.dual_open"))]
    delivered(one, at_first, messages)


def test_a_new_revocation_list_counts_while_the_connection_lives(
    start_broker: StartBroker,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually_blocking: EventuallyBlocking,
    lines: list[Line],
) -> None:
    """WIRE 3.3: the broker keeps a revoked connection; the collector notices the list and takes nothing more of it."""
    certificates = make_certificates(tmp_path / "certificates")
    broker = start_broker(BrokerKind.MOSQUITTO, certificates=certificates)
    bench = Bench(tmp_path, certificates, [broker.port], free_port())
    process(bench.command)
    box, line = paper_box(certificates), Line(certificates, broker.port)
    lines.append(line)
    introduced(box, line)
    certificate = x509.load_pem_x509_certificate(certificates.pair(box.id)[0].read_bytes())
    save_crls(certificates.authority.revoke(certificate, now=datetime.now(UTC)), certificates.folder / "ca")
    message = box.seal(box.opened(Lane.URGENT))

    def refused() -> bool:
        line.send(f"bw/1/{box.id}/up/event", message)
        return bool(bench.rows("SELECT 1 FROM quarantine WHERE reason = 'revoked'"))

    eventually_blocking(refused, 20.0, "the revoked box is refused")
