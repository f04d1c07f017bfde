"""How urgent a call to the police would be: the alarm verification score of ANSI/TMA AVS-01, 0 to 4. Pure.

Reckoned from what was told: kinds, classes and how many sources agree. Each step has its reasons, as data; the desk
makes sentences of them. A person may overrule it (alarms/moving.py), and what was said by a person is never reckoned
anew. Flow: ingest/alarming.py -> `score_of` -> columns `score`, `score_why` of the alarm.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from protocol.kinds import EventClass, is_restore

NO_CALL: Final = 0
LITTLE: Final = 1
PRESENCE: Final = 2
PROPERTY: Final = 3
LIFE: Final = 4
SCORES: Final = range(NO_CALL, LIFE + 1)


class Why(StrEnum):
    """Why a score is what it is."""

    NOT_SECURITY = "not_security"  # a fault, an arming, a test: nobody would be called
    ON_TEST = "on_test"
    ONE_SIGN = "one_sign"  # a detector spoke, and nothing else is known
    SOURCES_AGREE = "sources_agree"  # two detectors at different places: somebody moves there
    PERSON_SEEN = "person_seen"  # a person was seen, or the kind cannot happen without one
    ATTACK_SEEN = "attack_seen"  # a person, and something is being broken open
    SAFE_OPENED = "safe_opened"  # what is kept is within reach
    LIFE_AT_RISK = "life_at_risk"  # hold-up, duress, fire
    PERSON_SAID = "person_said"  # an operator judged otherwise


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason: the event it rests on, or the text of the person who said so."""

    why: Why
    kind: str = ""
    source: str = ""
    text: str = ""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What the columns `score` and `score_why` hold."""

    value: int
    reasons: tuple[Reason, ...]


class Told(Protocol):
    """An event as far as the score looks; `correlation.Fact` is one."""

    @property
    def kind(self) -> str:
        """As in the catalogue."""

    @property
    def event_class(self) -> str:
        """Its class."""

    @property
    def source(self) -> str:
        """The point that told it."""


_LIFE: Final = frozenset({"zone.hold_up", "zone.duress", "zone.fire"})
_OPENED: Final = frozenset({"vault.out_of_hours", "atm.safe_open"})
_PERSON: Final = frozenset(
    {
        "presence.after_hours",
        "presence.restricted_area",
        "presence.loitering",
        "custody.single_person",
        "custody.left_alone",
        "door.tailgating",
        "door.key_override",
    }
)
_ATTACK: Final = frozenset(
    {"door.forced", "zone.vibration", "zone.glass_break", "atm.vibration", "atm.fascia_changed", "box.tamper"}
)
_INTRUDER: Final = _ATTACK | {"zone.intrusion", "door.dual_open"}
"""Kinds of which two at different points say that somebody is there, though no picture shows it."""


def score_of(told: Iterable[Told], *, on_test: bool = False) -> Score:
    """The score of an alarm from all events that opened, joined or support it; restores lower nothing."""
    events = [each for each in told if not is_restore(each.kind)]
    security = [each for each in events if each.event_class == EventClass.SECURITY.value]
    if on_test:
        return Score(value=NO_CALL, reasons=(Reason(why=Why.ON_TEST),))
    if not security:
        return Score(value=NO_CALL, reasons=_because(Why.NOT_SECURITY, events[:1]))
    if life := _of(security, _LIFE):
        return Score(value=LIFE, reasons=_because(Why.LIFE_AT_RISK, life))
    people, attacks = _of(security, _PERSON), _of(security, _ATTACK)
    if opened := _of(security, _OPENED):
        return Score(value=PROPERTY, reasons=_because(Why.SAFE_OPENED, opened))
    if people and attacks:
        return Score(value=PROPERTY, reasons=_because(Why.ATTACK_SEEN, (*attacks, *people)))
    if people:
        return Score(value=PRESENCE, reasons=_because(Why.PERSON_SEEN, people))
    intruder = _of(security, _INTRUDER)
    if len({each.source for each in intruder}) > 1:
        return Score(value=PRESENCE, reasons=_because(Why.SOURCES_AGREE, intruder))
    return Score(value=LITTLE, reasons=_because(Why.ONE_SIGN, security[:1]))


def said_by_person(value: int, text: str) -> Score:
    """What an operator says it is."""
    return Score(value=value, reasons=(Reason(why=Why.PERSON_SAID, text=text),))


def reasons_column(score: Score) -> str:
    """The JSON that `score_why` holds."""
    return msgspec.json.encode(score.reasons).decode("utf-8")


def read_reasons(column: str) -> tuple[Reason, ...]:
    """The reasons that a column holds."""
    return msgspec.json.decode(column, type=tuple[Reason, ...])


def columns_of(score: Score) -> dict[str, Any]:
    """The columns of an alarm that a reckoned score fills."""
    return {"score": score.value, "score_why": reasons_column(score)}


MOST_REASONS: Final = 8
"""Of one score: a storm of one kind needs no longer list."""


def _of(events: Iterable[Told], kinds: frozenset[str]) -> list[Told]:
    return [each for each in events if each.kind in kinds]


def _because(why: Why, events: Iterable[Told]) -> tuple[Reason, ...]:
    places = dict.fromkeys((each.kind, each.source) for each in events)
    reasons = tuple(Reason(why=why, kind=kind, source=source) for kind, source in list(places)[:MOST_REASONS])
    return reasons or (Reason(why=why),)
