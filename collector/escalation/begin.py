"""Alarms that begin to need somebody, and what becomes of their timers after each move.

Inside the transaction that opened or moved them, after their rows are written and with the counters' lock held, so
that no open alarm ever stands without a next step. Flow: ingest/alarming.py, storms, alarms/service.py -> here ->
timers, notices, the journal.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from collector.escalation.chains import (
    Chain,
    again,
    applies,
    chain_of,
    choose,
    confirmed,
    due_of,
    facts_of,
    goes_on,
    start,
    steps_of,
)
from collector.escalation.plan import CHAIN, ENDED, GRAVE, NEEDED, OWN, due_ms, kept
from collector.escalation.records import Purpose, Timer, Watched
from collector.escalation.surroundings import Surroundings
from collector.escalation.targets import Looked, look, members, resolve
from collector.escalation.telling import DIRECTORS, LEADERS, Telling
from collector.notify.queueing import cancel
from collector.notify.records import CONTACT, Sort
from collector.rules.holding import Held
from collector.rules.shapes import Policy
from collector.storage import reach, timers
from collector.storage.journal import Entry
from collector.storage.records import HELD_STATES, OPEN_STATES, AlarmState
from collector.storage.store import Transaction


def begin(
    connection: Transaction,
    around: Surroundings,
    alarm_ids: Sequence[str],
    now_ms: int,
    entries: list[Entry] | None = None,
    *,
    rises: Mapping[str, int] | None = None,
) -> None:
    """Plan the escalation of these alarms from now on, instead of whatever was planned before.

    Opened, raised, surfaced, returned alarms. Under the policy that was theirs before nobody is told a step again; of
    those that rose (`rises`: the level before) everybody hears who was told of less. Journal entries are appended to
    `entries`, where the caller has some that come before them, else written.
    """
    if not alarm_ids:
        return
    told = Telling(look(connection, around, alarm_ids, now_ms), risen=rises or {})
    before = timers.timers_of(connection, alarm_ids)
    for alarm in timers.watched(connection, alarm_ids).values():
        if alarm.shelter is None:
            chained = next((timer for timer in before.get(alarm.id, []) if timer.purpose in CHAIN), None)
            _begin(told, alarm, chained)
            if alarm.id in told.risen:
                _tell_rise(connection, told, alarm)
    timers.drop_timers(connection, alarm_ids, OWN)
    told.write(connection, entries)


def quiet(connection: Transaction, alarm_ids: Sequence[str]) -> None:
    """These alarms came under a shelter, or are over: no timer of theirs is left, no queued notice leaves.

    A `surface` timer stays: it belongs to the shelter.
    """
    if alarm_ids:
        timers.drop_timers(connection, alarm_ids, OWN)
        cancel(connection, alarm_ids)


def moved(connection: Transaction, around: Surroundings, alarm_id: str, now_ms: int, *, idle: bool = False) -> None:
    """A person (or a timer) moved this alarm, noted or did something on it: its timers become those of its state.

    `idle`: somebody only wrote; it is still waited for the holder to do something.
    """
    alarm = timers.watched(connection, [alarm_id]).get(alarm_id)
    if alarm is None:
        return
    there = timers.timers_of(connection, [alarm_id]).get(alarm_id, [])
    told = Telling(look(connection, around, [alarm_id], now_ms))
    stays: set[str] = set()
    if alarm.shelter is None or alarm.state not in UNTAKEN:
        stays = _go_on(connection, told, alarm, there, idle=idle)
    timers.delete_timers(connection, [timer.id for timer in there if timer.purpose in OWN and timer.id not in stays])
    chained = any(timer.id in stays and timer.purpose in CHAIN for timer in there)
    if alarm.state not in UNTAKEN and not chained:
        cancel(connection, [alarm_id])
    if confirmed(alarm) and alarm.state in OPEN_STATES:
        _tell_confirmed(connection, told, alarm)
    told.write(connection)


def given_back(connection: Transaction, around: Surroundings, alarm_id: str, now_ms: int) -> None:
    """It was given back once more: its chain begins anew each time, so the shift leaders hear of it at once."""
    alarm = timers.watched(connection, [alarm_id]).get(alarm_id)
    if alarm is None or reach.told_since(connection, alarm_id, now_ms):
        return
    told = Telling(look(connection, around, [alarm_id], now_ms))
    told.remind(alarm, "untaken", (LEADERS,), (DIRECTORS,))
    told.write(connection)


def policy_of(held: Held, alarm: Watched, chain: Chain | None, at_ms: int) -> Policy | None:
    """The policy of a chain under way; under other rules than those it began with, the one that is for the alarm."""
    if chain is None:
        return choose(held.rules, alarm, at_ms)
    if chain.rules == held.version:
        named = next((policy for policy in held.rules.policy if policy.name == chain.policy), None)
        if named is not None:
            return named
    return choose(held.rules, alarm, chain.from_ms)


def replan(connection: Transaction, around: Surroundings, now_ms: int) -> int:
    """Other rules hold from now on: chains whose next step comes earlier under them are brought forward; how many.

    Each goes over to them when it is due. The caller holds the counters' lock.
    """
    looked = look(connection, around, (), now_ms)
    earlier: dict[str, int] = {}
    for some in timers.chains(connection):
        found = timers.watched(connection, [timer.alarm for timer in some if timer.alarm is not None])
        for timer in some:
            alarm, chain = found.get(timer.alarm or ""), chain_of(timer.facts)
            policy = None if alarm is None else policy_of(looked.held, alarm, chain, now_ms)
            if alarm is None or chain is None or policy is None:
                continue
            moved_to = again(policy, alarm, looked.held.version, chain)
            steps = steps_of(policy, alarm)
            if moved_to.step < len(steps) and (due := due_of(steps[moved_to.step], moved_to)) < timer.due_ms:
                earlier[timer.id] = due
    timers.bring_forward(connection, earlier)
    return len(earlier)


def group_waits(connection: Transaction, looked: Looked, alarm: Watched, policy: Policy, chain: Chain) -> bool:
    """Whether a group that was told must answer to the last, and somebody of it has not."""
    steps = steps_of(policy, alarm)[: chain.step]
    all_of = {
        target
        for step in steps
        for target in step.tell
        if target.startswith("group/") and resolve(looked, alarm, target).need_all
    }
    if not all_of:
        return False
    answered = reach.answered(connection, alarm.id) | ({alarm.holder} if alarm.holder else set())
    return any(person not in answered for target in all_of for person in members(looked, alarm, target))


def _begin(told: Telling, alarm: Watched, before: Timer | None) -> None:
    """Timers of an alarm as if nothing had been planned for it."""
    now_ms = told.looked.now_ms
    policy = choose(told.looked.held.rules, alarm, now_ms) if alarm.state in UNTAKEN else None
    if policy is not None:
        told.begin_chain(alarm, policy, before)
    elif alarm.state in UNTAKEN:  # rules with a hole are refused; only a row that was written by hand leads here
        told.set(alarm, Purpose.STALL, now_ms, ENDED)
    elif alarm.state in HELD_STATES:
        _beside_holder(told, alarm, before)
    _by_state(told, alarm, frozenset())


def _beside_holder(told: Telling, alarm: Watched, before: Timer | None) -> None:
    """What is told beside whoever has it goes on as it was; a graver level's policy that lasts so long begins."""
    now_ms, held = told.looked.now_ms, told.looked.held
    policy, chain = choose(held.rules, alarm, now_ms), None if before is None else chain_of(before.facts)
    another = policy is not None and (chain is None or chain.policy != policy.name)
    if policy is not None and another and goes_on(policy.until, alarm.state):
        told.set(alarm, Purpose.ESCALATE, now_ms, facts_of(start(policy, held.version, now_ms)))
    elif before is not None:
        told.fresh.append(before)


def _tell_rise(connection: Transaction, told: Telling, alarm: Watched) -> None:
    """Whoever was told of a lesser level, once; of one in hand only the holder, unless at a page that shows it.

    Whoever answered is on the way already: called again only for the levels that change what is to be done.
    """
    if alarm.state in HELD_STATES:
        told.rise(alarm, () if alarm.holder in told.looked.present else ("holder",))
    elif alarm.state in UNTAKEN:
        coming = reach.answered(connection, alarm.id) if alarm.level > GRAVE else frozenset()
        people = (person for person in reach.told_people(connection, alarm.id) if person not in coming)
        told.rise(alarm, ["site/contact" if person.startswith(CONTACT) else f"person/{person}" for person in people])


def _go_on(connection: Transaction, told: Telling, alarm: Watched, there: Sequence[Timer], *, idle: bool) -> set[str]:
    """Set what the state needs; the ids of the timers that stay."""
    chained = next((timer for timer in there if timer.purpose in CHAIN), None)
    stays = {
        timer.id
        for timer in there
        if kept(alarm.state, timer) or (idle and alarm.state in HELD_STATES and timer.purpose is Purpose.STALL)
    }
    if alarm.state in UNTAKEN:
        waiting = [timer for timer in there if timer.purpose in CHAIN or timer.facts == ENDED]
        if not waiting or any(timer.purpose in _HANDLED and timer.facts != ENDED for timer in there):
            _begin(told, alarm, None)  # it came back
            return set()
        stays |= {timer.id for timer in waiting}
    elif chained is not None and _lasts(connection, told.looked, alarm, chain_of(chained.facts)):
        stays.add(chained.id)
    _by_state(told, alarm, frozenset(timer.purpose for timer in there if timer.id in stays))
    return stays


def _by_state(told: Telling, alarm: Watched, there: frozenset[Purpose]) -> None:
    for purpose in NEEDED[alarm.state]:
        if purpose in CHAIN or purpose in there:
            continue
        if (due := due_ms(purpose, alarm, told.looked.now_ms)) is not None:
            told.set(alarm, purpose, due)


def _lasts(connection: Transaction, looked: Looked, alarm: Watched, chain: Chain | None) -> bool:
    """Whether a chain goes on though somebody has the alarm in hand."""
    policy = policy_of(looked.held, alarm, chain, looked.now_ms)
    if chain is None or policy is None:
        return False
    if goes_on(policy.until, alarm.state):
        return True
    return alarm.state in HELD_STATES and group_waits(connection, looked, alarm, policy, chain)


def _tell_confirmed(connection: Transaction, told: Telling, alarm: Watched) -> None:
    """A robbery that a person confirmed: whom a hold-up's steps name is told now, unless they were."""
    policy = choose(told.looked.held.rules, alarm, alarm.opened_ms)
    if policy is None:
        return
    known = reach.told_targets(connection, alarm.id)
    for step in policy.step:
        missing = [target for target in step.tell if target not in known]
        if step.only_kinds and alarm.kind not in step.only_kinds and applies(step, alarm) and missing:
            resolved = [resolve(told.looked, alarm, target, step.by) for target in missing]
            told.tell(alarm, Sort.ALARM, resolved, {"policy": policy.name, "why": "confirmed"})


UNTAKEN: Final = (AlarmState.NEW, AlarmState.RETURNED)
_HANDLED: Final = (Purpose.STALL, Purpose.PARK, Purpose.REVIEW, Purpose.FOLLOW)
