"""What the live check says about a hint, with the next step. Pure; data and lookups."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.acceptance.plan import Step, Task
from agent.acceptance.sentences import HINT_LOST, turned
from agent.condition_eyes import CAUSES, MARKS, grave
from agent.condition_eyes import hint as hint_of
from agent.live.moves import Hint, Watched
from agent.signals import State
from protocol.site.modbus import is_serial
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HINTS: Final[Mapping[Hint, str]] = MappingProxyType(
    {
        Hint.UNREAD: HINT_LOST,
        Hint.FLUTTERS: N_("It chatters. Look for a loose wire at {wiring}, or a contact that does not meet squarely."),
        Hint.STILL: N_("It has not moved yet. Move it; if nothing shows, look at the wire and the number {wiring}."),
    }
)

SILENT: Final[tuple[tuple[str, str], ...]] = (
    (
        r"cannot be connected",
        N_("Nobody answers at {wiring}. See to its power and cable, and to the address in the site file."),
    ),
    (
        r"no answer within .*",
        N_("{wiring} takes the connection and says nothing. See to unit_id in the site file, and to the gateway."),
    ),
    (
        r"exception 2: illegal address",
        N_("{wiring} has no such input or register. Compare the numbers in the site file with its manual."),
    ),
    (r"exception 1: illegal function", N_("{wiring} does not have this kind of register. See to its manual.")),
    (
        r"exception (?:10|11):.*",
        N_("The gateway at {wiring} does not reach the module behind it. See to unit_id and the bus."),
    ),
    (
        r"answer .*|bytes behind.*|write was.*",
        N_("What answers at {wiring} is no Modbus module as expected. See to the address and the gateway."),
    ),
)
"""Cause of a silent module -> what to do, the first pattern that fits the whole cause."""
SILENT_OTHERWISE: Final = N_("{wiring} does not answer ({cause}). See to its power, its cable and its address.")
SILENT_SERIAL: Final[tuple[tuple[str, str], ...]] = (
    (
        r"serial line cannot be opened",
        N_(
            "The serial line {wiring} cannot be opened. See that the adapter is plugged in, that the agent's user is "
            "in group dialout, and that no other program uses it."
        ),
    ),
    (
        r"no answer within .*",
        N_(
            "Nobody answers on the line {wiring}. See to its power, to wires A and B, and to baud, parity and unit_id "
            "in the site file."
        ),
    ),
    (
        r"answer is garbled|serial line is never quiet|answer of .*",
        N_(
            "What arrives on the line {wiring} is garbled. See to wires A and B, the resistors at both ends, and to "
            "baud and parity in the site file."
        ),
    ),
)
"""The same for a module on a serial line; what is not here is as above."""
NO_CALL: Final = N_("Nobody calls with account {wiring}. See to the panel's cable, and to the address that it dials.")
NOT_YET: Final = N_("{wiring} has not answered yet.")


def told(step: Step, known: Watched | None, hint: Hint, say: Texts) -> str:
    """A hint in words, with what to do."""
    state = known.state if known else State.UNKNOWN
    if hint is Hint.TURNED:
        return turned(step, state, say)
    if hint not in {Hint.SILENT, Hint.FAULTY}:
        return say(HINTS[hint]).format(wiring=step.wiring)
    if step.task is Task.CALL:
        return say(NO_CALL).format(wiring=step.wiring)
    cause = known.cause if known else ""
    if cause in CAUSES or (known and grave(known.marks)):
        return _eye(known or Watched(), say)
    if not cause:
        return say(NOT_YET).format(wiring=step.wiring)
    known_causes = (*SILENT_SERIAL, *SILENT) if is_serial(step.wiring) else SILENT
    text = next((text for pattern, text in known_causes if re.fullmatch(pattern, cause)), SILENT_OTHERWISE)
    return say(text).format(wiring=step.wiring, cause=cause)


def _eye(known: Watched, say: Texts) -> str:
    """A camera or a recorder: what is wrong with it, each with the next step, as `branchwatch agent health` says it."""
    told = [] if known.state is State.ONLINE else [hint_of(known.cause)]
    told += [hint_of(mark, MARKS) for mark in grave(known.marks) if mark != known.cause]
    return "; ".join(f"{words.told(say)}. {say('next step:')} {step.told(say)}" for words, step in told)
