"""From events to alarms: which event opens one, joins one, or tells that what opened it has ended.

Pure. An event of level 1-4 opens an alarm, unless one of the same site, kind and source is still `new`: that one it
joins. A restore is noted on its alarm, whichever of the two arrives first, and on every alarm that was opened meanwhile
of the same condition, told again. Flow: commit.py -> here -> rows, in the same transaction as the events.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from protocol.kinds import RESTORED, is_restore

LOWEST_LEVEL: Final = 4
"""The least grave level that a person must handle; level 5 is told and kept."""

Key = tuple[str, str, str]
"""Site, kind, source."""


class Part(StrEnum):
    """What an event does in an alarm."""

    OPENED = "opened"
    JOINED = "joined"
    RESTORED = "restored"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A committed event as far as correlation looks."""

    number: int
    box: str
    event_id: str
    site: str
    kind: str
    event_class: str
    level: int
    source: str
    at_ms: int
    received_ms: int
    restores: str | None

    @property
    def key(self) -> Key:
        """What makes two events one alarm; a restore has that of what it ends."""
        return self.site, self.kind.removesuffix(RESTORED), self.source


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A new alarm."""

    alarm: str
    fact: Fact


@dataclass
class Changed:
    """What happens to an alarm that is there (or was opened just before)."""

    joined: int = 0
    level: int = 5
    last_ms: int = 0
    restored_ms: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An event's place in an alarm."""

    alarm: str
    fact: Fact
    part: Part


@dataclass
class Correlation:
    """The rows to write."""

    openings: list[Opening] = field(default_factory=list)
    changes: dict[str, Changed] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)


def concerns(level: int, restores: str | None) -> bool:
    """Whether correlation has anything to do with an event; most have a level of 5 and no alarm."""
    return level <= LOWEST_LEVEL or restores is not None


def correlate(
    facts: Iterable[Fact],
    still_new: Mapping[Key, str],
    alarm_of: Mapping[tuple[str, str], str],
    ended: Mapping[tuple[str, str], int],
    lasting: Mapping[Key, Iterable[str]],
    new_id: Callable[[], str],
) -> Correlation:
    """Place events in alarms, in their order.

    `still_new`: alarms nobody has taken; `alarm_of`: the alarm of each restored event, by (box, event id);
    `ended`: when events among these were restored by something that came before them; `lasting`: alarms of what the
    restores among these end, of which nothing has ended yet.
    """
    made = Correlation()
    open_now = dict(still_new)
    alarms = dict(alarm_of)
    last = {key: dict.fromkeys(ids) for key, ids in lasting.items()}
    for fact in facts:
        if is_restore(fact.kind):
            known = alarms.get((fact.box, fact.restores or ""))  # none below level 4, or before its event arrives
            for alarm in {**({known: None} if known else {}), **last.pop(fact.key, {})}:
                _restore(made, fact, alarm)
        elif fact.level <= LOWEST_LEVEL:
            alarm = _open_or_join(made, fact, open_now, new_id)
            alarms[fact.box, fact.event_id] = alarm
            last.setdefault(fact.key, {})[alarm] = None
            if (restored_ms := ended.get((fact.box, fact.event_id))) is not None:
                made.changes.setdefault(alarm, Changed()).restored_ms = restored_ms
    return made


def _open_or_join(made: Correlation, fact: Fact, open_now: dict[Key, str], new_id: Callable[[], str]) -> str:
    alarm = open_now.get(fact.key)
    if alarm is None:
        alarm = open_now[fact.key] = new_id()
        made.openings.append(Opening(alarm=alarm, fact=fact))
        made.links.append(Link(alarm=alarm, fact=fact, part=Part.OPENED))
        return alarm
    change = made.changes.setdefault(alarm, Changed())
    change.joined += 1
    change.level = min(change.level, fact.level)
    change.last_ms = max(change.last_ms, fact.at_ms)
    change.restored_ms = None  # it is so again
    made.links.append(Link(alarm=alarm, fact=fact, part=Part.JOINED))
    return alarm


def _restore(made: Correlation, fact: Fact, alarm: str) -> None:
    change = made.changes.setdefault(alarm, Changed())
    change.restored_ms = fact.at_ms
    change.last_ms = max(change.last_ms, fact.at_ms)
    made.links.append(Link(alarm=alarm, fact=fact, part=Part.RESTORED))
