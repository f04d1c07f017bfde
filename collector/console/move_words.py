"""What people can do with an alarm, in words and keys, and what each dialog offers to choose from. Data only.

Which of it somebody may do now, `alarms/lifecycle.possible` says; what each needs stands in templates/moves.html.
"""

from typing import Final

from collector.alarms.words import Move
from collector.rules.shapes import StepKind
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOVES: Final = {
    Move.ACKNOWLEDGE: (N_("Acknowledge"), "A"),
    Move.TAKE_OVER: (N_("Take over"), "X"),
    Move.VERIFY: (N_("Verify"), "V"),
    Move.DISPATCH: (N_("Dispatch"), "G"),
    Move.RESOLVE: (N_("Resolve"), "R"),
    Move.NOTE: (N_("Note"), "N"),
    Move.PARK: (N_("Park"), "P"),
    Move.HAND_OVER: (N_("Hand over"), "O"),
    Move.RELEASE: (N_("Release"), "U"),
    Move.SCORE: (N_("Change the score"), "I"),
    Move.REVIEW: (N_("Approve"), "E"),
    Move.RETURN: (N_("Return"), "Z"),
    Move.REOPEN: (N_("Reopen"), "Y"),
    Move.CLOSE: (N_("Close the alarm"), "C"),
}
"""Every move but `step`, whose buttons stand in the procedure: its word and its key."""

MAIN: Final = (Move.ACKNOWLEDGE, Move.TAKE_OVER, Move.REVIEW, Move.CLOSE, Move.RESOLVE)
"""The next sensible one: the first of these that can be done, unless a step of the procedure comes before it."""

BESIDE: Final = (Move.VERIFY, Move.DISPATCH, Move.RESOLVE, Move.NOTE, Move.PARK, Move.RETURN)
"""Those that stand beside it; the others are in the menu."""

STEP_VERBS: Final = {
    StepKind.LOOK: N_("Looked"),
    StepKind.CALL: N_("Called"),
    StepKind.SPEAK: N_("Spoken to"),
    StepKind.DISPATCH: N_("Sent"),
    StepKind.POLICE: N_("Police told"),
    StepKind.NOTE: N_("Write down"),
    StepKind.WAIT: N_("Waited"),
}

PARK_SPANS: Final = (
    (15, N_("15 min")),
    (30, N_("30 min")),
    (60, N_("1 hour")),
    (120, N_("2 hours")),
    (240, N_("4 hours")),
    (720, N_("12 hours")),
)
"""Minutes until a parked alarm comes back; a day is the most."""

KEY_HELP: Final = (
    ((".",), N_("More moves")),
    (("D", "S"), N_("Step of the procedure: done, skip")),
    (("V", "G", "P"), N_("Verify, dispatch, park")),
    (("O", "U", "X"), N_("Hand over, release, take over")),
    (("E", "Z", "Y", "C"), N_("Approve, return, reopen, close")),
    (("I",), N_("Change the score")),
)
