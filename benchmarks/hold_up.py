"""Figure 4: from a panic button to a row on the glass, by Modbus and by an alarm panel's DC-09.

Real chain as in `screen.py`. A hold-up latches until people reset it, so every trial is another button.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx

from benchmarks.bank import HOST, make_bank, site_names
from benchmarks.box import Box, guarding
from benchmarks.centre import Centre, serving
from benchmarks.desk import Desk, watching
from benchmarks.doors import DOORS
from benchmarks.figures import Figure, median, percentile
from benchmarks.screen import DRAWN_IN_S, MOST_LOST, POLL_S, NotDrawnError, next_row, resolve
from simulator.claiming import free_port_of_both
from simulator.dialler import Dialler

BENCH: Final = "hold_up"
KIND: Final = "zone.hold_up"
SITES: Final = 8
WARM_UP: Final = 8
MODBUS_MS: Final = 400
PANEL_MS: Final = 600
ACCOUNT: Final = "0755031"

Press = Callable[[Box, int], Awaitable[int]]


async def measure(folder: Path) -> list[Figure]:
    """Both rows of this bench."""
    sites = site_names(SITES)
    bank = make_bank(folder, sites)
    ports = {site: free_port_of_both() for site in sites}
    with serving(bank, None) as centre:
        async with AsyncExitStack() as stack:
            entering = [guarding(bank, site, centre.broker_port, _site(ports[site])) for site in sites]
            boxes = [await stack.enter_async_context(each) for each in entering]
            await centre.heard(len(boxes), wait_s=60)
            desk = await stack.enter_async_context(watching(centre))
            offset_ms = await desk.clock_offset_ms()
            diallers = {site: Dialler(HOST, ports[site], account=ACCOUNT) for site in sites}

            async def by_panel(box: Box, number: int) -> int:
                began = time.time_ns()
                await diallers[box.site].hold_up(number)
                return began

            by_modbus = await _trials(centre, desk, boxes, _by_modbus)
            through_panel = await _trials(centre, desk, boxes, by_panel)
    return [
        _figure("hold-up to glass through Modbus, p99", by_modbus, offset_ms, MODBUS_MS, "the poll's 100 ms"),
        _figure(
            "hold-up to glass through DC-09, p99", through_panel, offset_ms, PANEL_MS, "a fresh connection a signal"
        ),
    ]


async def _by_modbus(box: Box, number: int) -> int:
    return box.doors.open(number)


async def _trials(centre: Centre, desk: Desk, boxes: list[Box], press: Press) -> list[float]:
    """Milliseconds from each press to its row, the first few left out."""
    chance = random.Random(1)
    took: list[float] = []
    lost = 0
    places = [(box, number) for number in range(DOORS) for box in boxes]
    async with httpx.AsyncClient(base_url=centre.address, headers=centre.headers, timeout=10) as api:
        for box, number in places:
            await asyncio.sleep(1.5 * POLL_S + chance.random() * POLL_S)
            pressed_ns = await press(box, number)
            try:
                drawn = await next_row(desk, KIND)
            except TimeoutError:
                lost += 1
                if lost > MOST_LOST:
                    break
                continue
            took.append(drawn.drawn_ms - pressed_ns / 1e6)
            await resolve(api, drawn.alarm)  # the desk shows what is open: a long list would be another bench
            centre.check()
    if lost:
        raise NotDrawnError(f"{lost} hold-ups were not drawn within {DRAWN_IN_S:.0f} s")
    return took[WARM_UP:]


def _figure(name: str, took: list[float], offset_ms: float, target: int, limit: str) -> Figure:
    whole = [each - offset_ms for each in took]
    p99 = percentile(whole, 99)
    told = f"{p99 / target:.2f} of target; {len(whole)} trials, none lost"
    return Figure(
        bench=BENCH,
        name=name,
        value=p99,
        unit="ms",
        target=target,
        ratio=f"{told}, median {median(whole):.0f} ms, worst {max(whole):.0f} ms",
        limit=limit,
        samples=tuple(round(each, 1) for each in whole),
    )


def _site(port: int) -> str:
    """Sixteen panic buttons on the module and sixteen on a panel, in one partition."""
    buttons = [("m", f"io1/di/{number}", "active = 0\n") for number in range(DOORS)]
    buttons += [("p", f"p1/zone/{number + 1}", "") for number in range(DOORS)]
    zones = [
        f'[[zone]]\nid = "{way}{index}"\ntype = "hold-up"\ninput = "{where}"\n{more}'
        for index, (way, where, more) in enumerate(buttons)
    ]
    names = ", ".join(f'"{way}{index}"' for index, (way, _, _) in enumerate(buttons))
    return "\n".join(
        (
            f'[receiver]\nlisten = "{HOST}:{port}"\n',
            f'[[panel]]\nid = "p1"\nprotocol = "dc09"\naccount = "{ACCOUNT}"\n',
            *zones,
            f'[[partition]]\nid = "hall"\nkind = "general"\nzones = [{names}]\n',
        )
    )
