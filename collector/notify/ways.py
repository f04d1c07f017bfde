"""The channels of a collector as its sender uses them: how to send, what may be said there, how many at once. Shapes.

Flow: collector.toml -> channels.py -> `Way`s -> sender.py.
"""

from dataclasses import dataclass

from collector.notify.port import HARD_LIMIT_S, Port

AT_ONCE = 48
"""Messages that a channel carries at the same time; the gravest come on top."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """`outside`: no facts leave by it. `replies`: a code can be sent back. `limit_s`: the longest one message takes."""

    port: Port
    outside: bool = False
    replies: bool = False
    at_once: int = AT_ONCE
    limit_s: float = HARD_LIMIT_S
