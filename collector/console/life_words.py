"""The words of an alarm's life: what a record's entries did, why a score is what it is, why a move was refused. Data.

Every sentence is an English message id; Chinese stands in the catalogue. Flow: life_telling.py, telling.py and
alarm_moves.py read here.
"""

from typing import Final

from collector.alarms.scoring import Why
from collector.alarms.words import Refusal, Verified, Whom
from collector.console import problems
from collector.console.problems import Sort
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

RECORD: Final = {
    "opened": N_("Opened"),
    "joined": N_("Happened again"),
    "supported": N_("Supported by another event"),
    "restored": N_("The condition ended"),
    "lapsed": N_("What supported it ended; it stands"),
    "raised": N_("Level raised"),
    "sheltered": N_("Set quiet with its cause"),
    "surfaced": N_("Back in the queue"),
    "unparked": N_("Back from being parked"),
    "told": N_("People were told"),
    "overdue": N_("Not taken in time"),
    "paused": N_("Answered: the escalation pauses"),
    "resumed": N_("The pause is over"),
    "closed": N_("Closed with what kept it quiet"),
    "acknowledge": N_("Acknowledged"),
    "release": N_("Released"),
    "hand_over": N_("Handed over"),
    "take_over": N_("Taken over"),
    "verify": N_("Verifying"),
    "dispatch": N_("Dispatched"),
    "park": N_("Parked"),
    "resolve": N_("Resolved"),
    "review": N_("Reviewed"),
    "return": N_("Returned"),
    "reopen": N_("Reopened"),
    "close": N_("Closed"),
    "note": N_("Note"),
    "score": N_("Score changed"),
    "step": N_("Step of the procedure"),
}
"""What a journal entry of an alarm did; an unknown one shows its own word."""

SCORES: Final = (
    N_("no call"),
    N_("little information"),
    N_("human presence"),
    N_("threat to property"),
    N_("threat to life"),
)
"""AVS-01, 0 to 4."""

WHY: Final = {
    Why.NOT_SECURITY: N_("no security event: {kind}"),
    Why.ON_TEST: N_("the point is on test"),
    Why.ONE_SIGN: N_("one sign only: {kind}"),
    Why.SOURCES_AGREE: N_("signs at different points: {kind}"),
    Why.PERSON_SEEN: N_("somebody is there: {kind}"),
    Why.ATTACK_SEEN: N_("somebody is there, and something is broken open: {kind}"),
    Why.SAFE_OPENED: N_("what is kept is open: {kind}"),
    Why.LIFE_AT_RISK: N_("people are in danger: {kind}"),
    Why.PERSON_SAID: N_("{person} says: {text}"),
}

WHOM: Final = {Whom.POLICE: N_("police"), Whom.GUARD: N_("guard"), Whom.CONTACT: N_("the branch's contact")}
VERIFIED: Final = {
    Verified.PHONE: N_("by phone to a third party"),
    Verified.VIDEO: N_("by video"),
    Verified.DOCUMENT: N_("by a document"),
    Verified.ON_SITE: N_("on site"),
}

REFUSED: Final[dict[Refusal, tuple[Sort, str]]] = {
    Refusal.NOT_ALLOWED: (problems.NOT_ALLOWED, N_("Your role does not allow this; ask a person who has it.")),
    Refusal.HANDLED_IT: (
        problems.OTHER_PERSON,
        N_("You handled this alarm yourself; somebody who did not must do this."),
    ),
    Refusal.ORDERED_THERE: (
        problems.OTHER_PERSON,
        N_("You gave an order for this site while the alarm was open; another reviewer must review it."),
    ),
    Refusal.STEPS_OPEN: (
        problems.STEPS_OPEN,
        N_("Do these steps of the procedure first, or skip each with a reason: {steps}."),
    ),
    Refusal.STEP_UNKNOWN: (problems.INVALID, N_("The procedure of this alarm has no such step.")),
    Refusal.STEP_SETTLED: (problems.WRONG_STATE, N_("This step is done or skipped already.")),
    Refusal.STEP_INCOMPLETE: (
        problems.INVALID,
        N_("Write down what this step needs; a skipped one needs its reason."),
    ),
    Refusal.STEP_TOO_EARLY: (problems.NOT_NOW, N_("The time that this step waits for is not over.")),
    Refusal.NO_HEIR: (
        problems.INVALID,
        N_("Name somebody else who handles alarms and may see this site."),
    ),
    Refusal.NEVER_PARKED: (problems.NOT_NOW, N_("An alarm of level I is never parked.")),
    Refusal.PARKED_LONG: (
        problems.NOT_NOW,
        N_("Its follow-up time is over, so it is parked no more: handle it, or give it to somebody who can."),
    ),
    Refusal.TOO_LONG: (problems.INVALID, N_("Park it until a time within the next 24 hours.")),
    Refusal.NOT_CORRECTED: (
        problems.NOT_NOW,
        N_("Close it when it is corrected and the risk is gone; until then its follow-up goes on."),
    ),
    Refusal.HOLDS_IT: (problems.WRONG_STATE, N_("You hold this alarm already.")),
    Refusal.NOT_HOLDER: (
        problems.HELD_BY_ANOTHER,
        N_("{holder} holds this alarm; a shift leader can take it over."),
    ),
    Refusal.WRONG_STATE: (problems.WRONG_STATE, N_("Look at the alarm again: it has gone on meanwhile.")),
    Refusal.CONFLICT: (problems.STALE, N_("{holder} holds this alarm now; look at it again.")),
    Refusal.INCOMPLETE: (problems.INVALID, N_("Write down everything that this needs.")),
}
"""How a refusal is told: what sort of problem it is, and one sentence with the next step."""

UNHELD: Final = {
    Refusal.NOT_HOLDER: N_("Nobody holds this alarm; acknowledge it first."),
    Refusal.CONFLICT: N_("Somebody changed this alarm since you looked at it; look at it again."),
}
"""The same where nobody holds it."""

UNRESOLVED: Final = N_("Choose a resolution code and write what it was.")
