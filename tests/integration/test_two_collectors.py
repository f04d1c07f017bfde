"""Two collectors on PostgreSQL and Mosquitto, either killed at any time: nothing lost, nothing told twice."""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from protocol.kinds import Lane
from tests.brokers import Broker, Certificates
from tests.conftest import StartProcess
from tests.postgres_peer import Cluster, cluster
from tests.two_collectors import Page, Pair
from tests.waiting import eventually_blocking
from tests.wired_box import BOX, Line, delivered, introduced, paper_box

STORED = f"SELECT seq FROM events WHERE box = '{BOX}' AND lane = 'urgent' ORDER BY seq"  # noqa: S608 - ours

FORGOTTEN = """SELECT id FROM alarms WHERE state IN ('new', 'returned') AND shelter IS NULL
    AND NOT EXISTS (SELECT 1 FROM timers WHERE timers.alarm = alarms.id)"""
"""Open alarms without a next step."""


@pytest.fixture
def pair(
    tmp_path: Path,
    certificates: Certificates,
    mosquitto: Broker,
    postgres: Cluster,
    process: StartProcess,
    free_port: Callable[[], int],
) -> Pair:
    """Two collectors, not started yet."""
    return Pair(tmp_path, certificates, mosquitto, postgres, process, free_port)


@pytest.fixture
def line(certificates: Certificates, mosquitto: Broker) -> Iterator[Line]:
    """A box's connection."""
    made = Line(certificates, mosquitto.port)
    yield made
    made.close()


@pytest.fixture
def pages() -> Iterator[list[Page]]:
    """Live pages that are closed with the test."""
    opened: list[Page] = []
    yield opened
    for page in opened:
        page.close()


def whole(pair: Pair, last: int) -> None:
    """The lane stands from its first to its last line, each once, and nothing was told that was not so."""
    rows = pair.ask(STORED)
    assert [seq for (seq,) in rows] == list(range(1, last + 1))
    told = Counter(kind for (kind,) in pair.ask("SELECT kind FROM events WHERE box LIKE 'centre-%'"))
    assert not {kind for kind in told if kind.startswith(("ledger.fork", "ledger.gap", "ledger.rollback", "envelope."))}
    doubled = pair.ask("SELECT box, event_id FROM alarm_events GROUP BY box, event_id, part HAVING count(*) > 1")
    assert doubled == []
    assert pair.ask(FORGOTTEN) == []


@pytest.mark.timeout(120)
def test_either_may_be_killed(
    pair: Pair, certificates: Certificates, line: Line, pages: list[Page], tmp_path: Path
) -> None:
    """kill -9 of one in the middle of a burst, then of the other: every event once, pages of the other go on, and a
    page goes on at the other from the last it was told."""
    for number in (0, 1):
        pair.start(number)
    for number in (0, 1):
        pair.healthy(number)
    box = paper_box(certificates)
    introduced(box, line)
    messages = [box.seal(box.opened(Lane.URGENT))]
    delivered(box, line, messages)
    kept = Page(pair.consoles[1])
    pages.append(kept)
    for victim in (0, 1):
        fresh = [box.seal(box.line("door.forced", n=n)) for n in range(120)]
        messages += fresh
        for message in fresh[:60]:
            line.send(f"bw/1/{box.id}/up/event", message)
        pair.kill(victim)
        delivered(box, line, fresh)
        if victim == 0:
            told_everything(kept, 120)
            pair.start(0)
            pair.healthy(0)
    twin = tmp_path / "twin.toml"
    first, dead = (console.removeprefix("http://") for console in pair.consoles)
    twin.write_text(pair.configs[0].read_text().replace(first, dead))
    second = pair.other(twin)
    assert second.wait(20) == 1, "one of the same id is refused, and the first goes on"
    assert 'another collector with the id "centre-1" is running' in second.tail()
    again = Page(pair.consoles[0], after=kept.last)
    pages.append(again)
    told_everything(again, 240, beside=kept)
    assert again.told[0][0] != "reset"
    whole(pair, 241)
    assert {receipt.collector for receipt in line.receipts} == {"centre-1", "centre-2"}
    assert pair.ask("SELECT sum(events) FROM alarms WHERE kind = 'door.forced'") == [(240,)]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_killed_again_and_again(pair: Pair, certificates: Certificates, line: Line) -> None:
    """Twelve kills at random moments, now and then of both: every event once, every alarm event once."""
    chance = random.Random(6)  # the same course each time
    for number in (0, 1):
        pair.start(number)
        pair.healthy(number)
    box = paper_box(certificates)
    introduced(box, line)
    delivered(box, line, [box.seal(box.opened(Lane.URGENT))])
    for life in range(12):
        fresh = [box.seal(box.line("door.forced", life=life)) for _ in range(200)]
        victims = chance.choice([(0,), (1,), (0, 1)])
        moments = {chance.randrange(200): victim for victim in victims}
        for at, message in enumerate(fresh):
            line.send(f"bw/1/{box.id}/up/event", message)
            if at in moments:
                pair.kill(moments[at])
        for victim in moments.values():
            pair.start(victim)
        delivered(box, line, fresh)
        for victim in moments.values():
            pair.healthy(victim)
    whole(pair, 1 + 12 * 200)
    assert pair.ask("SELECT sum(events) FROM alarms WHERE kind = 'door.forced'") == [(12 * 200,)]


@pytest.mark.long
@pytest.mark.timeout(180)
def test_one_that_stands_still_takes_nobody_with_it(pair: Pair, certificates: Certificates, line: Line) -> None:
    """Frozen, as a machine without power is to its peers: the broker lets go of it before a box counts as silent, and
    nobody waits for a lock that it holds."""
    for number in (0, 1):
        pair.start(number)
        pair.healthy(number)
    box = paper_box(certificates)
    introduced(box, line)
    begun = time.monotonic()
    frozen = pair.running[0]
    assert frozen is not None
    beats = 0

    def long_enough() -> bool:
        nonlocal beats
        if time.monotonic() - begun > 5 * beats:
            beats += 1
            line.send(f"bw/1/{box.id}/up/beat", box.beat().payload)
            if beats == 2:
                frozen.send(signal.SIGSTOP)
        return beats > 10

    try:
        eventually_blocking(long_enough, 90.0, "ten beats")
        assert not pair.ask("SELECT 1 FROM events WHERE kind = 'box.silent'")
        delivered(box, line, [box.seal(box.opened(Lane.URGENT))])
    finally:
        frozen.send(signal.SIGCONT)
    pair.healthy(0)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_one_that_is_gone_is_missed_by_the_other(pair: Pair) -> None:
    """kill -9 of one: the other's ledger tells it, once, its health page shows it, and that it is back again. Both are
    ended: that is no loss, but the open alarm has nobody any more, and the audit says so."""
    for number in (0, 1):
        pair.start(number)
        pair.healthy(number)
    eventually_blocking(lambda: pair.ask("SELECT count(*) FROM collectors") == [(2,)], 20.0, "both were seen")
    pair.kill(1)
    told = "SELECT kind, box FROM events WHERE kind LIKE 'collector.%' ORDER BY number"
    eventually_blocking(lambda: pair.ask(told), 120.0, "it is missed")
    assert pair.ask(told) == [("collector.silent", "centre-1")]
    assert pair.ask("SELECT level, state FROM alarms WHERE kind = 'collector.silent'") == [(3, "new")]
    health = httpx.get(f"{pair.consoles[0]}/healthz", headers={"Accept-Language": "en"}).json()
    (check,) = [each for each in health["checks"] if each["name"] == "collectors"]
    assert not check["ok"]
    assert check["detail"].startswith("Not seen: centre-2 (")
    assert "branchwatch_collectors 1.0" in httpx.get(f"{pair.consoles[0]}/metrics").text
    pair.start(1)
    pair.healthy(1)
    eventually_blocking(lambda: len(pair.ask(told)) > 1, 60.0, "it is back")
    assert [kind for kind, _ in pair.ask(told)] == ["collector.silent", "collector.silent.restored"]
    auditing = pair.other_word("audit")
    assert auditing.wait(60) in (0, 1), auditing.output()  # nobody sits at a desk: no after 20 s, told as an alarm
    assert "no collector runs" not in auditing.output()
    for running in pair.running:
        assert running is not None
        assert running.stop() == 0
    assert pair.ask("SELECT count(*) FROM collectors WHERE ended_ms IS NOT NULL") == [(2,)]
    auditing = pair.other_word("audit")
    assert auditing.wait(60) == 1, auditing.output()
    assert re.search("no collector runs on this database: [12], such as", auditing.output()), auditing.output()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_database_that_fell_over_loses_nothing(
    tmp_path: Path,
    certificates: Certificates,
    mosquitto: Broker,
    process: StartProcess,
    free_port: Callable[[], int],
    line: Line,
    pages: list[Page],
) -> None:
    """PostgreSQL ends without a checkpoint in the middle of a burst and comes back: what was signed for is there, the
    rest is sent again, both collectors and a live page go on by themselves."""
    with cluster(free_port(), honest=True) as server:
        pair = Pair(tmp_path, certificates, mosquitto, server, process, free_port)
        for number in (0, 1):
            pair.start(number)
            pair.healthy(number)
        box = paper_box(certificates)
        introduced(box, line)
        fresh = [box.seal(box.opened(Lane.URGENT))]
        delivered(box, line, fresh)
        page = Page(pair.consoles[0])
        pages.append(page)
        fresh = [box.seal(box.line("door.forced", n=n)) for n in range(300)]
        for at, message in enumerate(fresh):
            line.send(f"bw/1/{box.id}/up/event", message)
            if at == 150:
                server.kill()
                receipted = line.head(Lane.URGENT)
        server.start()
        assert {(seq,) for seq in range(1, receipted + 1)} <= set(pair.ask(STORED))
        for number in (0, 1):
            pair.healthy(number)
        delivered(box, line, fresh)
        whole(pair, 301)
        told_everything(page, 300)
        for running in pair.running:
            assert running is not None
            assert running.stop() == 0


def ids(page: Page) -> set[str]:
    """The events of this test that a page was told."""
    return {data["id"] for name, data in list(page.told) if name == "event" and data["kind"] == "door.forced"}


def told_everything(page: Page, count: int, beside: Page | None = None) -> None:
    """Wait until the page, with what another was told before, has so many different events."""
    eventually_blocking(
        lambda: len(ids(page) | (ids(beside) if beside else set())) >= count, 20.0, f"the page is told {count} events"
    )
