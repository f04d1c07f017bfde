"""A region goes dark: 5,000 sites silent within 10 s, three intrusions inside. What reaches the desk, and how soon.

The assembled centre in real time: ingest and supervision in one thread as in the collector, the runner and a reader of
the queue page in threads of their own, on each database. Signers are real; there is no broker and no browser.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select

from benchmarks.bank import free_port
from benchmarks.figures import Figure, median, percentile
from collector.people import PersonRole
from collector.rules.shapes import Contact, Policy, PolicyStep, Rules, When
from collector.storage.alarm_reading import list_alarms
from collector.storage.alarm_tables import notices
from collector.storage.records import OPEN_STATES, AlarmRow, Filter
from collector.times import unix_ms
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import EscalatingCentre, people_of, person
from tests.ledgers import NOW
from tests.postgres_peer import cluster

BENCH: Final = "storm"
REGION: Final = "总行/深圳分行"
CHILDREN: Final = 50
SITES: Final = 5_000
DARK_IN_S: Final = 10
LASTS_S: Final = 20.0
INTRUSIONS_AT_S: Final = (3.2, 5.7, 8.4)
SEEN_IN_MS: Final = 1_000
PAGE_MS: Final = 100
MOST_NOTICES: Final = 10
OPERATORS: Final = tuple(person(f"op{number}", PersonRole.OPERATOR) for number in range(10))
LOOK_S: Final = 0.05
AT_ONCE: Final = 250


@dataclass
class Seen:
    """What the reader saw: when each alarm stood in the queue for the first time, and how long each page took."""

    first_s: dict[str, float] = field(default_factory=dict)
    pages_ms: list[float] = field(default_factory=list)
    queue: list[AlarmRow] = field(default_factory=list)


def measure(folder: Path) -> list[Figure]:
    """The rows of this bench, on both databases."""
    figures = _on(folder, "SQLite", "")
    with cluster(free_port(), honest=True) as server:
        return figures + _on(folder, "PostgreSQL", server.database())


def _on(folder: Path, name: str, url: str) -> list[Figure]:
    place = folder / name
    place.mkdir()
    centre = EscalatingCentre(
        folder=place,
        authority=Authority.create(now=NOW),
        url=url,
        people=people_of(*OPERATORS),
        channels=("mail",),
        receivers=(),
        runs=False,
    )
    try:
        centre.hold_rules(_rules())
        intruded = _fill(centre)
        seen = Seen()
        came_s, longest_s = _storm(centre, intruded, seen)
        return _figures(centre, name, seen, came_s, longest_s)
    finally:
        centre.close()


def _rules() -> Rules:
    """Everybody at the desk is mailed of every alarm at once: whatever is not kept quiet makes a notice a person."""
    return Rules(
        policy=(Policy(name="all", when=When(), step=(PolicyStep(after=timedelta(0), tell=("role/operator",)),)),),
        contact=tuple(Contact(person=each.id, reach={"mail": f"{each.id}@bank.example"}) for each in OPERATORS),
    )


def _fill(centre: EscalatingCentre) -> list[Box]:
    """Five thousand live boxes, each heard for the last time in its own part of ten seconds; those with an intruder."""
    boxes: list[Box] = []
    for first in range(0, SITES, AT_ONCE):
        made = [_box(centre, number) for number in range(first, first + AT_ONCE)]
        centre.boxes.clear()  # its clock is the bench's own
        centre.take(*(message for box in made for message in (box.birth(), box.events(box.opened(Lane.URGENT)))))
        _later(centre, DARK_IN_S * AT_ONCE / SITES)
        boxes.extend(made)
    return boxes[SITES // 7 :: SITES // 3]


def _box(centre: EscalatingCentre, number: int) -> Box:
    site = f"0755-{number:05d}"
    return centre.box(f"{site}-a", site, unit=f"{REGION}/支行{number % CHILDREN:02d}")


def _storm(centre: EscalatingCentre, intruded: Sequence[Box], seen: Seen) -> tuple[dict[str, float], float]:
    """Let time pass for real; when each intrusion came, and the longest that a look at the boxes took."""
    for _ in range(round(intruded[0].silent_after_s - DARK_IN_S)):
        _later(centre, 1.0)
        centre.tick()
    begins = centre.now
    started_s = time.monotonic()
    waiting = list(zip(INTRUSIONS_AT_S, intruded, strict=False))
    came_s: dict[str, float] = {}
    longest_s, looked_s = 0.0, -1.0
    with _reading(centre, seen, started_s), _running(centre):
        while (passed_s := time.monotonic() - started_s) < LASTS_S:
            _later(centre, (begins - centre.now).total_seconds() + passed_s)
            if waiting and passed_s >= waiting[0][0]:
                at_s, box = waiting.pop(0)
                box.now = centre.now
                came_s[box.site] = at_s
                centre.take(box.events(box.line("zone.intrusion", source="zone/lobby")))
            elif passed_s - looked_s >= 1.0:
                looked_s = passed_s
                began_s = time.monotonic()
                centre.tick()
                longest_s = max(longest_s, time.monotonic() - began_s)
            else:
                time.sleep(0.002)
    return came_s, longest_s


def _later(centre: EscalatingCentre, seconds: float) -> None:
    """Both clocks of the centre go on."""
    before_ms = unix_ms(centre.now)
    centre.now += timedelta(seconds=seconds)
    centre._mono_ms += unix_ms(centre.now) - before_ms


@contextmanager
def _reading(centre: EscalatingCentre, seen: Seen, started_s: float) -> Iterator[None]:
    def look() -> None:
        began_s = time.perf_counter()
        with centre.store.read() as reading:
            page = list_alarms(reading, Filter(states=OPEN_STATES, sheltered=False, limit=100))
        seen.pages_ms.append((time.perf_counter() - began_s) * 1000)
        seen.queue = list(page.items)
        for alarm in page.items:
            seen.first_s.setdefault(f"{alarm.kind} {alarm.site}", time.monotonic() - started_s)

    with _thread(look):
        yield


@contextmanager
def _running(centre: EscalatingCentre) -> Iterator[None]:
    with _thread(lambda: centre.runner.tick(unix_ms(centre.now))):
        yield


@contextmanager
def _thread(do: Callable[[], object]) -> Iterator[None]:
    ending = threading.Event()

    def go() -> None:
        while not ending.wait(LOOK_S):
            do()

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _figures(
    centre: EscalatingCentre, name: str, seen: Seen, came_s: dict[str, float], longest_s: float
) -> list[Figure]:
    late_ms = [(seen.first_s[f"zone.intrusion {site}"] - at_s) * 1000 for site, at_s in came_s.items()]
    kinds = Counter(alarm.kind for alarm in seen.queue)
    silent = _count(centre)
    with centre.store.read() as reading:
        told = Counter(reading.connection.execute(select(notices.c.person).where(notices.c.state != "held")).scalars())
    others = sum(count for kind, count in kinds.items() if kind != "zone.intrusion")
    shown = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))

    def figure(what: str, value: float, unit: str, target: float | None, ratio: str = "") -> Figure:
        return Figure(bench=BENCH, name=f"{what}, {name}", value=value, unit=unit, target=target, ratio=ratio)

    return [
        figure("alarms in the queue beside the intrusions", others, "", 1, f"{shown}; {silent} boxes silent"),
        figure(
            "intrusion to the queue, worst of three",
            max(late_ms),
            "ms",
            SEEN_IN_MS,
            f"{', '.join(f'{each:.0f}' for each in late_ms)} ms; longest look at the boxes {longest_s * 1000:.0f} ms",
        ),
        figure(
            "the queue page, p99",
            percentile(seen.pages_ms, 99),
            "ms",
            PAGE_MS,
            f"median {median(seen.pages_ms):.1f} ms, worst of {len(seen.pages_ms)} {max(seen.pages_ms):.0f} ms",
        ),
        figure("notices to any person", max(told.values(), default=0), "", MOST_NOTICES, f"{len(told)} people"),
    ]


def _count(centre: EscalatingCentre) -> int:
    with centre.store.read() as reading:
        row = reading.connection.exec_driver_sql("SELECT count(*) FROM alarms WHERE kind = 'box.silent'").scalar_one()
    return int(row)
