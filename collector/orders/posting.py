"""What goes down to boxes because people asked: handed from the console's threads to the one that talks to brokers.

Safe from any thread; bounded, for an order that is not sent now is sent again from its row. Flow: orders/service.py and
orders/requests.py -> here -> ingest/receiving.py, which seals and publishes.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_WAITING: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPost:
    """An approved order: the payload of `bw-order`."""

    box: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPost:
    """A request under its id."""

    box: str
    id: str
    action: str
    args: dict[str, object]


Post = OrderPost | RequestPost


class Outgoing:
    """A queue with a bell: `wake` is rung after each post."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self.wake = wake
        self._waiting: deque[Post] = deque(maxlen=MOST_WAITING)

    def post(self, post: Post) -> None:
        """Hand something over."""
        self._waiting.append(post)
        self.wake()

    def take(self) -> list[Post]:
        """Everything that waits."""
        taken: list[Post] = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken
