"""Which orders were judged already: none is judged twice while its challenge is honoured (WIRE 4.2). Pure.

What was carried out is never forgotten before its time, whatever else arrives: a flood must not open the way for an
old disarm. What was refused is remembered too, so that nothing that was told as refused is carried out later; what
somebody signed apart from what nobody did, which can be sent without end and must displace nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from agent.challenges import HONOURED_FOR
from agent.signals import Moment

MAX_DONE: Final = 1_000
"""Orders carried out within ten minutes; each took a person's signature. Above it every order is refused."""

MAX_REFUSED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Ids of orders by when they were judged, oldest first."""

    done: Mapping[str, Moment] = field(default_factory=lambda: MappingProxyType({}))
    refused: Mapping[str, Moment] = field(default_factory=lambda: MappingProxyType({}))
    signed: Mapping[str, Moment] = field(default_factory=lambda: MappingProxyType({}))
    """Refused too, though somebody signed them and they were fresh: they might be carried out another time."""

    def __contains__(self, order: str) -> bool:
        return order in self.done or order in self.refused or order in self.signed

    @property
    def is_full(self) -> bool:
        """Whether one more that is carried out could not be remembered."""
        return len(self.done) >= MAX_DONE


def forgotten(used: Used, now: Moment) -> Used:
    """Without those whose challenge is void by now: it was made before they were judged."""
    return Used(done=_young(used.done, now), refused=_young(used.refused, now), signed=_young(used.signed, now))


def carried_out(used: Used, order: str, now: Moment) -> Used:
    """With an order that is carried out."""
    return replace(used, done={**used.done, order: now})


def turned_down(used: Used, order: str, now: Moment, *, signed: bool) -> Used:
    """With an order that was refused; of too many of its sort the oldest goes."""
    kept = dict([*(used.signed if signed else used.refused).items(), (order, now)][-MAX_REFUSED:])
    return replace(used, signed=kept) if signed else replace(used, refused=kept)


def _young(ids: Mapping[str, Moment], now: Moment) -> Mapping[str, Moment]:
    if all(now.since(at) <= HONOURED_FOR for at in ids.values()):
        return ids
    return {order: at for order, at in ids.items() if now.since(at) <= HONOURED_FOR}
