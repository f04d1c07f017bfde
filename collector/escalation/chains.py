"""Which policy is an alarm's, and where its chain of steps stands: whom to tell now, when the next one is due. Pure.

A chain is what an `escalate` timer carries; any collector that reads it goes on where another stopped. Flow: begin.py
and firing.py ask here with an alarm, the rules and the time.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from collector.escalation.records import Watched
from collector.rules.shapes import Policy, PolicyStep, Rules, Until, When
from collector.storage.records import AlarmState
from collector.times import local

CONFIRMED: Final = 4
"""The score of a threat to life; given by a person it makes an alarm a confirmed robbery."""

ROBBERY: Final = "zone.hold_up"
"""A step that is for hold-ups only is for a confirmed robbery too."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Where the steps of a policy stand; the facts of an `escalate` timer."""

    policy: str
    rules: int
    from_ms: int
    step: int = 0
    rounds: int = 0
    told: tuple[str, ...] = ()


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """The steps that are told now, by position, and the chain after them; `due_ms` is None when it has ended."""

    told: tuple[int, ...]
    chain: Chain
    due_ms: int | None


Reached = Callable[[PolicyStep], bool | None]
"""Whether telling a step reaches a person; None: it tells a receiver only, which takes no alarm in hand."""


def choose(rules: Rules, alarm: Watched, at_ms: int) -> Policy | None:
    """The policy of an alarm: the one that names its site, else the deepest unit, else the first of the file."""
    fitting = [policy for policy in rules.policy if fits(policy.when, alarm, at_ms)]
    return max(fitting, key=lambda policy: specific(policy.when), default=None)


def specific(when: When) -> tuple[bool, int]:
    """How narrow a place is: `max` keeps the first of equals, which is file order."""
    return bool(when.sites), len(when.unit.split("/")) if when.unit else 0


def fits(when: When, alarm: Watched, at_ms: int) -> bool:
    """Whether an alarm is one of these; hours are those of the site's clock."""
    return (
        within(alarm.unit, when.unit)
        and (not when.levels or alarm.level in when.levels)
        and (not when.kinds or alarm.kind in when.kinds)
        and (not when.sites or alarm.site in when.sites)
        and (when.hours is None or in_hours(when.hours, alarm.timezone, at_ms))
    )


def within(unit: str, above: str) -> bool:
    """Whether a unit is `above` or below it."""
    return not above or unit == above or unit.startswith(above + "/")


def in_hours(hours: str, timezone: str, at_ms: int) -> bool:
    """Whether an instant lies in hours like "20:00-08:00"; equal ends are the whole day."""
    begins, _, ends = hours.partition("-")
    now = local(at_ms, timezone).strftime("%H:%M")
    if begins < ends:
        return begins <= now < ends
    return now >= begins or now < ends


def steps_of(policy: Policy, alarm: Watched) -> tuple[PolicyStep, ...]:
    """The steps that are for this alarm, in the order of their times; equal times keep the file's order."""
    return tuple(sorted((step for step in policy.step if applies(step, alarm)), key=lambda step: step.after))


def applies(step: PolicyStep, alarm: Watched) -> bool:
    """Whether a step is for this alarm."""
    return not step.only_kinds or alarm.kind in step.only_kinds or (confirmed(alarm) and ROBBERY in step.only_kinds)


def confirmed(alarm: Watched) -> bool:
    """Whether a person said that life is threatened."""
    return alarm.score == CONFIRMED and bool(alarm.score_by)


def goes_on(until: Until, state: AlarmState) -> bool:
    """Whether a chain that ends with `until` goes on in this state."""
    match until:
        case Until.ACKNOWLEDGED:
            return state in _UNTAKEN
        case Until.DISPATCHED:
            return state in (*_UNTAKEN, AlarmState.ACKNOWLEDGED, AlarmState.VERIFYING)
        case Until.RESOLVED:
            return state in (*_UNTAKEN, AlarmState.ACKNOWLEDGED, AlarmState.VERIFYING, AlarmState.DISPATCHED)


def start(policy: Policy, rules: int, now_ms: int, before: Chain | None = None) -> Chain:
    """A chain that counts from now; under the same policy no step is told a second time."""
    if before is not None and before.policy == policy.name and before.rules == rules:
        return msgspec.structs.replace(before, from_ms=now_ms)
    return Chain(policy=policy.name, rules=rules, from_ms=now_ms)


def not_later(steps: Sequence[PolicyStep], chain: Chain, now_ms: int, due_ms: int) -> Chain:
    """A chain whose next step waits no longer than what was due before it: nobody hears later because it got graver."""
    pending = next((due for step in steps[chain.step :] if (due := due_of(step, chain)) > now_ms), None)
    if pending is None or pending <= due_ms:
        return chain
    return msgspec.structs.replace(chain, from_ms=chain.from_ms - (pending - max(due_ms, now_ms)))


def again(policy: Policy, alarm: Watched, rules: int, before: Chain) -> Chain:
    """The chain under other rules: what was told under the old ones stays told, the clock goes on."""
    steps = steps_of(policy, alarm)
    told = set(before.told)
    done = next((at for at, step in enumerate(steps) if not set(step.tell) <= told), len(steps))
    return Chain(policy=policy.name, rules=rules, from_ms=before.from_ms, step=done, told=before.told)


def advance(policy: Policy, steps: Sequence[PolicyStep], chain: Chain, now_ms: int, reached: Reached) -> Advance:
    """Tell what is due; a step that reaches nobody is followed by the next one at once."""
    told: list[int] = []
    at, rounds = chain.step, chain.rounds
    hurry = False
    while at < len(steps) and (hurry or due_of(steps[at], chain) <= now_ms):
        told.append(at)
        answer = reached(steps[at])
        if answer is not None:
            hurry = not answer
        at += 1
    if not told and at >= len(steps) and steps:
        told.append(len(steps) - 1)
        reached(steps[-1])
        rounds += 1
    names = dict.fromkeys((*chain.told, *(target for step in told for target in steps[step].tell)))
    after = msgspec.structs.replace(chain, step=at, rounds=rounds, told=tuple(names))
    return Advance(told=tuple(told), chain=after, due_ms=next_ms(policy, steps, after, now_ms))


def next_ms(policy: Policy, steps: Sequence[PolicyStep], chain: Chain, now_ms: int) -> int | None:
    """When the chain is due again, as it stands; None when it has ended."""
    if chain.step < len(steps):
        return due_of(steps[chain.step], chain)
    if policy.repeat is None or (policy.times and chain.rounds >= policy.times) or not steps:
        return None
    return now_ms + policy.repeat // _MILLISECOND


def due_of(step: PolicyStep, chain: Chain) -> int:
    """When a step is due."""
    return chain.from_ms + step.after // _MILLISECOND


def facts_of(chain: Chain) -> dict[str, Any]:
    """A chain as a timer carries it."""
    return msgspec.structs.asdict(chain)


def chain_of(facts: Any) -> Chain | None:
    """The chain that a timer carries; None where it carries none."""
    return msgspec.convert(facts, Chain) if facts.get("policy") else None


_UNTAKEN: Final = (AlarmState.NEW, AlarmState.RETURNED)
_MILLISECOND: Final = timedelta(milliseconds=1)
