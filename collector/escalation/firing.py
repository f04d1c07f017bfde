"""What each timer does when it is due: a table purpose -> handler. Inside the runner's transaction.

A handler gets the timers of its purpose that are due, already deleted, and writes what follows. What belongs to
shelters, parking and digests is done by their own packages. Flow: runner.py -> here -> telling.py, storms, notify.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from collector.alarms.unparking import unpark
from collector.escalation.begin import UNTAKEN, begin, group_waits, policy_of
from collector.escalation.chains import again, chain_of, goes_on
from collector.escalation.plan import CHAIN, ENDED, again_ms
from collector.escalation.records import Purpose, Timer, Watched
from collector.escalation.surroundings import Surroundings
from collector.escalation.targets import Looked, look, outlet_follows
from collector.escalation.telling import DIRECTORS, LEADERS, Telling
from collector.notify.digests import flush
from collector.storage import reach, timers
from collector.storage.records import HELD_STATES, AlarmState
from collector.storage.store import Transaction
from collector.storms.surfacing import surface
from collector.storms.suspending import end_suspension

Handler = Callable[[Transaction, Surroundings, Sequence[Timer], int], None]

DEPARTMENTS: Final = ("site/responsible", "site/functional")
"""Who follows up levels 1 and 2."""

SOON_MS: Final = 5_000
"""A step that is due within this is as good as told."""


def _alarm_timers(one: Callable[[Transaction, Telling, Watched, Timer], None]) -> Handler:
    """A handler of timers that belong to alarms: looks once, writes once."""

    def handle(connection: Transaction, around: Surroundings, due: Sequence[Timer], now_ms: int) -> None:
        ids = [timer.alarm for timer in due if timer.alarm is not None]
        found = timers.watched(connection, ids)
        told = Telling(look(connection, around, ids, now_ms), reach.answers(connection, ids))
        for timer in due:
            alarm = found.get(timer.alarm or "")
            if alarm is not None and (alarm.shelter is None or alarm.state not in UNTAKEN):
                one(connection, told, alarm, timer)
        told.write(connection)

    return handle


def _escalate(connection: Transaction, told: Telling, alarm: Watched, timer: Timer) -> None:
    looked = told.looked
    chain = chain_of(timer.facts)
    policy = policy_of(looked.held, alarm, chain, looked.now_ms)
    if policy is None:
        told.set(alarm, Purpose.STALL, looked.now_ms, ENDED)
        return
    if chain is None:
        told.begin_chain(alarm, policy, None)
        return
    if chain.rules != looked.held.version:
        chain = again(policy, alarm, looked.held.version, chain)
    if not goes_on(policy.until, alarm.state) and not (
        alarm.state in HELD_STATES and group_waits(connection, looked, alarm, policy, chain)
    ):
        return
    told.go_on(alarm, policy, chain)


def _respond(connection: Transaction, told: Telling, alarm: Watched, _: Timer) -> None:
    if alarm.state not in UNTAKEN:
        return
    told.note(alarm, "overdue", {"clock": "response"})
    if not _heard(connection, alarm, told.looked.now_ms):
        told.remind(alarm, "response", (LEADERS,))


def _heard(connection: Transaction, alarm: Watched, now_ms: int) -> bool:
    """Whether the policy told somebody beyond the desk since its chain began, or tells the next in a moment.

    Who is off duty is not woken beside the one whom the rota names, and nobody is told twice within a second.
    """
    there = timers.timers_of(connection, [alarm.id]).get(alarm.id, [])
    chained = next((timer for timer in there if timer.purpose in CHAIN), None)
    chain = None if chained is None else chain_of(chained.facts)
    if chained is None or chain is None:
        return False
    return chained.due_ms <= now_ms + SOON_MS or reach.told_since(connection, alarm.id, chain.from_ms)


def _stall(_: Transaction, told: Telling, alarm: Watched, timer: Timer) -> None:
    if alarm.state in HELD_STATES:
        told.note(alarm, "overdue", {"clock": "stall"})
        first = (("holder", LEADERS),) if timer.facts.get("round") else (("holder",), (LEADERS,))
        told.remind(alarm, "stall", *first, (DIRECTORS,))
        facts = {"round": int(timer.facts.get("round", 0)) + 1}
    elif alarm.state in UNTAKEN:
        told.remind(alarm, "untaken", (LEADERS,), (DIRECTORS,))
        facts = dict(ENDED)
    else:
        return
    told.set(alarm, Purpose.STALL, again_ms(Purpose.STALL, alarm, told.looked.now_ms), facts)


def _review(_: Transaction, told: Telling, alarm: Watched, timer: Timer) -> None:
    if alarm.state is not AlarmState.RESOLVED:
        return
    told.note(alarm, "overdue", {"clock": "review"})
    rounds = int(timer.facts.get("round", 0))
    first = (("role/reviewer", DIRECTORS),) if rounds else (("role/reviewer",), (DIRECTORS,))
    told.remind(alarm, "review", *first)
    told.set(alarm, Purpose.REVIEW, again_ms(Purpose.REVIEW, alarm, told.looked.now_ms), {"round": rounds + 1})


def _follow(_: Transaction, told: Telling, alarm: Watched, timer: Timer) -> None:
    if alarm.state is not AlarmState.REVIEWED:
        return
    told.note(alarm, "overdue", {"clock": "follow"})
    told.remind(alarm, "follow", (_follower(told.looked, alarm),), (DIRECTORS,))
    rounds = int(timer.facts.get("round", 0)) + 1
    told.set(alarm, Purpose.FOLLOW, again_ms(Purpose.FOLLOW, alarm, told.looked.now_ms), {"round": rounds})


def _follower(looked: Looked, alarm: Watched) -> str:
    """Who looks into what remains, by level: the responsible department, the functional one, the outlet or the desk."""
    if alarm.level <= len(DEPARTMENTS):
        return DEPARTMENTS[alarm.level - 1]
    return "site/contact" if outlet_follows(looked.held.rules, alarm.site, alarm.unit) else LEADERS


def _resume(connection: Transaction, told: Telling, alarm: Watched, timer: Timer) -> None:
    """The chain goes on where it stood: what fell due in the pause is told now."""
    told.note(alarm, "resumed", {})
    _escalate(connection, told, alarm, timer)


def _digest(connection: Transaction, _: Surroundings, due: Sequence[Timer], now_ms: int) -> None:
    for timer in due:
        flush(connection, str(timer.facts["person"]), now_ms)


def _surface(connection: Transaction, around: Surroundings, due: Sequence[Timer], now_ms: int) -> None:
    surface(connection, around, [timer.alarm for timer in due if timer.alarm is not None], now_ms)


def _park(connection: Transaction, around: Surroundings, due: Sequence[Timer], now_ms: int) -> None:
    parked = [timer.alarm for timer in due if timer.alarm is not None]
    back = [alarm for alarm in parked if unpark(connection, alarm, now_ms, around.collector)]
    begin(connection, around, back, now_ms)


def _suspend(connection: Transaction, around: Surroundings, due: Sequence[Timer], now_ms: int) -> None:
    for timer in due:
        end_suspension(connection, around, str(timer.facts["suspension"]), now_ms)


def handlers() -> Mapping[Purpose, Handler]:
    """The table."""
    return {
        Purpose.ESCALATE: _alarm_timers(_escalate),
        Purpose.RESPOND: _alarm_timers(_respond),
        Purpose.RESUME: _alarm_timers(_resume),
        Purpose.STALL: _alarm_timers(_stall),
        Purpose.PARK: _park,
        Purpose.REVIEW: _alarm_timers(_review),
        Purpose.FOLLOW: _alarm_timers(_follow),
        Purpose.DIGEST: _digest,
        Purpose.SURFACE: _surface,
        Purpose.SUSPEND: _suspend,
    }
