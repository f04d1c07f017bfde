"""`branchwatch agent check --live`: watch devices and points move, before the walk test.

Exit codes: 0 everything answered and moved, 1 something is left to look at, 2 input is wrong, 3 the agent went away.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from protocol.texts import told

if TYPE_CHECKING:
    from agent.live.showing import Showing
    from agent.live.sources import Source
    from protocol.site.schema import Site

DONE, SAYS_NO, UNREACHED = 0, 1, 3
REDRAW_S: Final = 0.5
Say = Callable[[str], str]
Open = Callable[["Showing"], "AbstractAsyncContextManager[Source]"]


def add_live_options(check: argparse.ArgumentParser, say: Say) -> None:
    """The options that `check` has for watching live."""

    def duration(text: str) -> timedelta:
        from protocol.durations import DurationError, parse_duration

        try:
            return parse_duration(text)
        except DurationError as error:
            raise argparse.ArgumentTypeError(told(error, say)) from None

    check.add_argument("--live", action="store_true", help=say("watch every device and point move, until Ctrl-C"))
    check.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=say("the agent's folder, /var/lib/branchwatch if no site file is named; a running agent is asked"),
    )
    check.add_argument("--for", dest="lasts", type=duration, metavar="30s", help=say("end by itself after so long"))
    check.add_argument("--json", action="store_true", help=say("for a program"))


def live_of_folder(state: Path, site: "Callable[[], Site]", arguments: argparse.Namespace, say: Say) -> int:
    """Watch through the agent that runs with `state`, or, while none does, by the site that it would guard."""
    from agent.live import sources
    from agent.local.client import NotRunningError

    try:
        return _watched(lambda showing: sources.of_agent(state, showing.seen), arguments, say)
    except NotRunningError:
        return live_of_site(site(), arguments, say)


def live_of_site(site: "Site", arguments: argparse.Namespace, say: Say) -> int:
    """Watch the modules of a site directly."""
    from agent.live import sources

    return _watched(lambda showing: sources.of_modules(site, showing.seen), arguments, say)


def _watched(opened: Open, arguments: argparse.Namespace, say: Say) -> int:
    from agent.live.showing import Mode, Showing

    mode = Mode.JSON if arguments.json else Mode.TABLE if sys.stdout.isatty() else Mode.LINES
    return asyncio.run(_watch(opened, Showing(mode, say), arguments.lasts))


async def _watch(opened: Open, showing: "Showing", lasts: timedelta | None) -> int:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with opened(showing) as source:
        showing.begin(source.site, source.name, source.plan, guarded=source.guarded)
        ending = [asyncio.ensure_future(each.wait()) for each in (stop, source.gone)]
        try:
            end_ms = None if lasts is None else showing.now_ms + lasts // timedelta(milliseconds=1)
            while not any(each.done() for each in ending):
                left_s = REDRAW_S if end_ms is None else min(REDRAW_S, (end_ms - showing.now_ms) / 1000)
                if left_s <= 0:
                    break
                showing.draw(source.took_ms())
                await asyncio.wait(ending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ending:
                task.cancel()
        sound = showing.end(source.took_ms())
    return UNREACHED if source.gone.is_set() and not stop.is_set() else DONE if sound else SAYS_NO
