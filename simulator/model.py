"""A simulated branch: two interlocked doors, a vault door, buttons, keys, locks, a siren, and people who take time.

Pure: `begin` takes an action up, `advance` lets time pass up to `now_s`. Doors obey their locks: whoever asks politely
waits for the lock, whoever uses force or a key does not. Flow: actions.py -> here -> branch.py, which shows it as
registers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum


class Door(StrEnum):
    """The doors of a branch; their ids in the site file."""

    OUTER = "outer"  # of the vestibule
    INNER = "inner"  # of the vestibule
    VAULT = "vault"


class Part(StrEnum):
    """What people can touch, beside the doors themselves."""

    EXIT_OUTER = "exit/outer"  # exit button
    EXIT_INNER = "exit/inner"
    KEY_OUTER = "key/outer"  # mechanical key turned
    KEY_INNER = "key/inner"
    RELEASE = "release"  # emergency release of the vestibule
    GLASS = "glass"  # glass-break detector
    MOTION = "motion"  # somebody moves in the cash area
    KEYSWITCH = "keyswitch"  # the key switch at the staff entrance
    HOLD_UP = "hold-up"  # panic button below the counter
    LOBBY = "lobby"  # somebody moves in the lobby
    SHUTTER = "shutter"  # roller shutter of the staff entrance, up
    VIBRATION = "vibration"  # somebody works on the vault's wall
    SMASHED = "smashed"  # the glass of the display case is broken
    CUT = "cut"  # the wire of the display case's detector is cut


class Outcome(IntEnum):
    """How the last action went."""

    NONE = 0  # there was none yet
    RUNNING = 1
    DONE = 2
    LOCKED = 3  # somebody pulled, and the lock was not released


@dataclass(frozen=True, kw_only=True)
class Touch:
    """Somebody presses, turns or trips a part, or lets it go."""

    part: Part
    on: bool
    after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Swing:
    """A door opens or closes, whatever its lock says."""

    door: Door
    open: bool
    after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Pull:
    """Somebody presses the button, again and again, and pulls until the lock lets go; gives up after `patience_s`."""

    door: Door
    button: Part
    patience_s: float
    press_s: float
    every_s: float
    after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What the action is about has happened; what follows is putting things back."""

    after_s: float = 0.0


Step = Touch | Swing | Pull | Settled
"""`after_s` counts from the end of the step before."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """Everything that can be seen of a branch at one moment."""

    open: frozenset[Door] = frozenset()
    touched: frozenset[Part] = frozenset()
    unlocked: frozenset[Door] = frozenset()  # what the box wrote to the locks
    siren: bool = False
    buzzer: bool = False
    lights: bool = False
    edges: Mapping[Door, int] = field(default_factory=dict)  # how often each contact changed
    plan: tuple[Step, ...] = ()
    due_s: float = 0.0  # monotonic seconds at which the first step of the plan is due
    accepted: int = 0  # actions so far
    outcome: Outcome = Outcome.NONE


class BusyError(Exception):
    """The people of this branch are still at their last action; try again when they are done."""


def begin(branch: Branch, script: tuple[Step, ...], now_s: float) -> Branch:
    """Take up an action.

    Raises:
        BusyError: another one is not over.
    """
    if branch.plan:
        raise BusyError
    return replace(
        branch,
        plan=script,
        due_s=now_s + script[0].after_s,
        accepted=branch.accepted + 1,
        outcome=Outcome.RUNNING,
    )


def advance(branch: Branch, now_s: float) -> Branch:
    """The branch at `now_s`: every step that was due has been taken, in order, at its own time."""
    while branch.plan and branch.due_s <= now_s:
        step, rest = branch.plan[0], branch.plan[1:]
        ended_s = branch.due_s
        if isinstance(step, Pull) and step.door not in branch.unlocked:
            waited_s = now_s - branch.due_s
            if waited_s < step.patience_s:
                return _taken(branch, Touch(part=step.button, on=waited_s % step.every_s < step.press_s))
            return replace(branch, plan=(), touched=frozenset(), outcome=Outcome.LOCKED)
        if isinstance(step, Pull):
            ended_s = now_s  # the lock let go just now, not when the pulling began
        branch = replace(_taken(branch, step), plan=rest, due_s=ended_s + (rest[0].after_s if rest else 0.0))
        if not rest and branch.outcome is Outcome.RUNNING:
            branch = replace(branch, outcome=Outcome.DONE)
    return branch


def _taken(branch: Branch, step: Step) -> Branch:
    match step:
        case Touch(part=part, on=True):
            return replace(branch, touched=branch.touched | {part})
        case Touch(part=part):
            return replace(branch, touched=branch.touched - {part})
        case Swing(door=door, open=opens):
            return _swung(branch, door, opens)
        case Pull(door=door, button=button):
            return _swung(replace(branch, touched=branch.touched - {button}), door, True)
        case Settled():
            return replace(branch, outcome=Outcome.DONE)


def _swung(branch: Branch, door: Door, opens: bool) -> Branch:
    if (door in branch.open) == opens:
        return branch
    return replace(
        branch,
        open=branch.open | {door} if opens else branch.open - {door},
        edges={**branch.edges, door: branch.edges.get(door, 0) + 1},
    )
