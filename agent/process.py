"""The agent as a process: its log, the signals that end it, and one run after another as bundles come. Decides nothing.

Flow: `branchwatch agent run` -> here -> `app.py`, anew with each site bundle.
"""

import asyncio
import logging
import signal
import sys
from typing import Any

from agent.app import Agent, Settings
from agent.outbox.store import StoreLostError
from agent.timekeeper import Timekeeper


def run_agent(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        StoreLostError: the state folder went away.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    lost = False
    try:
        asyncio.run(_run(settings))
    except* StoreLostError:
        lost = True
    if lost:
        raise StoreLostError


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    loop.set_exception_handler(_once)
    following: Settings | None = settings
    timekeeper: Timekeeper | None = None
    while following is not None:
        agent = Agent(following, timekeeper)
        following, timekeeper = await agent.run(stop), agent.timekeeper


def _once(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A lost store reaches every task; the process says it once, at its end."""
    problem = context.get("exception")
    other = problem.split(StoreLostError)[1] if isinstance(problem, BaseExceptionGroup) else problem
    if problem is None or (other is not None and not isinstance(other, StoreLostError)):
        loop.default_exception_handler(context)
