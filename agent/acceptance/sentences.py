"""What a walk test says to the installer: names of points, what to do now, what may be wrong. Pure; data and lookups.

English message ids of the catalogue; terminal and page show them in the reader's language.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.acceptance.plan import BANDS, Step, Task
from agent.acceptance.progress import CONTACTS, SIGHTS, TRIES, Progress, Stage
from agent.signals import State
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lock": N_("Lock of {id}"),
        "exit": N_("Exit button of {id}"),
        "key": N_("Key switch of {id}"),
        "release": N_("Emergency release of {id}"),
        "door": N_("Door {id}"),
        "zone": N_("Zone {id}"),
        "output": N_("Output {id}"),
        "keyswitch": N_("Key switch {id}"),
        "device": N_("Device {id}"),
        "camera": N_("Camera {id}"),
        "area": N_("Area {id}"),
        "desk": N_("The way to the operator's screen"),
    }
)
"""Family of a point -> what it is called; a point with a name of its own bears that."""

SIREN: Final = N_("Siren {id}")

PARTS: Final = frozenset({"lock", "exit", "key", "release"})
"""Points that bear the name of their door or interlock: what they are is said with it."""

INSTRUCTIONS: Final[Mapping[tuple[Task, Stage], str]] = MappingProxyType(
    {
        (Task.ANSWER, Stage.UNSEEN): N_("{point} must answer. See to its power, its cable and its address {wiring}."),
        (Task.CALL, Stage.UNSEEN): N_(
            "{point} must call. See that it dials this box's address and port, with account {wiring} and the same key."
        ),
        (Task.OPEN, Stage.UNSEEN): N_("Close {point}; it must be seen closed first."),
        (Task.OPEN, Stage.RESTING): N_("Open {point}."),
        (Task.OPEN, Stage.MOVED): N_("Seen open. Close {point}."),
        (Task.PRESS, Stage.UNSEEN): N_("Let go of: {point}. It must be seen at rest first."),
        (Task.PRESS, Stage.RESTING): N_("Press: {point}."),
        (Task.PRESS, Stage.MOVED): N_("Seen pressed. Let go."),
        (Task.TURN, Stage.UNSEEN): N_("Turn back: {point}. It must be seen at rest first."),
        (Task.TURN, Stage.RESTING): N_("Turn the key: {point}."),
        (Task.TURN, Stage.MOVED): N_("Seen turned. Turn it back."),
        (Task.PULL, Stage.UNSEEN): N_("Put back: {point}. It must be seen at rest first."),
        (Task.PULL, Stage.RESTING): N_("Pull: {point}."),
        (Task.PULL, Stage.MOVED): N_("Seen pulled. Put it back."),
        (Task.TRIP, Stage.UNSEEN): N_("Leave at rest: {point}. It must be seen at rest first."),
        (Task.TRIP, Stage.RESTING): N_("Trip: {point}."),
        (Task.TRIP, Stage.MOVED): N_("Seen tripped. Let it come to rest."),
        (Task.SOUND, Stage.UNSEEN): N_("{point} is going to sound for three seconds. Ready?"),
        (Task.SOUND, Stage.ASKED): N_("{point} was told to sound; the box does not see it switch yet."),
        (Task.SOUND, Stage.MOVED): N_("The box saw it switch. Did you hear {point}?"),
        (Task.SWITCH, Stage.UNSEEN): N_(
            "{point} is going to be switched on for three seconds. See that nobody comes to harm. Ready?"
        ),
        (Task.SWITCH, Stage.ASKED): N_("{point} was told to switch on; the box does not see it switch yet."),
        (Task.SWITCH, Stage.MOVED): N_("The box saw it switch. Did you see what it does: {point}?"),
        (Task.MOVE, Stage.UNSEEN): N_("Close the doors. {point} is going to be released. Ready?"),
        (Task.MOVE, Stage.ASKED): N_("{point} was told to let go; the box does not see it switch yet."),
        (Task.MOVE, Stage.MOVED): N_("The box saw it switch. Did you see it move: {point}?"),
        (Task.COVER, Stage.UNSEEN): N_(
            "{point} must show a sound picture first. See to its lens and its address {wiring}."
        ),
        (Task.COVER, Stage.RESTING): N_("Cover the lens of {point} for half a minute, with a hand or a cloth."),
        (Task.COVER, Stage.MOVED): N_("Seen covered. Uncover {point}."),
        (Task.WALK_IN, Stage.UNSEEN): N_("Leave {point}; it must be seen empty first."),
        (Task.WALK_IN, Stage.RESTING): N_("Walk into {point} and stand there."),
        (Task.WALK_IN, Stage.MOVED): N_("Seen there. Leave {point}."),
        (Task.STICK, Stage.UNSEEN): N_("Step back from {point}; it must be seen as it was learned first."),
        (Task.STICK, Stage.RESTING): N_("Stick a sheet of paper on {point} and step back."),
        (Task.STICK, Stage.MOVED): N_("Seen. Take it off {point} and step back."),
        (Task.READ_OUT, Stage.UNSEEN): N_(
            "Call the operator. A number of four digits is going to be sent to the screen there. Ready?"
        ),
        (Task.READ_OUT, Stage.ASKED): N_("Have the operator read the number from the screen, and type it here."),
    }
)

RESULTS: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.PASSED: N_("passed"),
        Stage.FAILED: N_("failed"),
        Stage.UNWATCHED: N_("not watched by this version"),
    }
)
UNTESTED: Final = N_("untested")

HINT_TURNED: Final = N_(
    "The box reads “{state}” at {wiring}. If it is at rest, it is wired the other way round: {level} in the site file "
    "must be the other value."
)
HINT_ACTIVE: Final = N_(
    "The box reads “{state}” at {wiring}. If it is at rest, see to the detector and to the panel's own settings."
)
HINT_BANDS: Final = N_(
    "The box reads “{state}” at {wiring}. If it is at rest, measure the loop and compare its bands in the site file."
)
HINT_TAMPER: Final = N_(
    "The box reads “{state}” at {wiring}: see to the case, to the wire, and to the resistors at its end."
)
HINT_LOST: Final = N_("{wiring} cannot be read: its module does not answer.")
HINT_BLIND: Final = N_("{wiring} shows no picture in which somebody could be seen; see to the camera first.")
HINT_TRIES: Final = N_("That is not the number; tries left: {count}.")

REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "needs_order": N_(
            "Not now: this door leads into an area that is armed and that nobody opens alone. Have it disarmed first."
        ),
        "interlock": N_(
            "Not now: another door of the interlock is open or still released. Close it, or wait a few seconds."
        ),
        "unknown": N_("Not now: its module does not answer."),
        "too_soon": N_("One moment: two outputs are not moved within one second."),
        "too_many": N_("Too much was told at once; wait a few seconds."),
        "no_output": N_("This is no output of the box."),
        "no_walk": N_("The box no longer holds this walk test; stop, and go on with --resume."),
        "walk_under_way": N_("Another walk test is under way at this box; end that one first."),
        "not_open": N_("The box's ledger holds no open walk test of this name; begin anew with --new."),
        "not_now": N_("The clocks of box and installer differ by more than ten minutes."),
        "not_stored": N_("The box has not stored everything yet; wait a few seconds and end again."),
        "not_kept": N_("The state folder cannot be written; see whose it is and if the disk has room."),
        "ledger_unreadable": N_("The box cannot read its own ledger; see to its disk."),
        "incomplete": N_("A part of this walk test is no longer in the box's ledger; begin anew with --new."),
        "contradicts": N_("The ledger contradicts itself about this walk test; begin anew with --new."),
        "bad_signature": N_("The signature does not fit what the box's ledger says; end again."),
        "foreign_signer": N_("The signature is of somebody else."),
        "certificate_expired": N_("The installer's certificate has ended; have it renewed."),
        "certificate_not_yet_valid": N_("The installer's certificate is not valid yet, or the box's clock is wrong."),
        "certificate_untrusted": N_("The installer's certificate does not come from the root of this box."),
        "certificate_wrong_role": N_("This is not a person's certificate."),
        "certificate_malformed": N_("The installer's certificate cannot be read."),
        "certificate_wrong_name": N_("The installer's certificate names nobody."),
    }
)
REFUSED_OTHERWISE: Final = N_("The box refuses: {word}.")


def name_of(step: Step, say: Texts) -> str:
    """What a point is called."""
    family, _, own = step.point.partition("/")
    if step.name and family not in PARTS:
        return step.name
    text = SIREN if step.task is Task.SOUND else NAMES.get(family, "{id}")
    return say(text).format(id=step.name or own)


def instruction(step: Step, progress: Progress, say: Texts) -> str:
    """What is to be done now."""
    text = INSTRUCTIONS[step.task, progress.stages[step.point]]
    return say(text).format(point=name_of(step, say), wiring=step.wiring)


def hint(step: Step, progress: Progress, say: Texts) -> str:
    """What may be wrong with it; empty where nothing seems to be."""
    stage, reads = progress.stages[step.point], progress.reads.get(step.point)
    if step.task is Task.READ_OUT and progress.wrong and stage is Stage.ASKED:
        return say(HINT_TRIES).format(count=TRIES - progress.wrong)
    if reads is State.UNKNOWN and step.wiring:
        return say(HINT_BLIND if step.task in SIGHTS else HINT_LOST).format(wiring=step.wiring)
    if step.task in CONTACTS and stage is Stage.UNSEEN and reads is not None:
        return turned(step, reads, say)
    return ""


def turned(step: Step, reads: State, say: Texts) -> str:
    """What to look at where a contact is not seen at rest."""
    text = {"": HINT_ACTIVE, BANDS: HINT_BANDS}.get(step.level, HINT_TURNED)
    if reads is State.TAMPER:
        text = HINT_TAMPER
    return say(text).format(state=say(reads.value), wiring=step.wiring, level=step.level)


def result(stage: Stage, say: Texts) -> str:
    """A step's result in a word."""
    return say(RESULTS.get(stage, UNTESTED))


def refusal(word: str, say: Texts) -> str:
    """Why the box does not do it."""
    return say(REFUSALS[word]) if word in REFUSALS else say(REFUSED_OTHERWISE).format(word=word)
