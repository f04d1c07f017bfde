"""How a walk test gets on: what the box sees counts by itself, and only what it saw from rest to rest."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.acceptance import progress
from agent.acceptance.plan import Step, Task, plan_of
from agent.acceptance.progress import DONE, TABLE, Happening, Move, Progress, Stage
from agent.signals import State
from protocol.acceptance import Noticed, PointRecord, Result
from tests.branch import site_of

PLAN = plan_of(site_of())
STEPS = {step.point: step for step in PLAN}
STATES = [State.OPEN, State.CLOSED, State.UNKNOWN]


def _sees(begun: Progress, point: str, *states: str) -> Move:
    move = Move(progress=begun)
    told: tuple[progress.Told, ...] = ()
    for state in states:
        move = progress.seen(STEPS, move.progress, point, State(state))
        told += move.told
    return Move(progress=move.progress, told=told, switch=move.switch)


@pytest.mark.parametrize(
    ("states", "stage"),
    [
        (["closed", "open", "closed"], Stage.PASSED),
        (["closed", "open"], Stage.MOVED),
        (["closed"], Stage.RESTING),
        (["open"], Stage.UNSEEN),
        (["open", "closed"], Stage.RESTING),
        (["closed", "open", "unknown", "closed"], Stage.RESTING),
        (["closed", "unknown", "open", "closed"], Stage.RESTING),
        (["unknown"], Stage.UNSEEN),
    ],
)
def test_a_contact_counts_from_rest_to_rest(states: list[str], stage: Stage) -> None:
    """One that is upside down, cut off meanwhile, or moved while nobody looked has not passed."""
    move = _sees(progress.begun(PLAN), "door/outer", *states)
    assert move.progress.stages["door/outer"] is stage
    told = [(each.point, each.result, each.noticed) for each in move.told]
    assert told == ([("door/outer", Result.PASSED, Noticed.BOX)] if stage is Stage.PASSED else [])


def test_a_module_passes_by_answering() -> None:
    """Nobody has to do anything for it."""
    move = _sees(progress.begun(PLAN), "device/io1", "offline", "online")
    assert [(each.point, each.result) for each in move.told] == [("device/io1", Result.PASSED)]


@pytest.mark.parametrize(
    ("task", "sees", "stage"),
    [
        (Task.COVER, ["online", "online covered", "online"], Stage.PASSED),
        (Task.COVER, ["online", "online black", "online quiet"], Stage.PASSED),
        (Task.COVER, ["online", "online quiet", "online"], Stage.RESTING),
        (Task.COVER, ["online", "online covered", "offline", "online"], Stage.RESTING),
        (Task.COVER, ["offline", "offline covered"], Stage.UNSEEN),
        (Task.WALK_IN, ["normal", "normal occupied", "normal"], Stage.PASSED),
        (Task.WALK_IN, ["normal", "active occupied", "normal"], Stage.PASSED),
        (Task.WALK_IN, ["active occupied", "normal"], Stage.RESTING),
        (Task.WALK_IN, ["normal", "unknown occupied", "normal"], Stage.RESTING),
        (Task.STICK, ["normal", "active", "normal"], Stage.PASSED),
    ],
)
def test_what_a_camera_sees_counts_from_rest_to_rest(task: Task, sees: list[str], stage: Stage) -> None:
    """A lens covered and uncovered, somebody walking in and out: by what the camera itself tells, nobody's word."""
    step = Step(point="camera/03", task=task)
    state = progress.begun((step,))
    for each in sees:
        reads, *marks = each.split()
        state = progress.seen({step.point: step}, state, step.point, State(reads), tuple(marks)).progress
    assert state.stages[step.point] is stage


def test_marks_that_did_not_change_go_on() -> None:
    """A move that says nothing of marks leaves them; a step that is tested again knows where it stands."""
    step = Step(point="area/hall", task=Task.WALK_IN)
    state = progress.begun((step,))
    moves: list[tuple[State, tuple[str, ...] | None]] = [(State.NORMAL, ()), (State.NORMAL, ("occupied",))]
    for reads, marks in [*moves, (State.ACTIVE, None)]:
        state = progress.seen({step.point: step}, state, step.point, reads, marks).progress
    assert state.stages[step.point] is Stage.MOVED
    failed = progress.answered(step, state, yes=False).progress
    again = progress.again(step, failed).progress
    assert again.stages[step.point] is Stage.UNSEEN  # somebody stands there still


def test_whatever_moves_counts() -> None:
    """The installer need not follow the order; a point that is not of the walk changes nothing."""
    begun = progress.begun(PLAN)
    assert progress.current(PLAN, begun) == STEPS["device/io1"]
    move = _sees(begun, "zone/cash-motion", "normal", "active", "normal")
    assert move.progress.stages["zone/cash-motion"] is Stage.PASSED
    assert progress.seen(STEPS, begun, "interlock/vestibule", State.ACTIVE).progress.stages == begun.stages


def test_a_siren_passes_when_the_box_saw_it_switch_and_somebody_heard_it() -> None:
    """Hearing alone is not enough, and neither is the coil."""
    step = STEPS["output/hall"]
    first = progress.answered(step, progress.begun(PLAN), yes=True)
    assert first.told == ()
    going = progress.asked(step, first.progress)
    assert going.switch == "output/hall"
    assert progress.answered(step, going.progress, yes=True).told == ()
    on = _sees(going.progress, "output/hall", "on", "off")
    assert on.told == ()
    heard = progress.answered(step, on.progress, yes=True)
    assert [(each.result, each.noticed) for each in heard.told] == [(Result.PASSED, Noticed.INSTALLER)]
    unheard = progress.answered(step, on.progress, yes=False)
    assert [each.result for each in unheard.told] == [Result.FAILED]


def test_the_number_must_come_back_within_three_tries() -> None:
    """The right one passes, the third wrong one fails, and a new number begins anew."""
    step = STEPS["desk/operator"]
    sent = progress.asked(step, progress.begun(PLAN), "0417")
    assert [(each.number, each.result) for each in sent.told] == [("0417", None)]
    assert progress.answered(step, sent.progress, yes=True).told == ()
    once = progress.typed(step, sent.progress, "4170")
    right = progress.typed(step, once.progress, "0417")
    assert [(each.result, each.noticed) for each in right.told] == [(Result.PASSED, Noticed.OPERATOR)]
    wrong = once
    for slip in ("417", "", "x417", "04170", "０４1"):
        assert progress.typed(step, wrong.progress, slip).progress == wrong.progress
    for number in ("4177", "7777"):
        assert wrong.told == ()
        wrong = progress.typed(step, wrong.progress, number)
    assert [each.result for each in wrong.told] == [Result.FAILED]
    assert progress.typed(step, wrong.progress, "0417").told == ()
    anew = progress.asked(step, progress.again(step, wrong.progress).progress, "9000")
    assert [each.result for each in progress.typed(step, anew.progress, "9000").told] == [Result.PASSED]


def test_a_number_typed_with_a_chinese_keyboard_is_that_number() -> None:
    """Full-width digits are digits."""
    step = STEPS["desk/operator"]
    sent = progress.asked(step, progress.begun(PLAN), "0417")
    right = progress.typed(step, sent.progress, " ０４１７")
    assert [each.result for each in right.told] == [Result.PASSED]


def test_the_point_that_the_installer_stands_before_comes_first() -> None:
    """Asked for, it is the current one until it is done or put off; then the walk goes on in its order."""
    begun = progress.begun(PLAN)
    first = progress.current(PLAN, begun)
    siren = STEPS["output/hall"]
    chosen = progress.again(siren, begun).progress
    assert progress.current(PLAN, chosen) == siren
    assert chosen.stages == begun.stages, "nothing is done by asking for it"
    assert progress.current(PLAN, progress.put_off(siren, chosen)) == first
    done = progress.answered(siren, chosen, yes=False).progress
    assert progress.current(PLAN, done) == first
    assert progress.current(PLAN, progress.again(siren, done).progress) == siren
    nothing = Step(point="area/hall", task=Task.NONE)
    cannot = progress.begun((*PLAN, nothing))
    assert progress.again(nothing, cannot).progress == cannot, "what cannot be tested cannot be asked for"


def test_what_is_red_in_the_record_is_counted() -> None:
    """Failed and untested; what this version cannot test is untested too."""
    begun = progress.begun(PLAN)
    assert progress.red(begun) == (0, len(PLAN))
    failed = progress.answered(STEPS["door/outer"], begun, yes=False).progress
    passed = _sees(failed, "device/io1", "online").progress
    assert progress.red(passed) == (1, len(PLAN) - 2)


def test_a_failed_point_is_tested_again_from_how_it_stands() -> None:
    """`again` on a closed door waits for its opening, and the later result replaces the first."""
    step = STEPS["door/outer"]
    failed = progress.answered(step, _sees(progress.begun(PLAN), "door/outer", "closed").progress, yes=False)
    assert [(each.result, each.noticed) for each in failed.told] == [(Result.FAILED, Noticed.INSTALLER)]
    again = progress.again(step, failed.progress)
    assert again.progress.stages["door/outer"] is Stage.RESTING
    assert [each.result for each in _sees(again.progress, "door/outer", "open", "closed").told] == [Result.PASSED]


def test_what_is_put_off_comes_last_and_what_is_not_watched_never() -> None:
    """Every step comes up once; put off twice it comes after the others put off."""
    state = progress.begun(PLAN)
    first, second = PLAN[0], PLAN[1]
    state = progress.put_off(first, state)
    assert progress.current(PLAN, state) == second
    for step in PLAN[1:]:
        state = progress.put_off(step, state)
    assert progress.current(PLAN, state) == first
    assert progress.current(PLAN, progress.put_off(first, state)) == second
    camera = Step(point="camera/03", task=Task.NONE)
    assert progress.current((camera,), progress.begun((camera,))) is None
    assert progress.answered(camera, progress.begun((camera,)), yes=False).told == ()


def test_a_resumed_walk_knows_its_results() -> None:
    """What the ledger says stands; the rest is still to be done."""
    results = [
        PointRecord(id="door/outer", name="", result=Result.PASSED),
        PointRecord(id="door/inner", name="", result=Result.FAILED),
        PointRecord(id="door/vault", name="", result=Result.UNTESTED),
    ]
    state = progress.begun(PLAN, results)
    assert [state.stages[f"door/{each}"] for each in ("outer", "inner", "vault")] == [
        Stage.PASSED,
        Stage.FAILED,
        Stage.UNSEEN,
    ]


def test_nothing_leaves_a_result_but_again() -> None:
    """In every table, a result stands against whatever is seen or said, and nothing moves what is not watched."""
    for task, stage, happening in product(Task, DONE, Happening):
        if happening is not Happening.AGAIN:
            assert (stage, happening) not in TABLE[task]
    assert TABLE[Task.NONE] == {}


@given(st.lists(st.sampled_from([*STATES, "no", "again", "yes", "ask"]), max_size=25))
def test_only_a_whole_swing_passes_a_door(happens: list[State | str]) -> None:
    """Whatever happens in whatever order: passed is told only right after closed, open, closed without a gap."""
    step, state = STEPS["door/outer"], progress.begun(PLAN)
    seen: list[State] = []
    for each in happens:
        if isinstance(each, State):
            move = progress.seen(STEPS, state, "door/outer", each)
            seen = [*seen, each] if seen[-1:] != [each] else seen
        elif each == "again":
            move = progress.again(step, state)
        elif each == "ask":
            move = progress.asked(step, state)
        else:
            move = progress.answered(step, state, yes=each == "yes")
        if any(told.result is Result.PASSED for told in move.told):
            assert seen[-3:] == [State.CLOSED, State.OPEN, State.CLOSED]
        assert move.switch == ""
        state = move.progress
