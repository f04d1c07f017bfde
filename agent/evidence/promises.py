"""The open promises of one run: the watch asks here for slots and stores what is owed; the shell hears what is new.

Holds what `promising.py` decides, and nothing else; called in the event loop only.
Flow: watch.py -> give, to_save, stored -> the outbox; fresh promises -> evidence.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from agent.evidence.promising import Ask, Plan, Promise, Promises, carried, ended, promised
from agent.remembering import remembered
from agent.reporting import Draft
from agent.signals import Moment

PROMISES_KEY: Final = "evidence"

MAX_ASKS: Final = 64
"""Requests let through whose answer is not stored yet; the watch stores within a blink."""


class OpenPromises:
    """What this box owes. `heard` is called with what was just promised, before it is stored: a still must not wait."""

    def __init__(self, plan: Plan, saved: bytes | None, now: Moment, same_boot: bool) -> None:
        self._plan = plan
        known = remembered(saved, list[Promise]) or []
        self._owed: Promises = carried(known, now, same_boot)
        self._stored: Promises | None = self._owed if same_boot else None
        self._saving: Promises | None = None
        self._asks: dict[str, Ask] = {}
        self.heard: Callable[[Sequence[Promise]], None] = lambda fresh: None

    @property
    def owed(self) -> Promises:
        """Everything that is owed now."""
        return self._owed

    def ask(self, request: str, ask: Ask) -> None:
        """Promise this picture with the answer to this request."""
        while len(self._asks) >= MAX_ASKS:
            del self._asks[next(iter(self._asks))]
        self._asks[request] = ask

    def over(self, events: Iterable[str]) -> None:
        """The centre said that the alarms of these events are over."""
        self._owed = ended(self._owed, events)

    def give(self, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
        """The drafts of one round with their slots."""
        if not drafts:
            return ()
        before = self._owed
        self._owed, told = promised(before, drafts, self._plan, self._asks)
        for draft in drafts:
            self._asks.pop(str(draft.facts.get("request", "")), None)
        fresh = [each for slot, each in self._owed.items() if slot not in before]
        if fresh:
            self.heard(fresh)
        return told

    def to_save(self) -> Mapping[str, bytes]:
        """What must be stored with this round."""
        self._saving = self._owed
        if self._owed == self._stored:
            return {}
        return {PROMISES_KEY: msgspec.json.encode(list(self._owed.values()))}

    def stored(self) -> None:
        """It was."""
        self._stored = self._saving
