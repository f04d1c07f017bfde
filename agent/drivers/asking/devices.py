"""What the asker told, carried where it belongs: signals to the watch, findings and memory to its store, marks to eyes.

The shell around mind.py. Flow: agent/seeing.py hands on the asker's words -> here -> `Watch.deliver` and `Watch.take`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from agent.detectors.recording import ChannelState
from agent.drivers.asking.mind import AskedMind, Thought, orphans
from agent.drivers.asking.recorded import RecorderMind, read_states
from agent.drivers.asking.words import FromAsker, ToAsker
from agent.findings import Finding
from agent.signals import Moment, Signal
from protocol.site.schema import Site

DEVICES_KEY: Final = "devices"
"""What is remembered of every recorder's channels."""

Keep = Callable[[tuple[Finding, ...], Mapping[str, bytes]], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Carrying:
    """Where it goes."""

    now: Callable[[], Moment]
    suspect: Callable[[], bool]  # whether our own clock is not believed
    deliver: Callable[[tuple[Signal, ...]], None]
    mark: Callable[[str, frozenset[str]], None]  # a camera's id, and what stands of its login and clock
    ask: Callable[[ToAsker], object]


class Devices:
    """Cameras and recorders as they tell of themselves, for one run."""

    def __init__(
        self, site: Site, saved: Mapping[str, bytes], active: Iterable[tuple[str, str]], carrying: Carrying
    ) -> None:
        self._carrying = carrying
        self._mind = AskedMind(site, read_states(saved.get(DEVICES_KEY)))
        self._found: list[Finding] = list(orphans(active, site, carrying.now()))
        self._kept: Mapping[str, ChannelState] = {}
        self._woken = asyncio.Event()
        if self._found:
            self._woken.set()

    async def run(self, keep: Keep) -> None:
        """Have findings told and memory stored, together, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            found, self._found = tuple(self._found), []
            states = self._mind.saved()
            remember = {DEVICES_KEY: msgspec.json.encode(states)} if states != self._kept else {}
            self._kept = states
            await keep(found, remember)

    def hear(self, message: FromAsker) -> None:
        """A word of the asker."""
        carrying = self._carrying
        self._carry(self._mind.hear(message, carrying.now(), suspect=carrying.suspect()))

    def moved(self, camera: str) -> None:
        """The eye of a camera sees something move."""
        self._carry(self._mind.moved(camera, self._carrying.now()))

    def recorder(self, name: str) -> RecorderMind | None:
        """What is known of a recorder."""
        return self._mind.recorder(f"device/{name}")

    def _carry(self, thought: Thought) -> None:
        if thought.signals:
            self._carrying.deliver(thought.signals)
        for message in thought.ask:
            self._carrying.ask(message)
        for point in thought.marked:
            family, _, name = point.partition("/")
            if family == "camera":
                self._carrying.mark(name, self._mind.marks(point))
        if thought.findings or self._mind.saved() != self._kept:
            self._found += thought.findings
            self._woken.set()
