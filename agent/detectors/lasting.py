"""Something that is told once it lasted for its time, and ends when it is no longer so. Pure; one table.

What it is, when it began and whether it can be judged at all is said by whoever looks (`presence.py`, `custody.py`,
`vehicle.py`). While nobody can see, nothing begins, and what stands goes on standing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from agent.findings import Phase


class Stage(StrEnum):
    """What was told."""

    CALM = "calm"
    STANDS = "stands"


class Seen(StrEnum):
    """What shows now."""

    FREE = "free"  # it is not so
    BRIEF = "brief"  # it is so, not for long enough yet
    OVERDUE = "overdue"
    BLIND = "blind"


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.CALM, Seen.FREE): (Stage.CALM, None),
        (Stage.CALM, Seen.BRIEF): (Stage.CALM, None),
        (Stage.CALM, Seen.OVERDUE): (Stage.STANDS, Phase.RAISED),
        (Stage.CALM, Seen.BLIND): (Stage.CALM, None),
        (Stage.STANDS, Seen.FREE): (Stage.CALM, Phase.ENDED),
        (Stage.STANDS, Seen.BRIEF): (Stage.STANDS, None),
        (Stage.STANDS, Seen.OVERDUE): (Stage.STANDS, None),
        (Stage.STANDS, Seen.BLIND): (Stage.STANDS, None),
    }
)
