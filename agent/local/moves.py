"""What moves, handed on to whoever watches: drivers deliver here, the guard gets it first and never waits.

A watcher that is slower than the branch is let go: it misses nothing silently, its connection ends.
"""

from collections.abc import Callable, Sequence

from agent.signals import Signal

Listener = Callable[[tuple[Signal, ...]], None]


class Moves:
    """Hands the signals of each poll to the guard, then to the listeners."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def tap(self, deliver: Listener) -> Listener:
        """`deliver`, listened to."""

        def delivered(signals: tuple[Signal, ...]) -> None:
            deliver(signals)
            self._tell(signals)

        return delivered

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every batch from now on; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self, signals: Sequence[Signal]) -> None:
        for listener in tuple(self._listeners):
            listener(tuple(signals))
