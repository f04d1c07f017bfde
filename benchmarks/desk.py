"""The alarm desk in a real Chromium: logged in, watching, and telling when a row was first on the glass.

The page notes that moment itself (`data-drawn-at` on each row); an observer passes it on, so nothing is polled.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from playwright.async_api import Page, async_playwright

from benchmarks.centre import Centre

CHROMIUM: Final = Path("/usr/bin/chromium")
CLOCK_TRIES: Final = 50
_OBSERVER: Final = """
new MutationObserver((changes) => {
  for (const change of changes) {
    const row = change.target;
    if (row.dataset && row.dataset.drawnAt && row.dataset.alarmId && !row.told) {
      row.told = true;
      window.benchDrawn({ alarm: row.dataset.alarmId, kind: row.dataset.kind, at: row.dataset.eventAt,
                          drawn: row.dataset.drawnAt });
    }
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-drawn-at"] });
"""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A row that appeared, in Unix milliseconds: when it happened at the box, and when it was on the glass."""

    alarm: str
    kind: str
    at_ms: float
    drawn_ms: float


class Desk:
    """The open page; `drawn` gets every new row."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.drawn: asyncio.Queue[Drawn] = asyncio.Queue()

    def put(self, told: dict[str, str]) -> None:
        """Called by the page."""
        self.drawn.put_nowait(
            Drawn(alarm=told["alarm"], kind=told["kind"], at_ms=_ms(told["at"]), drawn_ms=_ms(told["drawn"]))
        )

    async def clock_offset_ms(self) -> float:
        """How far Chromium's clock is ahead of ours; the try with the shortest way there and back is believed."""
        tries: list[tuple[float, float]] = []
        for _ in range(CLOCK_TRIES):
            before = time.time_ns() / 1e6
            theirs = float(await self.page.evaluate("performance.timeOrigin + performance.now()"))
            after = time.time_ns() / 1e6
            tries.append((after - before, theirs - (before + after) / 2))
        return min(tries)[1]


@asynccontextmanager
async def watching(centre: Centre) -> AsyncIterator[Desk]:
    """A desk in front of `centre`."""
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--mute-audio"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            context = await browser.new_context(viewport={"width": 1600, "height": 900})
            answer = await context.request.post(f"{centre.address}/login", headers=centre.headers)
            if not answer.ok:
                raise RuntimeError(f"the desk lets nobody in: {answer.status}")
            page = await context.new_page()
            desk = Desk(page)

            def told(_source: Any, row: dict[str, str]) -> None:
                desk.put(row)

            await page.expose_binding("benchDrawn", told)
            await page.add_init_script(_OBSERVER)
            await page.goto(centre.address)
            await page.wait_for_selector("#rows", state="attached")
            yield desk
        finally:
            await browser.close()


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000
