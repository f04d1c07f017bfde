"""Figure 2: how many events one collector process receipts in a second, beside the bare ES256 verify rate.

Real broker, real collector process, real boxes' envelopes; bare rate and ours are measured in turns, and only what the
collector's signed receipts cover is counted. Afterwards the database is asked whether all of it is there.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.bank import BROKERS, COLLECTOR, Bank, free_port, make_bank, site_names
from benchmarks.centre import Centre, NotReadyError, listening, serving
from benchmarks.figures import Figure, Goal, median
from benchmarks.processes import Process
from benchmarks.sender import Sender, sending
from benchmarks.signing_box import GRAVE
from benchmarks.verify_rate import VerifyRate
from tests.postgres_peer import cluster

BENCH: Final = "ingest"
POSTGRES_BENCH: Final = "ingest_postgres"
BOXES: Final = 200
ROUNDS: Final = 5
ENVELOPES: Final = 15_000
BACKLOG_ROUNDS: Final = 3
BACKLOG_ENVELOPES: Final = 800
BACKLOG_LINES: Final = 100
PLAIN_ROUNDS: Final = 3
SHARE_TARGET: Final = 0.3
BACKLOG_TARGET: Final = 15_000


class NotStoredError(AssertionError):
    """Receipted events that the database does not have, or more than were sent."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round: events a second, the bare verify rate right before and after it, and CPU seconds a wall second."""

    events_per_s: float
    envelopes_per_s: float
    bare_per_s: float
    cores: dict[str, float]
    events: int
    receipts: int


def measure(folder: Path) -> list[Figure]:
    """All rows of this bench."""
    figures: list[Figure] = []
    for kind in BROKERS:
        single, backlog = _ours(folder / kind, kind)
        figures += [*_single_figures(kind, single), _backlog_figure(kind, backlog)]
    return [*figures, _plain_figure(_plain(folder / "plain"))]


def measure_postgres(folder: Path) -> list[Figure]:
    """The same behind Mosquitto, on PostgreSQL that syncs every commit."""
    (folder / "bank").mkdir()
    with cluster(free_port(), honest=True) as server:
        url = server.database()
        single, backlog = _ours(
            folder / "bank", "mosquitto", url, lambda query: server.ask(query, url.rpartition("/")[2])
        )
    figures = [*_single_figures("mosquitto", single), _backlog_figure("mosquitto", backlog)]
    return [msgspec.structs.replace(each, bench=POSTGRES_BENCH, name=f"{each.name}, PostgreSQL") for each in figures]


def _ours(
    folder: Path, kind: str, database_url: str = "", ask: Callable[[str], list[tuple[object, ...]]] | None = None
) -> tuple[list[Round], list[Round]]:
    bank, bare = replace(make_bank(folder, site_names(BOXES)), database_url=database_url), VerifyRate()
    with serving(bank, kind) as centre, sending(bank, centre.broker_port, bank.boxes) as sender:
        parts = {"collector": centre.collector, "broker": _broker(centre), "generator": sender.process}
        single = [_round(sender, parts, bare, ENVELOPES, 1) for _ in range(ROUNDS)]
        backlog = [_round(sender, parts, bare, BACKLOG_ENVELOPES, BACKLOG_LINES) for _ in range(BACKLOG_ROUNDS)]
        centre.check()
    expected = 2 * BOXES + sum(each.events for each in [*single, *backlog])
    if ask is not None:
        _check_rows(ask, expected)
        return single, backlog
    with closing(sqlite3.connect(f"file:{bank.database}?mode=ro", uri=True)) as connection:
        _check_rows(lambda query: connection.execute(query).fetchall(), expected)
    return single, backlog


def _round(sender: Sender, parts: dict[str, Process], bare: VerifyRate, envelopes: int, lines: int) -> Round:
    prepared = sender.prepare(envelopes, lines)
    rate_before = bare.measure()
    before = {name: process.cpu_s() for name, process in parts.items()}
    done = sender.go()
    cores = {name: (process.cpu_s() - before[name]) / done.seconds for name, process in parts.items()}
    return Round(
        events_per_s=done.events / done.seconds,
        envelopes_per_s=done.envelopes / done.seconds,
        bare_per_s=(rate_before + bare.measure()) / 2,
        cores=cores,
        events=prepared.events,
        receipts=done.receipts,
    )


def _check_rows(ask: Callable[[str], list[tuple[object, ...]]], expected: int) -> None:
    ((stored,),) = ask(f"SELECT count(*) FROM events WHERE box <> '{COLLECTOR}'")  # noqa: S608 - ours
    ((grave,),) = ask(f"SELECT count(*) FROM events WHERE kind = '{GRAVE}'")  # noqa: S608
    ((alarms,),) = ask(f"SELECT count(*) FROM alarms WHERE kind = '{GRAVE}'")  # noqa: S608
    if stored != expected or alarms != grave or not grave:
        raise NotStoredError(f"{stored} events of {expected} are stored, with {alarms} alarms of {grave} grave events")


def _single_figures(kind: str, rounds: list[Round]) -> list[Figure]:
    shares = tuple(each.events_per_s / each.bare_per_s for each in rounds)
    rate, bare = _median(rounds, lambda each: each.events_per_s), _median(rounds, lambda each: each.bare_per_s)
    cores = _cores(rounds)
    return [
        Figure(
            bench=BENCH,
            name=f"one event an envelope, {kind}",
            value=median(shares),
            unit="of bare verify",
            goal=Goal.AT_LEAST,
            target=SHARE_TARGET,
            ratio=f"{rate:,.0f} events/s of {bare:,.0f} verified/s",
            limit="half of every signature check, and one interpreter lock for all the rest (docs/benchmarks.md)",
            samples=shares,
        ),
        Figure(
            bench=BENCH,
            name=f"  cores in use, {kind}",
            value=cores["collector"],
            unit="collector",
            ratio=f"broker {cores['broker']:.2f}, generator {cores['generator']:.2f}",
            limit=f"{1e6 * cores['collector'] / rate:.0f} us of collector an event",
            samples=tuple(each.cores["collector"] for each in rounds),
        ),
    ]


def _backlog_figure(kind: str, rounds: list[Round]) -> Figure:
    rate = _median(rounds, lambda each: each.events_per_s)
    cores = _cores(rounds)
    return Figure(
        bench=BENCH,
        name=f"backlog, {BACKLOG_LINES} events an envelope, {kind}",
        value=rate,
        unit="events/s",
        goal=Goal.AT_LEAST,
        target=BACKLOG_TARGET,
        ratio=f"{rate / BACKLOG_TARGET:.1f} of target; cores: collector {cores['collector']:.2f}, "
        f"broker {cores['broker']:.2f}, generator {cores['generator']:.2f}",
        limit="decoding and hashing each line, and one row an event in SQLite",
        samples=tuple(each.events_per_s for each in rounds),
    )


def _plain(folder: Path) -> list[Round]:
    bank, bare = make_bank(folder, site_names(BOXES)), VerifyRate()
    with _plain_running(bank) as (broker, plain, port), sending(bank, port, bank.boxes) as sender:
        parts = {"collector": plain, "broker": broker, "generator": sender.process}
        return [_round(sender, parts, bare, ENVELOPES, 1) for _ in range(PLAIN_ROUNDS)]


@contextmanager
def _plain_running(bank: Bank) -> Iterator[tuple[Process, Process, int]]:
    port = free_port()
    words: list[str | Path] = ["-m", "benchmarks.plain_pipeline", bank.keys, str(port), bank.root / "plain.db"]
    with Process("mosquitto", bank.broker_command("mosquitto", port), bank.logs / "mosquitto.log") as broker:
        listening(broker, port)
        with Process("plain", [sys.executable, *words, COLLECTOR], bank.logs / "plain.log", talks=True) as plain:
            if plain.output.readline() != b"ready\n":
                raise NotReadyError(f"the plain pipeline did not start: {plain.last_words()}")
            yield broker, plain, port


def _plain_figure(rounds: list[Round]) -> Figure:
    shares = tuple(each.events_per_s / each.bare_per_s for each in rounds)
    rate, bare = _median(rounds, lambda each: each.events_per_s), _median(rounds, lambda each: each.bare_per_s)
    cores = _cores(rounds)
    return Figure(
        bench=BENCH,
        name="peer: PyJWT and one table, mosquitto",
        value=median(shares),
        unit="of bare verify",
        ratio=f"{rate:,.0f} events/s of {bare:,.0f} verified/s; cores: peer {cores['collector']:.2f}",
        limit="no chains, no alarms, no journal: what the plain way costs on the same machine",
        samples=shares,
    )


def _broker(centre: Centre) -> Process:
    assert centre.broker is not None
    return centre.broker


def _median(rounds: list[Round], of: Callable[[Round], float]) -> float:
    return median(of(each) for each in rounds)


def _cores(rounds: list[Round]) -> dict[str, float]:
    return {name: median(each.cores[name] for each in rounds) for name in rounds[0].cores}
