"""The walk test as the page shows it: all in words of the reader's language, nothing for the page to decide. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from agent.acceptance import sentences, summary
from agent.acceptance.plan import Step, Task
from agent.acceptance.progress import CONTACTS, DONE, OUTPUTS, SIGHTS, Stage, red
from agent.acceptance.session import Act, Session
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TITLE: Final = N_("Walk test")
COUNTED: Final = N_("{done} of {count} done")
UNWATCHED: Final = N_("{count} cannot be tested by this version")
LIST: Final = N_("All points")
ALARMS: Final = N_("Alarms go to the centre as always during the test.")
LOST: Final = N_("The box's agent no longer answers; what was found is kept.")
ALL_DONE: Final = N_("Everything that can be tested is done.")
SOME_FAILED: Final = N_("Everything was tested; {failed} failed. Put it right and test it again, or end.")
GO: Final = N_("Ready")
AGAIN_GO: Final = N_("Once more")
YES: Final = N_("Yes")
NO: Final = N_("No")
LATER: Final = N_("Later")
BROKEN: Final = N_("Does not work")
RETEST: Final = N_("Test again")
NOW: Final = N_("Test now")
SEND: Final = N_("Check the number")
END: Final = N_("End and sign")
SURE: Final = N_("Failed: {failed}, untested: {untested}; they stay red in the record.")
READS: Final = N_("The box reads: {state}")
QUIET: Final = N_("The page is not up to date: the box is not reached.")

_LOOKS: Final = {Stage.PASSED: "good", Stage.FAILED: "bad", Stage.UNWATCHED: "off"}


def view_of(session: Session, say: Texts) -> dict[str, Any]:
    """Everything that is on the page."""
    progress = session.progress
    failed, untested = red(progress)
    step = session.current
    return {
        "revision": session.revision,
        "title": say(TITLE),
        "site": f"{session.about.name} · {session.about.site}",
        "counted": say(COUNTED).format(
            done=sum(stage in DONE for stage in progress.stages.values()),
            count=len(session.plan) - progress.count(Stage.UNWATCHED),
        ),
        "unwatched": say(UNWATCHED).format(count=unwatched) if (unwatched := progress.count(Stage.UNWATCHED)) else "",
        "share": _share(session),
        "alarms": say(ALARMS),
        "quiet": say(QUIET),
        "list": say(LIST),
        "problem": sentences.refusal(session.problem, say) if session.problem else "",
        "now": None if step is None or session.finished or session.lost else _now(session, step, say),
        "rest": _rest(session, say),
        "end": "" if session.finished or session.lost else say(END),
        "sure": say(SURE).format(failed=failed, untested=untested) if failed or untested else "",
        "ended": list(_ended(session, say)),
        "rows": [_row(session, each, say) for each in session.plan],
    }


def _share(session: Session) -> int:
    """How much is done, in hundredths."""
    count = len(session.plan) - session.progress.count(Stage.UNWATCHED)
    done = sum(stage in DONE for stage in session.progress.stages.values())
    return 100 * done // count if count else 100


def _now(session: Session, step: Step, say: Texts) -> dict[str, Any]:
    stage = session.progress.stages[step.point]
    reads = session.progress.reads.get(step.point)
    return {
        "point": step.point,
        "name": sentences.name_of(step, say),
        "text": sentences.instruction(step, session.progress, say),
        "hint": sentences.hint(step, session.progress, say),
        "reads": say(READS).format(state=say(reads.value)) if reads else "",
        "number": step.task is Task.READ_OUT and stage is Stage.ASKED,
        "buttons": [{"act": act.value, "text": say(text), "look": look} for act, text, look in _buttons(step, stage)],
    }


def _buttons(step: Step, stage: Stage) -> Iterator[tuple[Act, str, str]]:
    if step.task in OUTPUTS and stage is Stage.MOVED:
        yield Act.YES, YES, "good"
        yield Act.NO, NO, "bad"
    if step.task is Task.READ_OUT and stage is Stage.ASKED:
        yield Act.NUMBER, SEND, "main"
    if step.task in OUTPUTS or step.task is Task.READ_OUT:
        yield Act.GO, GO if stage is Stage.UNSEEN else AGAIN_GO, "main" if stage is Stage.UNSEEN else ""
    yield Act.LATER, LATER, ""
    if step.task in CONTACTS | SIGHTS or stage is not Stage.MOVED:
        yield Act.NO, BROKEN, "warn"


def _row(session: Session, step: Step, say: Texts) -> dict[str, Any]:
    stage = session.progress.stages[step.point]
    return {
        "point": step.point,
        "name": sentences.name_of(step, say),
        "word": sentences.result(stage, say),
        "look": _LOOKS.get(stage, "open"),
        "again": "" if session.finished else _choose(session, step, stage, say),
    }


def _choose(session: Session, step: Step, stage: Stage, say: Texts) -> str:
    """What the button beside a point says: whoever stands before it need not follow the order."""
    if stage in DONE:
        return say(RETEST)
    return "" if stage is Stage.UNWATCHED or step is session.current else say(NOW)


def _rest(session: Session, say: Texts) -> str:
    if session.finished:
        return ""
    if session.lost:
        return say(LOST)
    if session.current is not None:
        return ""
    failed, _ = red(session.progress)
    return say(SOME_FAILED).format(failed=failed) if failed else say(ALL_DONE)


def _ended(session: Session, say: Texts) -> Iterator[dict[str, str]]:
    if session.finished is None:
        return
    for colour, line in summary.summary(session.finished, session.steps, say):
        yield {"text": line.strip(), "look": {summary.RED: "bad", summary.BOLD: "head"}.get(colour, "")}
