"""What the auditor of escalation found, and who of the collectors is gone, becomes events of the centre's ledger.

Told once, and its end as its restore. The runner leaves a `watch` timer where something changed; here it is looked at
again, inside the transaction that tells it, so that two collectors never contradict each other nor both tell it. Flow:
Committer.look -> here -> telling.py.
"""

from collector.escalation.audit import audit, told
from collector.escalation.others import changes
from collector.escalation.records import Purpose
from collector.escalation.surroundings import Surroundings
from collector.fleet.records import Condition, Found
from collector.ingest.work import Work
from collector.storage import timers

CENTRE = ""
"""In the place of a box: the same for every collector."""


def note_findings(work: Work, around: Surroundings) -> None:
    """Tell what fails and was not told, and what holds again."""
    waiting = timers.duty(work.connection, Purpose.WATCH)
    if not waiting:
        return
    timers.delete_timers(work.connection, (timer.id for timer in waiting))
    known = told(work.connection)
    found = {each.what.value: each for each in audit(work.connection, around, work.now_ms)}
    for what, each in found.items():
        if what not in known:
            facts = {"what": what, "count": each.count, "examples": list(each.examples)}
            work.found.append((CENTRE, around.collector, _found(what, facts)))
    for what, before in known.items():
        if what not in found:
            work.found.append((CENTRE, around.collector, _found(what, before.facts, ends=True)))
    work.found.extend((CENTRE, around.collector, each) for each in changes(work.connection, work.now_ms))


def _found(what: str, facts: dict[str, object], *, ends: bool = False) -> Found:
    return Found(condition=Condition.ESCALATION, detail=what, facts=facts, ends=ends, source=f"audit/{what}")
