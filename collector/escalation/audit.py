"""The auditor: every open alarm has a next step, each step and deadline somebody, nothing is late. Repairs nothing.

Asked on every tick, after every load of rules, and by `branchwatch collector audit`. A few counting statements over
indexes, so that it costs little over 100,000 alarms; what is found is named by at most EXAMPLES alarms. Flow:
runner.py, rules/loading.py, audit_words.py -> here -> findings; ingest/auditing.py tells them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from collector.alarms.correlation import LOWEST_LEVEL
from collector.escalation.chains import choose, specific, steps_of
from collector.escalation.plan import timer
from collector.escalation.records import Purpose, Watched
from collector.escalation.surroundings import Surroundings
from collector.escalation.targets import Looked, look, resolve
from collector.fleet.collectors import is_there
from collector.notify.records import RECEIVER
from collector.rules.builtin import BUILTIN
from collector.rules.shapes import Policy, PolicyStep, When
from collector.storage import auditing, collectors, conditions, timers
from collector.storage.records import AlarmState
from collector.storage.store import Transaction

LATE_MS: Final = 10_000
"""No timer may be due for longer."""

SETTLED_MS: Final = 20_000
"""An alarm this young, or a collector, may still be finding its people: a live page is noted every five seconds."""

EXAMPLES: Final = 5

BROKEN: Final = "escalation.broken"
"""The kind, and the name among conditions."""

RECEIVER_LOST: Final = "receiver.lost"


NOWHERE: Final = Watched(
    id="",
    number=0,
    site="",
    unit="/",
    timezone="UTC",
    kind="",
    event_class="",
    level=1,
    source="",
    state=AlarmState.NEW,
    opened_ms=0,
)
"""An alarm that only who sees the whole bank sees, and for which no step for some kinds is."""


NO_PLACE: Final = specific(When())

NO_NAMES: Final = frozenset({"desk", "holder"})
"""Targets that may be nobody for a while: the desk is judged with the whole policy."""

NAMED: Final = 3
"""Targets of a step that are named; the rest stands in the rules."""


class What(StrEnum):
    """What can fail."""

    NO_STEP = "no_step"  # an open alarm without a timer that goes on
    NO_WATCH = "no_watch"  # a response clock that runs and that no timer watches
    NO_REVIEW = "no_review"  # a resolved one that nobody is told to review
    NO_FOLLOW = "no_follow"  # a reviewed one that nobody is told to follow up
    SHELTER = "shelter"  # kept quiet by a shelter that is over or has no end
    LATE = "late"  # a timer that nobody fired
    UNREACHABLE = "unreachable"  # an untaken alarm whose policy reaches nobody
    DEAF = "deaf"  # an untaken alarm with a step beyond the desk behind which nobody is any more
    HOLE = "hole"  # an untaken alarm for which no policy is
    ALTERED = "altered"  # rules that do not say what was loaded: those before them hold
    UNATTENDED = "unattended"  # open alarms, and no collector runs: their next step will not happen


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What fails, for how many, and some of them: numbers of alarms, some with the policy or targets that do."""

    what: What
    count: int
    examples: tuple[str, ...] = ()


class Weak(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody reached by no channel that is proven: said, not a fault."""

    person: str
    channels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What one look found."""

    findings: tuple[Finding, ...]
    weak: tuple[Weak, ...] = ()
    silent: tuple[str, ...] = ()  # receivers that do not answer, each with its address: told as an alarm of their own
    running: bool = True
    alarms: int = 0
    timers: int = 0


def audit(connection: Transaction, around: Surroundings, now_ms: int) -> tuple[Finding, ...]:
    """What fails now; empty when the invariant holds."""
    looked = look(connection, around, (), now_ms)
    altered = [str(version) for version in looked.held.altered]
    found = [
        _finding(What.NO_STEP, auditing.without_step(connection, EXAMPLES)),
        _finding(What.NO_WATCH, auditing.without_watch(connection, now_ms + LATE_MS, EXAMPLES)),
        _finding(What.NO_REVIEW, auditing.without_review(connection, EXAMPLES)),
        _finding(What.NO_FOLLOW, auditing.without_follow(connection, EXAMPLES)),
        _finding(What.SHELTER, auditing.shelters_over(connection, now_ms - LATE_MS, EXAMPLES)),
        _finding(What.LATE, auditing.late(connection, now_ms - LATE_MS, EXAMPLES)),
        _finding(What.ALTERED, (len(altered), altered[:EXAMPLES])),
        *_unreachable(connection, looked, now_ms),
    ]
    return tuple(each for each in found if each is not None)


def told(connection: Transaction) -> dict[str, conditions.Open]:
    """What was told to fail and not yet told to hold again."""
    found = conditions.standing(connection, BROKEN)
    return {detail: known for (_, _, detail), known in found.items()}


def differs(connection: Transaction, around: Surroundings, now_ms: int) -> bool:
    """Whether something fails that was not told, or holds again."""
    return {each.what.value for each in audit(connection, around, now_ms)} != set(told(connection))


def leave_word(connection: Transaction, around: Surroundings, now_ms: int) -> None:
    """One `watch` timer: the ingest's next look audits and tells."""
    if not timers.duty(connection, Purpose.WATCH):
        timers.put_timers(connection, [timer(around.new_id(now_ms), None, Purpose.WATCH, now_ms)], now_ms)


def whole(connection: Transaction, around: Surroundings, now_ms: int) -> Audit:
    """The same with what a person wants to read beside it, asked from outside: here perhaps nobody looks any more."""
    looked = look(connection, around, (), now_ms, proofs=True)
    at_ms = collectors.clock_ms(connection, now_ms)
    running = any(is_there(row, at_ms) for row in collectors.everybody(connection))
    count, examples = auditing.open_alarms(connection, EXAMPLES)
    unattended = None if running else _finding(What.UNATTENDED, (count, examples))
    return Audit(
        findings=(*audit(connection, around, now_ms), *([] if unattended is None else [unattended])),
        running=running,
        weak=tuple(_weak(looked)),
        silent=tuple(sorted(detail for _, _, detail in conditions.standing(connection, RECEIVER_LOST))),
        alarms=count,
        timers=auditing.count_timers(connection),
    )


def _finding(what: What, found: tuple[int, Sequence[str]]) -> Finding | None:
    count, examples = found
    return Finding(what=what, count=count, examples=tuple(examples)) if count else None


def _unreachable(connection: Transaction, looked: Looked, now_ms: int) -> list[Finding]:
    """Untaken alarms whose policy reaches nobody, or with a step that does not.

    Where every step of a level's policies reaches somebody who sees the whole bank none can be; else each place, level
    and kind that there is gets judged once.
    """
    unsure = [level for level in range(1, LOWEST_LEVEL + 1) if not _sure(looked, level)]
    kinds = auditing.untaken_kinds(connection, now_ms - SETTLED_MS, unsure) if unsure else []
    missed: dict[What, list[tuple[auditing.Untaken, str]]] = {}
    reached: Reached = {}
    for each in kinds:
        policy = choose(looked.held.rules, each.alarm, each.alarm.opened_ms)
        lack = (What.HOLE, "") if policy is None else _lack(looked, policy, each.alarm, reached)
        if lack is not None:
            missed.setdefault(lack[0], []).append((each, lack[1]))
    return [
        Finding(
            what=what,
            count=sum(each.count for each, _ in some),
            examples=tuple(f"{each.alarm.number} {who}".rstrip() for each, who in some[:EXAMPLES]),
        )
        for what, some in missed.items()
    ]


def _sure(looked: Looked, level: int) -> bool:
    """Whether an alarm of this level reaches somebody wherever it is; policies behind a catch-all are never its own."""
    policies: list[Policy] = []
    for policy in looked.held.rules.policy:
        if not policy.when.levels or level in policy.when.levels:
            caught = any(_takes_all(each.when) for each in policies)
            if not (caught and specific(policy.when) == NO_PLACE):
                policies.append(policy)
    return looked.index.whole and all(_reaches_everywhere(looked, policy) for policy in policies)


def _takes_all(when: When) -> bool:
    return specific(when) == NO_PLACE and not when.kinds and when.hours is None


Reached = dict[tuple[str, str], bool]
"""Whether a target reaches somebody, by its place."""


def _lack(looked: Looked, policy: Policy, alarm: Watched, known: Reached) -> tuple[What, str] | None:
    """What a policy lacks for an alarm: anybody at all, or somebody behind one of its steps; and which of them."""
    steps = steps_of(policy, alarm)
    if not any(_reaches(looked, step, alarm, known) for step in steps):
        return What.UNREACHABLE, f"[{policy.name}]"
    deaf = _deaf(looked, policy, steps, alarm, known)
    return None if deaf is None else (What.DEAF, f"[{' '.join(deaf.tell[:NAMED])}]")


def _reaches_everywhere(looked: Looked, policy: Policy) -> bool:
    known: Reached = {}
    heard = any(_reaches(looked, step, NOWHERE, known) for step in steps_of(policy, NOWHERE))
    return heard and _deaf(looked, policy, policy.step, NOWHERE, known) is None


def _deaf(
    looked: Looked, policy: Policy, steps: Iterable[PolicyStep], alarm: Watched, known: Reached
) -> PolicyStep | None:
    """A step that names more than the desk and behind which nobody is; a bank without rules has the desk alone."""
    if policy in BUILTIN.policy:
        return None
    for step in steps:
        if set(step.tell) <= NO_NAMES or _reaches(looked, step, alarm, known) or _receives(looked, step):
            continue
        return step
    return None


def _reaches(looked: Looked, step: PolicyStep, alarm: Watched, known: Reached) -> bool:
    """Whether a person hears of a step."""
    for target in step.tell:
        if target.startswith(RECEIVER):
            continue
        key = (target, alarm.site if target.startswith("site/") else alarm.unit)
        if key not in known:
            known[key] = resolve(looked, alarm, target, step.by).reaches_somebody
        if known[key]:
            return True
    return False


def _receives(looked: Looked, step: PolicyStep) -> bool:
    """Whether it tells a receiver of collector.toml; each of them is asked, and told as `receiver.lost` when silent."""
    return any(target.removeprefix(RECEIVER) in looked.around.receivers for target in step.tell)


def _weak(looked: Looked) -> Iterable[Weak]:
    for contact in looked.held.rules.contact:
        channels = tuple(channel for channel in contact.reach if channel in looked.around.channels)
        if channels and not any((contact.person, channel) in looked.proven for channel in channels):
            yield Weak(person=contact.person, channels=channels)
