"""From a committed event to a notice at a webhook: 100 alarms a second, and a burst of 1,000; beside Alertmanager.

Ours: the real ingest with its rules and escalation, one thread; the real sender with one signed webhook, the event loop
of the same process; a database of SQLite that syncs every commit. 200 units with a shift leader each are told at once.
Alertmanager 0.25 (Debian's, group_wait 0s, every alert its own group) gets its alerts over HTTP and posts to the same
webhook; it keeps nothing on disk.
"""

import asyncio
import http.client
import json
import os
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.bank import free_port
from benchmarks.figures import Figure, percentile
from benchmarks.processes import Process
from collector.ingest.received import Received
from collector.notify.sender import Sender, Sending
from collector.notify.templates import load
from collector.notify.ways import Way
from collector.notify.webhook import Webhook
from collector.people import Credentials, People, Person, PersonRole
from collector.rules.holding import hold
from collector.rules.shapes import Contact, Policy, PolicyStep, Rules
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre

BENCH: Final = "notices"
UNITS: Final = 200
RATE: Final = 100
SECONDS: Final = 10
BURST: Final = 1_000
GRAVE: Final = 50
"""Alarms of level 1 in the burst."""
P99_MS: Final = 250.0
FIRST_MS: Final = 500.0
LAST_MS: Final = 3_000.0
WAIT_S: Final = 60.0
SECRET: Final = b"the key of the bench's gateway"
ALERTMANAGER: Final = "prometheus-alertmanager"

_SETTINGS: Final = """\
route: {{receiver: sink, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 24h}}
receivers:
- name: sink
  webhook_configs:
  - {{url: 'http://127.0.0.1:{port}/alerts', send_resolved: false}}
"""

Arrived = list[tuple[str, int, int]]


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Milliseconds: of each alarm at a steady rate, of the first by level in the burst, of its last."""

    steady: tuple[float, ...]
    first: float
    last: float


def measure(folder: Path) -> list[Figure]:
    """Ours and the peer at one webhook."""
    with _sink(folder) as (port, taken):
        ours = asyncio.run(_ours(folder, port, taken))
        peer = _peer(folder, port, taken)
    rows = [
        ("event committed -> notice at the webhook, p99", _p99(ours), _p99(peer), P99_MS, f"{RATE} alarms/s"),
        (f"burst of {BURST:,}: the {GRAVE} gravest arrived", ours.first, peer.first, FIRST_MS, "one commit"),
        (f"burst of {BURST:,}: the last arrived", ours.last, peer.last, LAST_MS, "a POST each, signed"),
    ]
    figures: list[Figure] = []
    for name, own, other, target, limit in rows:
        ratio = f"{own / other:.1f} of Alertmanager's {other:.1f} ms"
        figures.append(
            Figure(
                bench=BENCH,
                name=name,
                value=own,
                unit="ms",
                target=target,
                ratio=ratio,
                limit=limit,
                samples=ours.steady if target == P99_MS else (own,),
            )
        )
        figures.append(Figure(bench=BENCH, name=f"Alertmanager: {name}", value=other, unit="ms", limit="no commit"))
    median = percentile(ours.steady, 50), percentile(peer.steady, 50)
    figures.append(
        Figure(
            bench=BENCH,
            name="event committed -> notice at the webhook, median",
            value=median[0],
            unit="ms",
            ratio=f"{median[0] / median[1]:.1f} of Alertmanager's {median[1]:.1f} ms",
        )
    )
    return figures


def _p99(rounds: Rounds) -> float:
    return percentile(rounds.steady, 99)


class _Taken:
    """What the webhook got."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._kept: Arrived = []

    def begin(self) -> None:
        """Forget what came."""
        self._ask()
        self._kept = []

    def all(self, many: int) -> Arrived:
        """Wait for so many.

        Raises:
            TimeoutError: they did not come.
        """
        deadline = time.monotonic() + WAIT_S
        while len(self._kept) < many:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._kept)} of {many} notices arrived")
            time.sleep(0.2)
            self._ask()
        return self._kept

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        connection.request("GET", "/")
        self._kept += [tuple(each) for each in json.loads(connection.getresponse().read())]
        connection.close()


@contextmanager
def _sink(folder: Path) -> Iterator[tuple[int, _Taken]]:
    words = [sys.executable, "-m", "benchmarks.notice_sink"]
    with Process("sink", words, folder / "sink.log", talks=True) as child:
        port = int(child.output.readline())
        yield port, _Taken(port)


async def _ours(folder: Path, port: int, taken: _Taken) -> Rounds:
    steady = await _world(folder / "steady", port, taken, _steady)
    burst = await _world(folder / "burst", port, taken, _burst)
    return Rounds(steady=steady[0], first=burst[1], last=burst[2])


class _Commits:
    """When each alarm was committed: `changed` is what the ingest calls behind its commit."""

    def __init__(self) -> None:
        self.at_ns = 0
        self.woken: Any = None

    def changed(self) -> None:
        self.at_ns = time.time_ns()
        if self.woken is not None:
            self.woken()


async def _world(folder: Path, port: int, taken: _Taken, run: Any) -> tuple[tuple[float, ...], float, float]:
    folder.mkdir()
    authority = Authority.create(now=datetime.now(UTC))
    people = [
        Person(id=f"p{n}", name=f"p{n}", roles=frozenset({PersonRole.SHIFT_LEADER}), unit=f"u{n}", language="zh")
        for n in range(UNITS)
    ]
    centre = PaperCentre(
        folder=folder,
        authority=authority,
        now=datetime.now(UTC),
        people=People(Credentials(person=each, password_hash=None, token_hash=None) for each in people),
        channels=("sms",),
    )
    with centre.store.write() as connection:
        held = Rules(
            policy=(Policy(name="all", step=(PolicyStep(after=timedelta(0), tell=("role/shift_leader",)),)),),
            contact=tuple(Contact(person=each.id, reach={"sms": f"+86138{n:08d}"}) for n, each in enumerate(people)),
        )
        hold(connection, 1, held, "", 0)
    boxes = [_met(centre, n) for n in range(UNITS)]
    webhook = Webhook(
        url=f"http://127.0.0.1:{port}/send",
        secret=SECRET,
        tls=ssl.create_default_context(),
        connect_s=5.0,
        answer_s=10.0,
        now_s=lambda: int(time.time()),
    )
    sender = Sender(
        Sending(
            store=centre.store,
            around=centre.around,
            ways={"sms": Way(port=webhook, replies=True)},
            receivers={},
            texts=load(),
            run="bench",
            now_ms=lambda: time.time_ns() // 1_000_000,
            random=os.urandom,
            metrics=centre.metrics,
            console_url="https://desk.bank.example",
        )
    )
    commits = _Commits()
    commits.woken = sender.wake
    centre.pipeline._changed = commits.changed
    sending = asyncio.create_task(sender.run())
    try:
        return await asyncio.to_thread(run, centre, boxes, commits, taken)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        centre.close()


def _met(centre: PaperCentre, number: int) -> Box:
    box = centre.box(f"s{number}-a", f"s{number}", unit=f"u{number}")
    box.echo = centre.answer(box.birth()).challenge
    centre.take(box.events(box.opened(Lane.URGENT)), box.events(box.opened(Lane.ROUTINE)))
    return box


def _alarm(box: Box, number: int, kind: str = "zone.intrusion") -> tuple[str, Received]:
    source = f"zone/{number}"
    return f"{box.site} {source}", box.events(box.line(kind, source=source))


def _steady(
    centre: PaperCentre, boxes: list[Box], commits: _Commits, taken: _Taken
) -> tuple[tuple[float, ...], float, float]:
    """An alarm every 10 ms; what falls behind is taken together, as the ingest does."""
    alarms = [_alarm(boxes[n % UNITS], n // UNITS) for n in range(RATE * SECONDS)]
    taken.begin()
    committed: dict[str, int] = {}
    begun = time.monotonic()
    place = 0
    while place < len(alarms):
        due = min(len(alarms), int((time.monotonic() - begun) * RATE) + 1)
        if due <= place:
            time.sleep(0.001)
            continue
        some = alarms[place:due]
        centre.now = datetime.now(UTC)
        centre.take(*(message for _, message in some))
        committed |= dict.fromkeys((name for name, _ in some), commits.at_ns)
        place = due
    arrived = taken.all(len(alarms))
    return tuple((at - committed[name]) / 1e6 for name, _, at in arrived), 0.0, 0.0


def _burst(
    centre: PaperCentre, boxes: list[Box], commits: _Commits, taken: _Taken
) -> tuple[tuple[float, ...], float, float]:
    """A thousand in one commit, the gravest scattered among them."""
    alarms = [
        _alarm(boxes[n % UNITS], n // UNITS, "zone.hold_up" if n % (BURST // GRAVE) == 7 else "zone.intrusion")
        for n in range(BURST)
    ]
    taken.begin()
    centre.now = datetime.now(UTC)
    centre.take(*(message for _, message in alarms))
    return _of_burst(taken.all(BURST), commits.at_ns)


def _of_burst(arrived: Arrived, from_ns: int) -> tuple[tuple[float, ...], float, float]:
    grave = [(at - from_ns) / 1e6 for _, level, at in arrived if level == 1]
    return (), max(grave), max((at - from_ns) / 1e6 for _, _, at in arrived)


def _peer(folder: Path, sink: int, taken: _Taken) -> Rounds:
    port = free_port()
    settings = folder / "alertmanager.yml"
    settings.write_text(_SETTINGS.format(port=sink), encoding="utf-8")
    words = [
        ALERTMANAGER,
        f"--config.file={settings}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with Process("alertmanager", words, folder / "alertmanager.log"):
        _until_ready(port)
        taken.begin()
        steady = _peer_steady(port, taken)
        taken.begin()
        alerts = [_alert(f"burst {n}", 1 if n % (BURST // GRAVE) == 7 else 2) for n in range(BURST)]
        begun = time.time_ns()
        _post(http.client.HTTPConnection("127.0.0.1", port, timeout=10), alerts)
        _, first, last = _of_burst(taken.all(BURST), begun)
    return Rounds(steady=steady, first=first, last=last)


def _peer_steady(port: int, taken: _Taken) -> tuple[float, ...]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    posted: dict[str, int] = {}
    begun = time.monotonic()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        name = f"alarm {number}"
        posted[name] = time.time_ns()
        _post(connection, [_alert(name, 2)])
    return tuple((at - posted[name]) / 1e6 for name, _, at in taken.all(len(posted)))


def _alert(name: str, level: int) -> dict[str, Any]:
    return {"labels": {"alertname": name, "level": str(level)}}


def _post(connection: http.client.HTTPConnection, alerts: list[dict[str, Any]]) -> None:
    connection.request("POST", "/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise ConnectionError(f"Alertmanager answers {answer.status}")


def _until_ready(port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
