"""A simulated branch that a test moves by hand: the real Modbus server of `simulator/`, on a port it keeps."""

from __future__ import annotations

import time

from simulator.actions import Action, script_of
from simulator.branch import BranchServer
from simulator.model import Branch, BusyError, Door, Part, Step, Swing, Touch, begin
from tests.waiting import eventually_blocking
from tests.whole.loops import LoopThread


class RunningBranch:
    """One branch; `stop` and `start` are its gateway's power."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._server: BranchServer | None = None
        self._state = Branch()
        self.port = 0
        self.start()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer at the same address as before, as the doors are now."""
        server = BranchServer(port=self.port)
        server.state = self._state
        self._loop.run(server.start())
        self._server, self.port = server, server.port

    def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._state = self._loop.call(self._server.now)
            self._loop.run(self._server.stop())
            self._server = None

    def now(self) -> Branch:
        """How everything stands."""
        return self._loop.call(self._server.now) if self._server is not None else self._state

    def open(self, door: Door) -> None:
        """The door opens, whatever its lock says."""
        self.play(Swing(door=door, open=True))

    def close(self, door: Door) -> None:
        """The door falls shut."""
        self.play(Swing(door=door, open=False))

    def touch(self, part: Part, on: bool = True) -> None:
        """Somebody presses, turns or trips a part, or lets it go."""
        self.play(Touch(part=part, on=on))

    def do(self, action: Action, door: Door | None = None) -> None:
        """People begin one of the known actions; it goes on by itself."""
        self.play(*script_of(action, door))

    def play(self, *steps: Step) -> None:
        """Have these steps taken, after what people are doing now."""

        server = self._server
        assert server is not None, "the branch is switched off"

        def beginning() -> bool:
            try:
                server.state = begin(server.now(), steps, time.monotonic())
            except BusyError:
                return False
            server.now()
            return True

        eventually_blocking(lambda: self._loop.call(beginning), timeout_s=30, what="the people are free")
