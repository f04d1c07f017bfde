"""What happens to an alarm when nobody acts: when, and in one sentence. Pure but for two questions to the database.

Flow: the API's `next` of an alarm, the desk -> here -> protocol.texts.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from collector.escalation.begin import policy_of
from collector.escalation.chains import chain_of, steps_of
from collector.escalation.records import Purpose, Timer, Watched
from collector.rules.holding import Held, rules_now
from collector.storage import timers
from collector.storage.store import Transaction
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_WHO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "desk": N_("the people at the desk"),
        "holder": N_("whoever holds the alarm"),
        "site/contact": N_("the site's contact"),
        "site/security_officer": N_("the site's security officer"),
        "site/responsible": N_("the responsible department"),
        "site/functional": N_("the functional department"),
        "role/shift_leader": N_("the shift leader"),
        "role/centre_director": N_("the centre director"),
        "role/reviewer": N_("the reviewers"),
        "role/security_officer": N_("the security officers"),
    }
)
_FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {"rota": N_("rota {name}"), "group": N_("group {name}"), "receiver": N_("receiver {name}")}
)

_HAPPENS: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.RESPOND: N_("its response time is over; the shift leader is told"),
        Purpose.RESUME: N_("the pause is over and the escalation goes on"),
        Purpose.STALL: N_("nothing was done for long: whoever holds it is reminded"),
        Purpose.PARK: N_("it comes back into the queue"),
        Purpose.REVIEW: N_("the reviewers are reminded"),
        Purpose.FOLLOW: N_("whoever follows up is reminded"),
        Purpose.SURFACE: N_("it comes into the queue"),
    }
)


def next_of(
    connection: Transaction, alarm_id: str, name: Callable[[str], str] = lambda person: person
) -> tuple[int, Said] | None:
    """When something happens by itself, and what; None for an alarm that is over. `name` gives a person's name."""
    there = timers.timers_of(connection, [alarm_id]).get(alarm_id, [])
    alarm = timers.watched(connection, [alarm_id]).get(alarm_id)
    if not there or alarm is None:
        return None
    return there[0].due_ms, _said(rules_now(connection), alarm, there[0], name)


def who_is(target: str, name: Callable[[str], str] = lambda person: person) -> Said | str:
    """A target in words."""
    if target in _WHO:
        return said(_WHO[target])
    kind, _, rest = target.partition("/")
    if kind in _FAMILIES:
        return said(_FAMILIES[kind], name=rest)
    return name(rest) if kind == "person" else rest


def _said(held: Held, alarm: Watched, timer: Timer, name: Callable[[str], str]) -> Said:
    if timer.purpose is not Purpose.ESCALATE:
        return said(_HAPPENS.get(timer.purpose, _HAPPENS[Purpose.STALL]))
    chain = chain_of(timer.facts)
    policy = policy_of(held, alarm, chain, timer.due_ms)
    steps = steps_of(policy, alarm) if policy is not None else ()
    if not steps:
        return said(_HAPPENS[Purpose.RESPOND])
    step = steps[min(chain.step if chain is not None else 0, len(steps) - 1)]
    first, *more = step.tell
    if more:
        return said("{who} and {count} more are told", who=who_is(first, name), count=len(more))
    return said("{who} is told", who=who_is(first, name))
