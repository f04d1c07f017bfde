"""Figure 1: from a contact at the Modbus server to a row on the glass of the alarm desk, through everything in between.

Real chain: doors, agents, built-in broker, collector, Chromium; 200 other boxes beat meanwhile. Every trial is an alarm
of its own at an interlock that was not used lately, so no limit on chattering points holds anything back.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from benchmarks.bank import Bank, make_bank, site_names
from benchmarks.box import Box, guarding
from benchmarks.centre import Centre, serving
from benchmarks.desk import Desk, Drawn, watching
from benchmarks.doors import INTERLOCKS, interlock_name
from benchmarks.figures import Figure, median, percentile
from benchmarks.processes import BRANCHWATCH, Process
from simulator.fleet import fleet_boxes

BENCH: Final = "screen"
TRIALS: Final = 520
WARM_UP: Final = 20
A_SOURCE: Final = 10
"""Trials at one interlock; a box tells at most ten beginnings of one condition in ten minutes (agent/reporting.py)."""
SITES: Final = -(-(TRIALS + WARM_UP) // (A_SOURCE * INTERLOCKS))
OTHERS: Final = 200
OTHERS_BEAT_S: Final = 5
POLL_S: Final = 0.1
DRAWN_IN_S: Final = 5.0
MOST_LOST: Final = 10
"""Trials without a row on the glass, after which the bench gives up."""
P50_MS: Final = 150
P99_MS: Final = 400
GRAVE: Final = "door.dual_open"


class NotDrawnError(AssertionError):
    """Alarms that did not reach the glass; the message says how many."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One way from contact to glass, in Unix milliseconds."""

    contact_ms: float
    box_ms: float
    committed_ms: float
    drawn_ms: float

    @property
    def whole_ms(self) -> float:
        """Contact to glass."""
        return self.drawn_ms - self.contact_ms


async def measure(folder: Path) -> list[Figure]:
    """All rows of this bench."""
    sites = site_names(SITES)
    others = fleet_boxes(OTHERS)
    bank = make_bank(folder, [*sites, *(box.removesuffix("-a") for box in others)])
    with serving(bank, None) as centre, _others(bank, centre) as fleet:
        async with AsyncExitStack() as stack:
            entering = [guarding(bank, site, centre.broker_port) for site in sites]
            boxes = [await stack.enter_async_context(each) for each in entering]
            await centre.heard(len(boxes) + OTHERS, wait_s=60)
            desk = await stack.enter_async_context(watching(centre))
            offset_ms = await desk.clock_offset_ms()
            trials, lost = await _trials(centre, desk, boxes)
            fleet.check()
    return _figures(trials, lost, offset_ms)


def _others(bank: Bank, centre: Centre) -> Process:
    words = ["simulate", "fleet", "--boxes", str(OTHERS), "--beat", str(OTHERS_BEAT_S)]
    words += ["--broker", f"localhost:{centre.broker_port}", "--keys", str(bank.keys), "--ca", str(bank.root / "ca")]
    return Process("fleet", [*BRANCHWATCH, *words], bank.logs / "fleet.log")


async def _trials(centre: Centre, desk: Desk, boxes: list[Box]) -> tuple[list[Trial], int]:
    chance = random.Random(1)
    places = [(box, number) for _ in range(A_SOURCE) for number in range(INTERLOCKS) for box in boxes]
    places = places[: TRIALS + WARM_UP]
    found: list[Trial] = []
    lost = 0
    async with httpx.AsyncClient(base_url=centre.address, headers=centre.headers, timeout=10) as api:
        after: set[asyncio.Task[None]] = set()
        _open_outer(*places[0])
        for count, (box, number) in enumerate(places):
            # A door opened long enough ago to have been seen, and a phase of its own against the next poll.
            await asyncio.sleep(1.5 * POLL_S + chance.random() * POLL_S)
            if count + 1 < len(places):
                _open_outer(*places[count + 1])
            contact_ns = box.doors.open(2 * number + 1)
            try:
                drawn = await next_row(desk, GRAVE)
            except TimeoutError:
                lost += 1
                drawn = None
            box.doors.close(2 * number)
            box.doors.close(2 * number + 1)
            if drawn is None:
                if lost > MOST_LOST:
                    raise NotDrawnError(f"{lost} of {count + 1} alarms were not drawn within {DRAWN_IN_S:.0f} s")
                continue
            alarm = (await api.get(f"/api/v1/alarms/{drawn.alarm}")).raise_for_status().json()
            trial = _trial(contact_ns / 1e6, drawn, alarm, box.site, number)
            if count >= WARM_UP:
                found.append(trial)
            clearing = asyncio.create_task(resolve(api, drawn.alarm))
            after.add(clearing)
            clearing.add_done_callback(after.discard)
            centre.check()
        await asyncio.gather(*after)
    return found, lost


async def next_row(desk: Desk, kind: str) -> Drawn:
    """The next row of this kind on the glass. Raises: TimeoutError."""
    async with asyncio.timeout(DRAWN_IN_S):
        while True:
            drawn = await desk.drawn.get()
            if drawn.kind == kind:
                return drawn


def _open_outer(box: Box, number: int) -> None:
    box.doors.open(2 * number)


def _trial(contact_ms: float, drawn: Drawn, alarm: dict[str, Any], site: str, number: int) -> Trial:
    if alarm["site"] != site or alarm["source"] != interlock_name(number):
        raise AssertionError(f"the alarm on the glass is not that of {site} {interlock_name(number)}: {alarm}")
    return Trial(
        contact_ms=contact_ms,
        box_ms=drawn.at_ms,
        committed_ms=drawn.at_ms + alarm["delay_ms"],
        drawn_ms=drawn.drawn_ms,
    )


async def resolve(api: httpx.AsyncClient, alarm: str) -> None:
    """Take it and close it, as a person would; the box's word that the doors are shut may come in between."""
    for action, body in (("acknowledge", {}), ("resolve", {"resolution": "test", "narrative": "bench"})):
        for _ in range(5):
            version = (await api.get(f"/api/v1/alarms/{alarm}")).json()["version"]
            path, match = f"/api/v1/alarms/{alarm}/{action}", {"If-Match": f'"{version}"'}
            answer = await api.post(path, json=body, headers=match)
            if answer.status_code != 412:
                answer.raise_for_status()
                break


def _figures(trials: list[Trial], lost: int, offset_ms: float) -> list[Figure]:
    whole = [trial.whole_ms - offset_ms for trial in trials]
    p50, p99 = percentile(whole, 50), percentile(whole, 99)
    wait = median(trial.box_ms - trial.contact_ms for trial in trials)
    carry = median(trial.committed_ms - trial.box_ms for trial in trials)
    show = median(trial.drawn_ms - offset_ms - trial.committed_ms for trial in trials)
    told = f"{len(trials)} trials, {lost} lost, {OTHERS} other boxes beating every {OTHERS_BEAT_S} s"
    return [
        Figure(
            bench=BENCH,
            name="contact to glass, p50",
            value=p50,
            unit="ms",
            target=P50_MS,
            ratio=f"{p50 / P50_MS:.2f} of target; {told}",
            limit=f"waiting for the poll {wait:.0f} ms, store, wire and commit {carry:.0f} ms, "
            f"feed and paint {show:.0f} ms (medians)",
            samples=tuple(round(each, 1) for each in whole),
        ),
        Figure(
            bench=BENCH,
            name="contact to glass, p99",
            value=p99,
            unit="ms",
            target=P99_MS,
            ratio=f"{p99 / P99_MS:.2f} of target; worst {max(whole):.0f} ms, clocks {offset_ms:+.1f} ms apart",
            limit="the poll's 100 ms, and two cores for a dozen processes",
        ),
    ]
