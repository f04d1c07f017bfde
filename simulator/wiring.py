"""Which bit and word of the simulated Modbus module is what. Data and pure functions; the site file names the same.

Numbers count from zero as in the PDU. Discrete inputs, coils and input registers are what a real module would have;
the operator's holding registers exist in the simulation only: through them `simulate act` moves people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.actions import ACTIONS, Action, ActionRefusedError, script_of
from simulator.model import Branch, Door, Part, Step

CONTACTS: Final[Mapping[Door, int]] = MappingProxyType({Door.OUTER: 0, Door.INNER: 1, Door.VAULT: 2})
"""Discrete inputs of the door contacts: 1 while the door is closed."""

PARTS: Final[Mapping[Part, int]] = MappingProxyType(
    {
        Part.EXIT_INNER: 3,
        Part.EXIT_OUTER: 4,
        Part.KEY_INNER: 5,
        Part.RELEASE: 6,
        Part.GLASS: 7,
        Part.MOTION: 8,
        Part.KEY_OUTER: 9,
        Part.KEYSWITCH: 10,
        Part.HOLD_UP: 11,
        Part.LOBBY: 12,
        Part.SHUTTER: 13,
        Part.VIBRATION: 14,
    }
)
"""Discrete inputs of everything else: 1 while pressed, turned or tripped."""

INPUTS: Final = 16
LOCKS: Final[Mapping[Door, int]] = MappingProxyType({Door.OUTER: 0, Door.INNER: 1})
"""Coils of the locks: 1 unlocks."""
SIREN: Final = 2
BUZZER: Final = 3
LIGHTS: Final = 4
COILS: Final = 16
COUNTERS: Final[Mapping[Door, int]] = MappingProxyType({Door.OUTER: 0, Door.INNER: 1, Door.VAULT: 2})
"""Input registers that count a contact's changes, modulo 65,536: a pulse between two polls is seen in them."""
LOOP: Final = 3
"""Input register with the resistance of a supervised loop, in ohms."""
LOOP_OHMS: Final = MappingProxyType({"normal": 2200, "alarm": 4700, "open": 65535})
COUNTER_WORDS: Final = 4

OPERATOR: Final = 100
"""First of the operator's holding registers: action, door (0: none), accepted actions, outcome of the last."""
OPERATOR_WORDS: Final = 4
DOOR_NUMBERS: Final[Mapping[Door, int]] = MappingProxyType({door: n for n, door in enumerate(Door, start=1)})


def inputs_of(branch: Branch) -> list[bool]:
    """The discrete inputs."""
    bits = [False] * INPUTS
    for door, number in CONTACTS.items():
        bits[number] = door not in branch.open
    for part, number in PARTS.items():
        bits[number] = part in branch.touched
    return bits


def coils_of(branch: Branch) -> list[bool]:
    """The coils as they were last written."""
    bits = [False] * COILS
    for door, number in LOCKS.items():
        bits[number] = door in branch.unlocked
    bits[SIREN], bits[BUZZER], bits[LIGHTS] = branch.siren, branch.buzzer, branch.lights
    return bits


def counters_of(branch: Branch) -> list[int]:
    """The input registers."""
    words = [0] * COUNTER_WORDS
    for door, number in COUNTERS.items():
        words[number] = branch.edges.get(door, 0) % 0x10000
    state = "open" if Part.CUT in branch.touched else "alarm" if Part.SMASHED in branch.touched else "normal"
    words[LOOP] = LOOP_OHMS[state]
    return words


def with_coils(branch: Branch, start: int, values: Sequence[bool]) -> Branch:
    """The branch after the box wrote coils; those that drive nothing are kept nowhere."""
    written = dict(enumerate(values, start))
    unlocked = set(branch.unlocked)
    for door, number in LOCKS.items():
        if number in written:
            (unlocked.add if written[number] else unlocked.discard)(door)
    return replace(
        branch,
        unlocked=frozenset(unlocked),
        siren=written.get(SIREN, branch.siren),
        buzzer=written.get(BUZZER, branch.buzzer),
        lights=written.get(LIGHTS, branch.lights),
    )


def order_words(action: Action, door: Door | None) -> list[int]:
    """What to write to the operator's registers to have an action done."""
    return [ACTIONS[action].number, DOOR_NUMBERS[door] if door else 0]


def ordered_script(words: Sequence[int]) -> tuple[Step, ...]:
    """The script that was asked for by such a write.

    Raises:
        ActionRefusedError: no such action or door.
    """
    if len(words) != 2:
        raise ActionRefusedError(N_("action and door are written together"))
    actions = [action for action, known in ACTIONS.items() if known.number == words[0]]
    doors: dict[int, Door | None] = {0: None, **{number: door for door, number in DOOR_NUMBERS.items()}}
    if not actions or words[1] not in doors:
        raise ActionRefusedError(N_("there is no such action or door"))
    return script_of(actions[0], doors[words[1]])
