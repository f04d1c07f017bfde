"""The words of storms and shelters (docs/alarms.md 4). Shapes only."""

from enum import StrEnum


class Why(StrEnum):
    """Why an alarm is kept quiet: column `shelter_why`."""

    STORM = "storm"
    INHIBITED = "inhibited"
    FLAPPING = "flapping"
    SHELVED = "shelved"
    TEST = "test"
    MAINTENANCE = "maintenance"


class Sort(StrEnum):
    """Suspensions."""

    SHELVE = "shelve"  # 限时屏蔽: at most 24 h
    TEST = "test"  # points on test
    MAINTENANCE = "maintenance"  # at most 7 d


class Cause(StrEnum):
    """What a unit lost."""

    LINK = "link"
    POWER = "power"
