"""What the rules of areas need to know of the rest of the branch. Pure data; `eyes.py` fills it from the guard.

around = Around(doors={"vault": DoorView(...)}, ...)
"""

from collections.abc import Mapping

import msgspec

from agent.detectors.doors import DoorView
from agent.signals import Moment, State


class Armed(msgspec.Struct, frozen=True, kw_only=True):
    """A partition as it stands."""

    state: State
    since: Moment


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """Doors, partitions and hours at one moment."""

    doors: Mapping[str, DoorView] = {}
    released: Mapping[str, int] = {}  # how often each door was released since the box began
    everybody: frozenset[str] = frozenset()  # doors whose emergency release is pulled
    partitions: Mapping[str, Armed] = {}
    open: bool | None = None  # within opening hours; None: the site has none
    business: bool | None = None  # the same, with the time before and after in which people may come and go
    since: Moment | None = None  # since when `business` is so, as far as known
    transactions: Mapping[str, tuple[Moment, ...]] = {}  # by area; an area that has no feed is not in it
