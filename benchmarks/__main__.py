"""`make bench`: run the benches, print one table, write one JSON file. `python -m benchmarks screen` runs one alone.

Exit code 0 when every target was met, 1 when one was missed or a bench failed, 2 when its name is not known.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import (
    agent_size,
    decoding,
    faults,
    hold_up,
    ingest,
    notices,
    orders,
    panel_burst,
    people,
    screen,
    sixteen,
    still,
    storm,
    tick,
)
from benchmarks.figures import Figure
from benchmarks.machine import this_machine
from benchmarks.report import as_json, as_table, report

OUT: Final = Path("build/bench.json")
LONGEST_S: Final = 420.0
"""A bench that takes longer has failed."""

BENCHES: Final[dict[str, Callable[[Path], list[Figure]]]] = {
    screen.BENCH: lambda folder: asyncio.run(asyncio.wait_for(screen.measure(folder), LONGEST_S)),
    ingest.BENCH: ingest.measure,
    ingest.POSTGRES_BENCH: ingest.measure_postgres,
    hold_up.BENCH: lambda folder: asyncio.run(asyncio.wait_for(hold_up.measure(folder), LONGEST_S)),
    orders.BENCH: lambda folder: asyncio.run(asyncio.wait_for(orders.measure(folder), LONGEST_S)),
    tick.BENCH: tick.measure,
    notices.BENCH: notices.measure,
    panel_burst.BENCH: lambda folder: asyncio.run(asyncio.wait_for(panel_burst.measure(folder), LONGEST_S)),
    people.BENCH: people.measure,
    decoding.BENCH: decoding.measure,
    faults.BENCH: faults.measure,
    sixteen.BENCH: sixteen.measure,
    storm.BENCH: storm.measure,
    still.BENCH: lambda folder: asyncio.run(asyncio.wait_for(still.measure(folder), LONGEST_S)),
    agent_size.BENCH: lambda folder: asyncio.run(asyncio.wait_for(agent_size.measure(folder), LONGEST_S)),
}


def main(wanted: list[str]) -> int:
    """Run the named benches, or all."""
    if unknown := [name for name in wanted if name not in BENCHES]:
        print(f"there is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    machine, figures = this_machine(), list[Figure]()
    notes: dict[str, str] = {}
    for name in wanted or BENCHES:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="branchwatch-bench-") as folder:
            try:
                figures += BENCHES[name](Path(folder))
            except Exception as problem:  # noqa: BLE001 - the other benches still have something to say
                notes[name] = f"not measured: {type(problem).__name__}: {problem}"
        print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    made = report(datetime.now(UTC), machine, figures, notes)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(as_json(made))
    print(as_table(made))
    print(f"written: {OUT}")
    return 0 if made.met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
