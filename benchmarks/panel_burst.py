"""Figure 6: 2,000 DC-09 signals from eight panels on a disk of 100 commits a second; then kill -9, and count.

With all of a panel's memory written at once, timed from the burst's beginning; and as panels do, one message at a time,
timed from each message. Every signal makes an event of its own, so that after the kill each can be found again. The
peer is a receiver made with pysiaalarm on the same disk.
"""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.bank import HOST
from benchmarks.figures import Figure, Goal, percentile
from benchmarks.panel_box import KEY, PANELS, account
from benchmarks.panel_peer import ROWS
from benchmarks.processes import Process
from protocol.dc09.frames import decode_frame
from protocol.dc09.replies import Reply
from protocol.dc09.sia_dcs import sia_dcs
from protocol.kinds import Lane
from protocol.messages import decode_event
from simulator.claiming import free_port_of_both
from simulator.dialler import Dialler

BENCH: Final = "panels"
SIGNALS: Final = 2_000
EACH: Final = SIGNALS // PANELS
COMMIT_MS: Final = 10.0
ACK_TARGET_S: Final = 5.0
READY_S: Final = 20.0
LONGEST_S: Final = 60.0


class Outcome(NamedTuple):
    """What became of one burst."""

    took: list[float]  # seconds to each acknowledgement
    whole_s: float
    kept: int  # signals in the ledger of the killed box


Burst = Callable[[int], Awaitable[list[float]]]


async def measure(folder: Path) -> list[Figure]:
    """All rows of this bench."""
    once = await _burst(folder / "once", "benchmarks.panel_box", _all_at_once)
    one = await _burst(folder / "one", "benchmarks.panel_box", _one_by_one)
    peer = await _burst(folder / "peer", "benchmarks.panel_peer", _one_by_one)
    peer_kept = _rows(folder / "peer")
    alone_s = SIGNALS * COMMIT_MS / 1000
    return [
        Figure(
            bench=BENCH,
            name=f"{SIGNALS} at once from {PANELS} panels: last ACK since the first byte",
            value=max(once.took),
            unit="s",
            target=ACK_TARGET_S,
            ratio=f"{max(once.took) / alone_s:.3f} of a commit each ({alone_s:g} s)",
            limit=f"{COMMIT_MS:g} ms a commit, shared by all that wait; median {percentile(once.took, 50):.2f} s",
            samples=tuple(once.took),
        ),
        Figure(
            bench=BENCH,
            name=f"{SIGNALS} one by one from {PANELS} panels: slowest ACK since its message",
            value=max(one.took),
            unit="s",
            target=ACK_TARGET_S,
            ratio=f"{percentile(one.took, 50) / percentile(peer.took, 50):.0f} of the peer in the median",
            limit=(
                f"two commits lie between a panel's messages: the one under way and its own; "
                f"{SIGNALS / one.whole_s:.0f} signals/s in all, where one commit each allows {1000 / COMMIT_MS:g}"
            ),
            samples=tuple(one.took),
        ),
        _kept(one.kept + once.kept, 2 * SIGNALS, "acknowledged, and there after kill -9", Goal.AT_LEAST),
        Figure(
            bench=BENCH,
            name="peer: pysiaalarm, slowest ACK since its message",
            value=max(peer.took),
            unit="s",
            ratio=f"{SIGNALS / peer.whole_s:.0f} signals/s",
            limit="it acknowledges before it hands an event on: the disk plays no part in its answer",
            samples=tuple(peer.took),
        ),
        Figure(
            bench=BENCH,
            name="peer: acknowledged, and there after kill -9",
            value=peer_kept,
            unit="signals",
            ratio=f"{peer_kept / SIGNALS:.2f} of {SIGNALS}",
            limit="what it acknowledged and had not stored is gone, and no panel sends it again",
        ),
    ]


def _kept(kept: int, sent: int, name: str, goal: Goal) -> Figure:
    return Figure(
        bench=BENCH,
        name=name,
        value=kept,
        unit="signals",
        goal=goal,
        target=sent,
        ratio=f"{kept / sent:.2f} of {sent}",
        limit="an answer leaves only behind its commit",
    )


async def _burst(folder: Path, program: str, burst: Burst) -> Outcome:
    """One burst at a fresh receiver, which is killed behind the last answer."""
    folder.mkdir()
    port = free_port_of_both()
    command: list[str | Path] = [sys.executable, "-m", program, folder, str(port), str(COMMIT_MS)]
    with Process(program, command, folder / "log") as child:
        await _listening(child, port)
        async with asyncio.timeout(LONGEST_S):
            began = time.perf_counter()
            took = await burst(port)
            whole_s = time.perf_counter() - began
        os.kill(child.pid, signal.SIGKILL)
    return Outcome(took=took, whole_s=whole_s, kept=_events(folder))


async def _listening(child: Process, port: int) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            child.check()
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


def _said(panel: int, number: int) -> bytes:
    """Every signal a zone of its own: a fourth of them has a name at the site."""
    return sia_dcs("BA", zone=str(number), area="1", account=account(panel))


async def _one_by_one(port: int) -> list[float]:
    """Each panel waits for the answer before it says the next."""

    async def panel(number: int) -> list[float]:
        took: list[float] = []
        async with Dialler(HOST, port, account(number), key=KEY, receiver="1", sequence=0) as dialler:
            for signal_ in range(1, EACH + 1):
                heard = await dialler.say(_said(number, signal_))
                if heard.answer is not Reply.ACK:
                    raise RuntimeError(f"panel {number}, signal {signal_}: {heard}")
                took.append(heard.took_s)
        return took

    return [each for took in await asyncio.gather(*map(panel, range(1, PANELS + 1))) for each in took]


async def _all_at_once(port: int) -> list[float]:
    """Each panel writes everything it has, and then reads the answers."""
    frames = {
        number: b"".join(
            Dialler(HOST, port, account(number), key=KEY).frame("SIA-DCS", signal_, _said(number, signal_))
            for signal_ in range(1, EACH + 1)
        )
        for number in range(1, PANELS + 1)
    }
    began = time.perf_counter()

    async def panel(number: int) -> list[float]:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(frames[number])
        took: list[float] = []
        for _ in range(EACH):
            answer = decode_frame(await reader.readuntil(b"\r"))
            if answer.id != Reply.ACK:
                raise RuntimeError(f"panel {number}: {answer.id}")
            took.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()
        return took

    return [each for took in await asyncio.gather(*map(panel, range(1, PANELS + 1))) for each in took]


def _events(folder: Path) -> int:
    """Distinct zones that the ledger of a killed box tells an intrusion of."""
    file = folder / "outbox.db"
    if not file.exists():
        return 0
    rows = sqlite3.connect(file)
    try:
        lines = [line for (line,) in rows.execute("SELECT line FROM events WHERE lane = ?", (Lane.URGENT.value,))]
    finally:
        rows.close()
    return len({event.source for event in map(decode_event, lines) if event.kind == "zone.intrusion"})


def _rows(folder: Path) -> int:
    rows = sqlite3.connect(folder / ROWS)
    try:
        return int(rows.execute("SELECT count(DISTINCT line) FROM events").fetchone()[0])
    finally:
        rows.close()
