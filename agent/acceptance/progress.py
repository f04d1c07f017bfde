"""How far a walk test got: what the box sees and what the installer says, point by point. Pure; one table.

A contact counts only when it was at rest, went to its alarm side and came back: one that is wired upside down, stuck or
cut does not get there by itself. Everything that moves counts, whatever the walk asks for at that moment.
Flow: states of points and the installer's answers -> here -> `test.point` events, outputs to move.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.acceptance.plan import Plan, Step, Task
from agent.signals import State
from protocol.acceptance import Noticed, PointRecord, Result

TRIES: Final = 3
"""So often may the number from the operator's screen be typed wrongly."""

NUMBER_DIGITS: Final = 4


class Stage(StrEnum):
    """Where a step stands."""

    UNSEEN = "unseen"  # nothing yet; a contact was not seen at rest
    RESTING = "resting"  # a contact at rest, ready to be moved
    ASKED = "asked"  # an output was told to move; the number was sent to the operator
    MOVED = "moved"  # a contact on its alarm side; an output that the box saw switch
    PASSED = "passed"
    FAILED = "failed"
    UNWATCHED = "unwatched"  # cannot be tested by this version


class Happening(StrEnum):
    """What can happen to a step."""

    ALARM = "alarm"  # open, active, unlocked, on
    REST = "rest"  # closed, normal, locked, off; a module: online
    LOST = "lost"  # unknown; a module: offline
    ASK = "ask"  # move this output; send the number
    YES = "yes"  # heard, seen to move; the number is right
    NO = "no"  # not heard, not moved; the third wrong number
    AGAIN = "again"  # test it once more


DONE: Final = frozenset({Stage.PASSED, Stage.FAILED})
CONTACTS: Final = frozenset({Task.OPEN, Task.PRESS, Task.TURN, Task.PULL, Task.TRIP})
SIGHTS: Final = frozenset({Task.COVER, Task.WALK_IN, Task.STICK})
"""What a camera must see come and go: as contacts, at rest first."""
OUTPUTS: Final = frozenset({Task.SOUND, Task.MOVE, Task.SWITCH})
ANSWERS: Final = frozenset({Task.ANSWER, Task.CALL})

_ANYWHERE: Final = {
    (Stage.PASSED, Happening.AGAIN): Stage.UNSEEN,
    (Stage.FAILED, Happening.AGAIN): Stage.UNSEEN,
    **{(stage, Happening.NO): Stage.FAILED for stage in (Stage.UNSEEN, Stage.RESTING, Stage.ASKED, Stage.MOVED)},
}
_CONTACT: Final = {
    (Stage.UNSEEN, Happening.REST): Stage.RESTING,
    (Stage.RESTING, Happening.ALARM): Stage.MOVED,
    (Stage.RESTING, Happening.LOST): Stage.UNSEEN,
    (Stage.MOVED, Happening.REST): Stage.PASSED,
    (Stage.MOVED, Happening.LOST): Stage.UNSEEN,
}
_MODULE: Final = {(Stage.UNSEEN, Happening.REST): Stage.PASSED}
_OUTPUT: Final = {
    (Stage.UNSEEN, Happening.ASK): Stage.ASKED,
    (Stage.ASKED, Happening.ASK): Stage.ASKED,
    (Stage.MOVED, Happening.ASK): Stage.ASKED,
    (Stage.ASKED, Happening.ALARM): Stage.MOVED,
    (Stage.ASKED, Happening.LOST): Stage.UNSEEN,
    (Stage.MOVED, Happening.YES): Stage.PASSED,
}
_NUMBER: Final = {
    (Stage.UNSEEN, Happening.ASK): Stage.ASKED,
    (Stage.ASKED, Happening.ASK): Stage.ASKED,
    (Stage.ASKED, Happening.YES): Stage.PASSED,
}

TABLE: Final[Mapping[Task, Mapping[tuple[Stage, Happening], Stage]]] = MappingProxyType(
    {
        **dict.fromkeys(CONTACTS | SIGHTS, _CONTACT | _ANYWHERE),
        **dict.fromkeys(OUTPUTS, _OUTPUT | _ANYWHERE),
        **dict.fromkeys(ANSWERS, _MODULE | _ANYWHERE),
        Task.READ_OUT: _NUMBER | _ANYWHERE,
        Task.NONE: {},
    }
)
"""What is not named here changes nothing."""

_SIDES: Final[Mapping[State, Happening]] = MappingProxyType(
    {
        **dict.fromkeys((State.OPEN, State.ACTIVE, State.UNLOCKED, State.ON), Happening.ALARM),
        **dict.fromkeys((State.CLOSED, State.NORMAL, State.LOCKED, State.OFF, State.ONLINE), Happening.REST),
        # A zone whose case or wire was meddled with is neither tripped nor at rest.
        **dict.fromkeys((State.UNKNOWN, State.OFFLINE, State.TAMPER), Happening.LOST),
    }
)

_MARKED: Final[Mapping[Task, frozenset[str]]] = MappingProxyType(
    {Task.COVER: frozenset({"covered", "black"}), Task.WALK_IN: frozenset({"occupied"})}
)
"""The marks by which these are seen; a hand that lets no light in makes the picture black."""

NOTICED: Final[Mapping[Task, Noticed]] = MappingProxyType(
    {**dict.fromkeys(OUTPUTS, Noticed.INSTALLER), Task.READ_OUT: Noticed.OPERATOR}
)
"""Who vouches for a step; the box for every other."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a walk under way."""

    stages: Mapping[str, Stage]
    reads: Mapping[str, State] = {}
    marks: Mapping[str, tuple[str, ...]] = {}
    later: tuple[str, ...] = ()
    """Points that the installer put off; the first put off comes first again."""
    chosen: str = ""
    """The point that the installer stands before and asked for; it comes first until it is done."""
    number: str = ""
    wrong: int = 0
    """Wrong tries at the number so far."""

    def count(self, stage: Stage) -> int:
        """How many steps stand there."""
        return sum(each is stage for each in self.stages.values())


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A `test.point` to be told: a result, or the number for the operator's screen."""

    point: str
    result: Result | None = None
    noticed: Noticed | None = None
    number: str = ""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from something: the progress, what is told of it, and what the box has to move."""

    progress: Progress
    told: tuple[Told, ...] = ()
    switch: str = ""
    """An output that the box moves now."""


def red(progress: Progress) -> tuple[int, int]:
    """How many steps failed, and how many were not tested: what is red in the record."""
    failed = progress.count(Stage.FAILED)
    return failed, len(progress.stages) - progress.count(Stage.PASSED) - failed


def begun(plan: Plan, results: Iterable[PointRecord] = ()) -> Progress:
    """A walk of `plan` of which these results are known already."""
    known = {point.id: Stage(point.result) for point in results if point.result is not Result.UNTESTED}
    return Progress(
        stages={
            step.point: Stage.UNWATCHED if step.task is Task.NONE else known.get(step.point, Stage.UNSEEN)
            for step in plan
        }
    )


def seen(
    plan: Mapping[str, Step], progress: Progress, point: str, state: State, marks: tuple[str, ...] | None = None
) -> Move:
    """The box reads `state` at `point`; `marks`: what else is true of it, None where that did not change."""
    marked = progress.marks if marks is None else {**progress.marks, point: marks}
    progress = msgspec.structs.replace(progress, reads={**progress.reads, point: state}, marks=marked)
    step = plan.get(point)
    return _happens(step, progress, _side(step, progress, state)) if step else Move(progress=progress)


def asked(step: Step, progress: Progress, number: str = "") -> Move:
    """The installer has an output moved, or has `number` (four digits) sent to the operator's screen."""
    if _next(step, progress, Happening.ASK) is None:
        return Move(progress=progress)
    move = _happens(step, progress, Happening.ASK)
    if step.task is Task.READ_OUT:
        told = Told(point=step.point, number=number)
        progress = msgspec.structs.replace(move.progress, number=number, wrong=0)
        return Move(progress=progress, told=(told,))
    reads = progress.reads.get(step.point)
    if (
        reads is not None and _SIDES[reads] is Happening.ALARM
    ):  # it moved already: an alarm sounds, a button released it
        move = _happens(step, move.progress, Happening.ALARM)
    return msgspec.structs.replace(move, switch=step.point)  # the box itself tells that it was asked to


def answered(step: Step, progress: Progress, yes: bool) -> Move:
    """The installer heard or saw it, or did not; `no` fails any step."""
    if yes and step.task is Task.READ_OUT:
        return Move(progress=progress)  # only the number itself says so
    return _happens(step, progress, Happening.YES if yes else Happening.NO)


def typed(step: Step, progress: Progress, number: str) -> Move:
    """The installer types the number that the operator read to him."""
    number = unicodedata.normalize("NFKC", number).strip()
    if step.task is not Task.READ_OUT or progress.stages[step.point] is not Stage.ASKED:
        return Move(progress=progress)
    if not is_number(number):
        return Move(progress=progress)  # a slip of the finger is no try
    if number == progress.number:
        return _happens(step, progress, Happening.YES)
    progress = msgspec.structs.replace(progress, wrong=progress.wrong + 1)
    return _happens(step, progress, Happening.NO) if progress.wrong >= TRIES else Move(progress=progress)


def is_number(text: str) -> bool:
    """Whether it has the shape of what the operator reads out."""
    return len(text) == NUMBER_DIGITS and text.isascii() and text.isdecimal()


def again(step: Step, progress: Progress) -> Move:
    """The installer wants this step now, once more where it is done; its old result stands until a new one is told."""
    if progress.stages[step.point] is not Stage.UNWATCHED:
        progress = msgspec.structs.replace(progress, chosen=step.point)
    move = _happens(step, progress, Happening.AGAIN)
    if (state := move.progress.reads.get(step.point)) and step.task not in OUTPUTS:
        return _happens(step, move.progress, _side(step, move.progress, state))
    return move


def put_off(step: Step, progress: Progress) -> Progress:
    """The installer leaves a step for later."""
    later = (*(point for point in progress.later if point != step.point), step.point)
    chosen = "" if progress.chosen == step.point else progress.chosen
    return msgspec.structs.replace(progress, later=later, chosen=chosen)


def current(plan: Plan, progress: Progress) -> Step | None:
    """The step that is to be done now: what was asked for, else in the order of the walk, what was put off last.

    None: all is done.
    """
    waits = [step for step in plan if progress.stages[step.point] not in {*DONE, Stage.UNWATCHED}]
    by_point = {step.point: step for step in waits}
    if progress.chosen in by_point:
        return by_point[progress.chosen]
    first = [step for step in waits if step.point not in progress.later]
    return next(iter([*first, *(by_point[point] for point in progress.later if point in by_point)]), None)


def _side(step: Step, progress: Progress, state: State) -> Happening:
    side = _SIDES[state]
    if step.task not in _MARKED or side is Happening.LOST:
        return side
    marked = _MARKED[step.task] & set(progress.marks.get(step.point, ()))
    return Happening.ALARM if marked else Happening.REST


def _next(step: Step, progress: Progress, happening: Happening) -> Stage | None:
    return TABLE[step.task].get((progress.stages[step.point], happening))


def _happens(step: Step, progress: Progress, happening: Happening) -> Move:
    stage = _next(step, progress, happening)
    if stage is None or stage is progress.stages[step.point]:
        return Move(progress=progress)
    progress = msgspec.structs.replace(progress, stages={**progress.stages, step.point: stage})
    if stage not in DONE:
        return Move(progress=progress)
    noticed = NOTICED.get(step.task, Noticed.BOX if stage is Stage.PASSED else Noticed.INSTALLER)
    return Move(progress=progress, told=(Told(point=step.point, result=Result(stage.value), noticed=noticed),))
