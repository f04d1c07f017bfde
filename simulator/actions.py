"""What people can do at a simulated branch, as scripts of steps with human timing. Data, and one function to find it.

The same names stand on the command line (`branchwatch simulate act SITE ACTION`) and, as numbers, in the operator's
registers of the branch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.model import Door, Part, Pull, Settled, Step, Swing, Touch

PATIENCE_S: Final = 8.0
AGAIN_S: Final = 2.0
PRESS_S: Final = 0.4
WALK_S: Final = 1.5
BOTH_OPEN_S: Final = 5.0
CROSS_S: Final = 2.5
"""From one door to the other: the box has locked the outer one again by then, as it does when that is closed."""

EXIT: Final[Mapping[Door, Part]] = MappingProxyType({Door.OUTER: Part.EXIT_OUTER, Door.INNER: Part.EXIT_INNER})
KEY: Final[Mapping[Door, Part]] = MappingProxyType({Door.OUTER: Part.KEY_OUTER, Door.INNER: Part.KEY_INNER})


class Action(StrEnum):
    """The words of `simulate act`."""

    OPEN = "open"
    CLOSE = "close"
    DUAL_OPEN = "dual-open"
    EMERGENCY_RELEASE = "emergency-release"
    FORCE = "force"
    KEY = "key"
    CUSTOMER = "customer"
    HOLD_UP = "hold-up"
    ENTER = "enter"
    BREAK_IN = "break-in"
    KEYSWITCH = "keyswitch"
    DRILL = "drill"
    SMASH = "smash"
    CUT_WIRE = "cut-wire"


class ActionRefusedError(SaidError):
    """This cannot be done here; the message says what can."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """One action: its number in the registers, what it looks like, whether it is done to a door, and its script."""

    number: int
    looks: str
    script: Callable[[Door], tuple[Step, ...]]
    doors: tuple[Door, ...] = ()


def _open(door: Door) -> tuple[Step, ...]:
    if door not in EXIT:  # opened by combination: no button, no lock of ours
        return (Swing(door=door, open=True),)
    return (_ask(door),)


def _ask(door: Door, after_s: float = 0.0) -> Step:
    return Pull(door=door, button=EXIT[door], patience_s=PATIENCE_S, press_s=PRESS_S, every_s=AGAIN_S, after_s=after_s)


def _close(door: Door) -> tuple[Step, ...]:
    return (Swing(door=door, open=False),)


def _force(door: Door) -> tuple[Step, ...]:
    return (Swing(door=door, open=True),)


def _key(door: Door) -> tuple[Step, ...]:
    return (
        Touch(part=Part.MOTION, on=True),
        Touch(part=KEY[door], on=True, after_s=0.6),
        Swing(door=door, open=True, after_s=PRESS_S),
        Settled(),
        Touch(part=KEY[door], on=False, after_s=PRESS_S),
        Swing(door=door, open=False, after_s=WALK_S),
        Touch(part=Part.MOTION, on=False, after_s=1.0),
    )


def _dual_open(_: Door) -> tuple[Step, ...]:
    # By key, because the box would release neither lock while the other door is open; nobody is in the cash area.
    return (
        Touch(part=Part.KEY_OUTER, on=True),
        Swing(door=Door.OUTER, open=True, after_s=0.3),
        Touch(part=Part.KEY_INNER, on=True),
        Swing(door=Door.INNER, open=True, after_s=0.3),
        Settled(),
        Touch(part=Part.KEY_OUTER, on=False, after_s=PRESS_S),
        Touch(part=Part.KEY_INNER, on=False),
        Swing(door=Door.INNER, open=False, after_s=BOTH_OPEN_S - PRESS_S),
        Swing(door=Door.OUTER, open=False, after_s=0.5),
    )


def _emergency_release(_: Door) -> tuple[Step, ...]:
    return (
        Touch(part=Part.RELEASE, on=True),
        Swing(door=Door.INNER, open=True, after_s=0.5),
        Swing(door=Door.OUTER, open=True, after_s=0.3),
        Settled(),
        Swing(door=Door.INNER, open=False, after_s=BOTH_OPEN_S),
        Swing(door=Door.OUTER, open=False, after_s=0.5),
        Touch(part=Part.RELEASE, on=False, after_s=1.0),
    )


def _customer(_: Door) -> tuple[Step, ...]:
    return (
        *_open(Door.OUTER),
        Swing(door=Door.OUTER, open=False, after_s=WALK_S),
        _ask(Door.INNER, after_s=CROSS_S),
        Swing(door=Door.INNER, open=False, after_s=WALK_S),
    )


def _hold_up(_: Door) -> tuple[Step, ...]:
    return (Touch(part=Part.HOLD_UP, on=True), Settled(), Touch(part=Part.HOLD_UP, on=False, after_s=PRESS_S))


def _enter(_: Door) -> tuple[Step, ...]:
    return (
        Touch(part=Part.SHUTTER, on=True),
        Touch(part=Part.LOBBY, on=True, after_s=1.0),
        Settled(),
        Touch(part=Part.SHUTTER, on=False, after_s=2.0),
        Touch(part=Part.LOBBY, on=False, after_s=1.0),
    )


def _break_in(_: Door) -> tuple[Step, ...]:
    return (
        Touch(part=Part.GLASS, on=True),
        Touch(part=Part.GLASS, on=False, after_s=1.0),
        Touch(part=Part.MOTION, on=True, after_s=1.0),
        Settled(),
        Touch(part=Part.MOTION, on=False, after_s=3.0),
    )


def _keyswitch(_: Door) -> tuple[Step, ...]:
    return (Touch(part=Part.KEYSWITCH, on=True), Touch(part=Part.KEYSWITCH, on=False, after_s=0.6))


def _drill(_: Door) -> tuple[Step, ...]:
    blow = (Touch(part=Part.VIBRATION, on=True, after_s=0.5), Touch(part=Part.VIBRATION, on=False, after_s=1.0))
    return (Touch(part=Part.VIBRATION, on=True), Settled(), Touch(part=Part.VIBRATION, on=False, after_s=1.0), *blow)


def _smash(_: Door) -> tuple[Step, ...]:
    return (Touch(part=Part.SMASHED, on=True), Settled(), Touch(part=Part.SMASHED, on=False, after_s=2.0))


def _cut_wire(_: Door) -> tuple[Step, ...]:
    return (Touch(part=Part.CUT, on=True), Settled(), Touch(part=Part.CUT, on=False, after_s=5.0))


ACTIONS: Final[Mapping[Action, Known]] = MappingProxyType(
    {
        Action.OPEN: Known(
            number=1,
            looks=N_("somebody presses the exit button and opens the door once its lock lets go; it stays open"),
            script=_open,
            doors=tuple(Door),
        ),
        Action.CLOSE: Known(number=2, looks=N_("the door falls shut"), script=_close, doors=tuple(Door)),
        Action.DUAL_OPEN: Known(
            number=3,
            looks=N_("both doors of the vestibule are opened by key and stand open together for five seconds"),
            script=_dual_open,
        ),
        Action.EMERGENCY_RELEASE: Known(
            number=4, looks=N_("the emergency release is pulled and both doors open"), script=_emergency_release
        ),
        Action.FORCE: Known(
            number=5,
            looks=N_("the door is opened although nobody released it; it stays open"),
            script=_force,
            doors=tuple(Door),
        ),
        Action.KEY: Known(
            number=6,
            looks=N_("the door is opened by mechanical key while somebody is in the cash area"),
            script=_key,
            doors=tuple(KEY),
        ),
        Action.CUSTOMER: Known(
            number=7,
            looks=N_("somebody walks in through both doors, one after the other: nothing to report"),
            script=_customer,
        ),
        Action.HOLD_UP: Known(
            number=8, looks=N_("somebody presses the panic button below the counter"), script=_hold_up
        ),
        Action.ENTER: Known(
            number=9,
            looks=N_("the shutter of the staff entrance goes up and somebody walks through the lobby"),
            script=_enter,
        ),
        Action.BREAK_IN: Known(
            number=10, looks=N_("glass breaks in the cash area, then somebody moves there"), script=_break_in
        ),
        Action.KEYSWITCH: Known(
            number=11, looks=N_("the key switch at the staff entrance is turned once"), script=_keyswitch
        ),
        Action.DRILL: Known(number=12, looks=N_("somebody works on the vault's wall"), script=_drill),
        Action.SMASH: Known(number=13, looks=N_("the display case is smashed"), script=_smash),
        Action.CUT_WIRE: Known(
            number=14, looks=N_("the wire of the display case's detector is cut, and mended again"), script=_cut_wire
        ),
    }
)


def script_of(action: Action, door: Door | None) -> tuple[Step, ...]:
    """The steps of an action at a door.

    Raises:
        ActionRefusedError: it needs a door, another door, or none.
    """
    known = ACTIONS[action]
    if not known.doors:
        if door is not None:
            raise ActionRefusedError(N_('"{action}" concerns the whole vestibule: leave out the door'), action=action)
        return known.script(Door.OUTER)
    if door is None or door not in known.doors:
        raise ActionRefusedError(
            N_('"{action}" needs one of these doors: {doors}'), action=action, doors=", ".join(known.doors)
        )
    return known.script(door)
