"""Everybody's telephone in a demo: what arrived on which, and what became of it. Memory only, no network.

Flow: phone_gateway.py (a webhook of the centre) -> here -> the page, the terminal, the story.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Final

import msgspec

MOST_KEPT: Final = 200
"""Messages of all telephones together; the oldest go first."""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """A message on somebody's telephone; `link` and `code` are how it is answered."""

    id: str
    to: str
    channel: str
    at: str
    text: str
    level: int = 0
    number: int = 0  # of the alarm; 0 where the message is about none, or about several
    link: str = ""
    code: str = ""
    answered: str = ""  # "", "reply"


class Phones:
    """All of them; safe from any thread."""

    def __init__(self, owners: Mapping[str, str], arrived: Callable[[Arrived], None] = lambda _: None) -> None:
        self._owners = dict(owners)
        self._arrived = arrived
        self._messages: dict[str, Arrived] = {}
        self._lock = Lock()

    def take(self, message: Arrived) -> bool:
        """A message arrives; False for one that came before, as a gateway that is asked twice must know."""
        with self._lock:
            if message.id in self._messages:
                return False
            self._messages[message.id] = message
            while len(self._messages) > MOST_KEPT:
                del self._messages[next(iter(self._messages))]
        self._arrived(message)
        return True

    def answered(self, message_id: str, how: str) -> None:
        """Somebody answered it."""
        with self._lock:
            if (found := self._messages.get(message_id)) is not None:
                self._messages[message_id] = msgspec.structs.replace(found, answered=how)

    def find(self, message_id: str) -> Arrived | None:
        """One message."""
        with self._lock:
            return self._messages.get(message_id)

    def of(self, owner: str) -> tuple[Arrived, ...]:
        """What is on one telephone, newest first."""
        return tuple(message for message in self._newest_first() if message.to == owner)

    def shown(self) -> Mapping[str, object]:
        """All of them for the page: owners in their order, each with its messages."""
        messages = self._newest_first()
        return {
            "phones": [
                {"id": owner, "name": name, "messages": [msgspec.to_builtins(m) for m in messages if m.to == owner]}
                for owner, name in self._everybody(messages)
            ]
        }

    def _everybody(self, messages: Iterable[Arrived]) -> Iterable[tuple[str, str]]:
        yield from self._owners.items()
        yield from ((each, each) for each in dict.fromkeys(m.to for m in messages) if each not in self._owners)

    def _newest_first(self) -> list[Arrived]:
        with self._lock:
            return list(reversed(self._messages.values()))
