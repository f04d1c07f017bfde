"""What a collector knows beside its database: who it is, the people, the channels and receivers of its configuration.

Frozen, made once by app.py, handed to whoever plans, tells or answers. Shapes only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collector.people import People


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A way to people, as far as rules and notices look at it."""

    name: str
    outside: bool = False


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """`new_id` draws a fresh UUIDv7 for a row; `receivers` are ids of `[[receiver]]`."""

    collector: str
    people: People
    new_id: Callable[[int], str]
    channels: Mapping[str, Channel] = field(default_factory=dict)
    receivers: tuple[str, ...] = ()
