"""Which policy is an alarm's and how its chain goes on: pure, in virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.escalation.chains import Chain, advance, again, choose, goes_on, in_hours, start, steps_of
from collector.escalation.plan import NEEDED, OWN
from collector.escalation.records import Watched
from collector.rules.folder import read_folder
from collector.rules.shapes import Policy, PolicyStep, Rules, Until, When
from collector.storage.records import AlarmState
from collector.times import unix_ms
from tests.rules_folder import EXAMPLE

NIGHT = unix_ms(datetime(2026, 3, 1, 18, 10, tzinfo=UTC))  # 02:10 in Shanghai
NOON = unix_ms(datetime(2026, 3, 1, 4, 0, tzinfo=UTC))


def alarm(**other: object) -> Watched:
    """An intrusion at a branch."""
    fields: dict[str, object] = {
        "id": "a1",
        "number": 1,
        "site": "0755-031",
        "unit": "市分行/西区支行",
        "timezone": "Asia/Shanghai",
        "kind": "zone.intrusion",
        "event_class": "security",
        "level": 2,
        "source": "zone/hall",
        "state": AlarmState.NEW,
        "opened_ms": NIGHT,
    }
    return Watched(**{**fields, **other})  # type: ignore[arg-type]


def named(*whens: When) -> Rules:
    """Policies p0, p1, ... for these."""
    step = (PolicyStep(after=timedelta(0), tell=("desk",)),)
    return Rules(policy=tuple(Policy(name=f"p{number}", when=when, step=step) for number, when in enumerate(whens)))


@pytest.mark.parametrize(
    ("whens", "wanted"),
    [
        ((When(), When()), "p0"),
        ((When(), When(unit="市分行")), "p1"),
        ((When(unit="市分行"), When(unit="市分行/西区支行")), "p1"),
        ((When(unit="市分行/西区"), When()), "p1"),
        ((When(unit="市分行/西区支行"), When(sites=("0755-031",))), "p1"),
        ((When(levels=(1,)), When(levels=(2,))), "p1"),
        ((When(kinds=("zone.fire",)), When()), "p1"),
        ((When(hours="08:00-20:00"), When(hours="20:00-08:00")), "p1"),
    ],
)
def test_the_narrowest_place_wins_then_the_order_of_the_file(whens: tuple[When, ...], wanted: str) -> None:
    """INTERFACES 3: the most specific unit wins, then file order; hours are those of the site."""
    policy = choose(named(*whens), alarm(), NIGHT)
    assert policy is not None
    assert policy.name == wanted


def test_the_interfaces_policy_tells_receiver_and_desk_at_once_then_goes_up() -> None:
    """A hold-up at 02:10:00: receiver and desk in the same second, 30 s the rota, two minutes director and branch."""
    rules = read_folder(EXAMPLE).rules
    hold_up = alarm(kind="zone.hold_up", level=1)
    policy = choose(rules, hold_up, NIGHT)
    assert policy is not None
    assert policy.name == "night, gravest"
    times = [(step.after.total_seconds(), step.tell) for step in steps_of(policy, hold_up)]
    assert times == [
        (0, ("desk",)),
        (0, ("receiver/110",)),
        (30, ("rota/shift-leader",)),
        (120, ("person/centre-director", "site/contact")),
    ]
    assert ("receiver/110",) not in [step.tell for step in steps_of(policy, alarm())]
    robbery = alarm(score=4, score_by="li")
    assert ("receiver/110",) in [step.tell for step in steps_of(policy, robbery)]
    assert ("receiver/110",) not in [step.tell for step in steps_of(policy, alarm(score=4))]
    day = choose(rules, hold_up, NOON)
    assert day is not None
    assert day.name == "day, gravest"


@given(begins=st.integers(0, 1439), ends=st.integers(0, 1439), minute=st.integers(0, 1439))
def test_hours_and_the_hours_beside_them_share_the_day(begins: int, ends: int, minute: int) -> None:
    """Every minute lies in hours or in their complement, never in both."""
    clock = [f"{each // 60:02d}:{each % 60:02d}" for each in (begins, ends)]
    at_ms = unix_ms(datetime(2026, 3, 1, tzinfo=UTC)) + minute * 60_000
    inside = in_hours("-".join(clock), "UTC", at_ms)
    beside = in_hours("-".join(reversed(clock)), "UTC", at_ms)
    assert inside != beside or begins == ends


steps = st.lists(st.integers(0, 600), min_size=1, max_size=6).map(
    lambda after: tuple(
        PolicyStep(after=timedelta(seconds=each), tell=(f"person/p{number}",))
        for number, each in enumerate(sorted(after))
    )
)


@given(steps=steps, looks=st.lists(st.integers(1, 90), min_size=1, max_size=60), rise=st.integers(0, 59))
@example(
    steps=(PolicyStep(after=timedelta(seconds=301), tell=("person/p0",)),), looks=[*[40] * 9, 85, *[90] * 4], rise=9
)
def test_each_step_is_told_once_in_order_and_never_early(
    steps: tuple[PolicyStep, ...], looks: list[int], rise: int
) -> None:
    """However rarely the runner looks, and when the alarm rises in between, no step is skipped or told twice."""
    policy = Policy(name="p", step=steps, repeat=timedelta(minutes=5))
    chain = start(policy, 1, 0)
    told: list[int] = []
    now_ms, due_ms = 0, 0
    for number, wait in enumerate([0, *looks]):
        now_ms += wait * 1000
        if number == rise + 1:
            chain = start(policy, 1, now_ms, chain)
            due_ms = now_ms
        if due_ms > now_ms:
            continue
        if chain.step >= len(steps) and number == rise + 1:
            due_ms = now_ms + 300_000
            continue
        moved = advance(policy, steps, chain, now_ms, lambda _: True)
        for position in set(moved.told) - set(told):  # said again, a step has waited its time already
            assert chain.from_ms + steps[position].after.total_seconds() * 1000 <= now_ms
        told.extend(moved.told)
        chain = moved.chain
        assert moved.due_ms is not None
        assert moved.due_ms > now_ms
        due_ms = moved.due_ms
    first = [position for number, position in enumerate(told) if position not in told[:number]]
    assert first == sorted(first) == list(range(len(first)))
    assert all(position == len(steps) - 1 for position in told[len(first) :])


def test_a_step_that_reaches_nobody_is_followed_at_once_by_the_next() -> None:
    """Until one of them reaches a person; a receiver takes nothing in hand and changes nothing."""
    policy = Policy(
        name="p",
        step=tuple(PolicyStep(after=timedelta(minutes=each), tell=(f"person/p{each}",)) for each in range(4)),
    )
    answers = iter([False, None, True])
    moved = advance(policy, policy.step, Chain(policy="p", rules=1, from_ms=0), 0, lambda _: next(answers))
    assert moved.told == (0, 1, 2)
    assert moved.due_ms == 180_000


def test_other_rules_skip_what_was_told_and_never_what_was_not() -> None:
    """After a load: whom the old rules told is not told the same step again, whoever is new is."""
    policy = Policy(
        name="new",
        step=(
            PolicyStep(after=timedelta(0), tell=("desk",)),
            PolicyStep(after=timedelta(seconds=20), tell=("person/li", "person/wu")),
        ),
    )
    before = Chain(policy="old", rules=1, from_ms=5, step=2, told=("desk", "person/li"))
    assert again(policy, alarm(), 2, before) == msgspec.structs.replace(before, policy="new", rules=2, step=1)


def test_a_chain_ends_where_its_policy_says() -> None:
    """`until`: acknowledged, dispatched, resolved."""
    going = {until: [state.value for state in AlarmState if goes_on(until, state)] for until in Until}
    assert going == {
        Until.ACKNOWLEDGED: ["new", "returned"],
        Until.DISPATCHED: ["new", "acknowledged", "verifying", "returned"],
        Until.RESOLVED: ["new", "acknowledged", "verifying", "dispatched", "returned"],
    }


def test_every_state_has_its_timers() -> None:
    """The table of docs/alarms.md 6: all states stand in it, and only a closed alarm needs nothing."""
    assert set(NEEDED) == set(AlarmState)
    assert [state for state, needed in NEEDED.items() if not needed] == [AlarmState.CLOSED]
    assert {purpose for needed in NEEDED.values() for purpose in needed} <= set(OWN)
