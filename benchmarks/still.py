"""Figure 6: from an event at a branch to its still on the glass of the alarm desk, with clips on the same line.

Real chain: doors, agents with an eye each before a simulated camera, uploads over TLS, collector, Chromium. Every event
also makes a clip of half a minute, which goes up at the site's own rate while the next stills pass it.
"""

import asyncio
import random
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from benchmarks.bank import free_port, make_bank, site_names
from benchmarks.box import Box
from benchmarks.centre import Centre, serving
from benchmarks.desk import Desk, watching
from benchmarks.doors import INTERLOCKS
from benchmarks.figures import Figure, median, percentile
from benchmarks.screen import A_SOURCE, GRAVE, MOST_LOST, POLL_S, NotDrawnError, next_row, resolve
from benchmarks.seeing_box import CAMERA, seeing

BENCH: Final = "still"
SITES: Final = 2
TRIALS: Final = 120
WARM_UP: Final = 10
TARGET_MS: Final = 1_500
SEEN_IN_S: Final = 10.0
SEES_IN_S: Final = 60.0
SEES_EVERY_S: Final = 0.2

_SLOT: Final = re.compile(r"/api/v1/evidence/[^/]+/([0-9a-f-]{36})-[0-9]+/file")
_WATCHER: Final = """
document.addEventListener("load", (event) => {
  const image = event.target;
  if (image.tagName !== "IMG" || !image.src.includes("/api/v1/evidence/")) return;
  requestAnimationFrame(() => setTimeout(
    () => window.benchSeen({ src: image.src, at: performance.timeOrigin + performance.now() }), 0));
}, true);
"""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One way from contact to still, in Unix milliseconds."""

    contact_ms: float
    box_ms: float
    row_ms: float
    seen_ms: float


class Glass:
    """Which pictures were painted, by event, and when first."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self._new = asyncio.Event()

    def put(self, told: dict[str, Any]) -> None:
        """Called by the page."""
        if found := _SLOT.search(told["src"]):
            self.seen.setdefault(found[1], float(told["at"]))
            self._new.set()

    async def shows(self, events: list[str]) -> float:
        """When the first picture of one of these was painted. Raises: TimeoutError."""
        async with asyncio.timeout(SEEN_IN_S):
            while True:
                times = [self.seen[event] for event in events if event in self.seen]
                if times:
                    return min(times)
                self._new.clear()
                await self._new.wait()


async def measure(folder: Path) -> list[Figure]:
    """All rows of this bench."""
    sites = site_names(SITES)
    bank = replace(make_bank(folder, sites), evidence_port=free_port())
    with serving(bank, None) as centre:
        async with AsyncExitStack() as stack:
            entering = [seeing(bank, site, centre.broker_port) for site in sites]
            boxes = [await stack.enter_async_context(each) for each in entering]
            await centre.heard(len(boxes), wait_s=60)
            async with httpx.AsyncClient(base_url=centre.address, headers=centre.headers, timeout=10) as api:
                await _see(api, boxes)
                desk = await stack.enter_async_context(watching(centre))
                glass = Glass()
                await desk.page.expose_binding("benchSeen", lambda _source, told: glass.put(told))
                await desk.page.evaluate(_WATCHER)
                offset_ms = await desk.clock_offset_ms()
                trials, lost = await _trials(centre, api, desk, glass, boxes)
    return _figures(trials, lost, offset_ms)


async def _see(api: httpx.AsyncClient, boxes: list[Box]) -> None:
    """Wait until every camera gives pictures."""
    async with asyncio.timeout(SEES_IN_S):
        while True:
            if await _online(api) == len(boxes):
                return
            await asyncio.sleep(SEES_EVERY_S)


async def _online(api: httpx.AsyncClient) -> int:
    listed = (await api.get("/api/v1/boxes?limit=500")).raise_for_status().json()["items"]
    points = [point for box in listed for point in box["points"]]
    return sum(point["id"] == f"camera/{CAMERA}" and point["state"] == "online" for point in points)


async def _trials(
    centre: Centre, api: httpx.AsyncClient, desk: Desk, glass: Glass, boxes: list[Box]
) -> tuple[list[Trial], int]:
    chance = random.Random(1)
    places = [(box, number) for _ in range(A_SOURCE) for number in range(INTERLOCKS) for box in boxes]
    found: list[Trial] = []
    lost = 0
    after: set[asyncio.Task[None]] = set()
    for count, (box, number) in enumerate(places[: TRIALS + WARM_UP]):
        box.doors.open(2 * number)
        await asyncio.sleep(2 * POLL_S + chance.random() * POLL_S)
        contact_ns = box.doors.open(2 * number + 1)
        try:
            drawn = await next_row(desk, GRAVE)
            events = (await api.get(f"/api/v1/alarms/{drawn.alarm}")).raise_for_status().json()["event_ids"]
            seen_ms = await glass.shows(events)
        except TimeoutError:
            lost += 1
            if lost > MOST_LOST:
                raise NotDrawnError(f"{lost} of {count + 1} stills were not on the glass in time") from None
            continue
        finally:
            box.doors.close(2 * number)
            box.doors.close(2 * number + 1)
        if count >= WARM_UP:
            row = Trial(contact_ms=contact_ns / 1e6, box_ms=drawn.at_ms, row_ms=drawn.drawn_ms, seen_ms=seen_ms)
            found.append(row)
        clearing = asyncio.create_task(resolve(api, drawn.alarm))
        after.add(clearing)
        clearing.add_done_callback(after.discard)
        centre.check()
        box.agent.check()
    await asyncio.gather(*after)
    return found, lost


def _figures(trials: list[Trial], lost: int, offset_ms: float) -> list[Figure]:
    whole = [trial.seen_ms - offset_ms - trial.box_ms for trial in trials]
    p99 = percentile(whole, 99)
    rows = median(trial.row_ms - offset_ms - trial.box_ms for trial in trials)
    return [
        Figure(
            bench=BENCH,
            name="event to still on the glass, p99",
            value=p99,
            unit="ms",
            target=TARGET_MS,
            ratio=f"{p99 / TARGET_MS:.2f} of target; {len(trials)} trials, {lost} lost, median {median(whole):.0f} ms, "
            f"worst {max(whole):.0f} ms",
            limit=f"its row was there after {rows:.0f} ms (median); the eye's JPEG, two syncs, TLS and the desk's "
            f"two requests make the rest",
            samples=tuple(round(each, 1) for each in whole),
        )
    ]
