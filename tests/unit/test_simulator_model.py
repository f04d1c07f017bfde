"""The simulated branch: people, doors and locks in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.site.reading import read_site
from simulator.actions import ACTIONS, EXIT, Action, ActionRefusedError, script_of
from simulator.model import Branch, BusyError, Door, Outcome, Part, advance, begin
from simulator.site import MAX_SITES, Centre, site_toml, sites
from simulator.wiring import inputs_of, order_words, ordered_script, with_coils

DOORS = frozenset({Door.OUTER, Door.INNER})


def history(branch: Branch, action: Action, door: Door | None = None, *, box: bool = False) -> list[Branch]:
    """The branch every 50 ms for 20 s from the beginning of an action; a `box` releases each lock that is asked for."""
    branch = begin(branch, script_of(action, door), 0.0)
    seen = []
    for tick in range(400):
        branch = advance(branch, tick / 20)
        seen.append(branch)
        if box:
            asked = {each for each, button in EXIT.items() if button in branch.touched}
            branch = replace(branch, unlocked=branch.unlocked | asked)
    return seen


@pytest.mark.parametrize(
    ("action", "door"),
    [(action, door) for action, known in ACTIONS.items() for door in (known.doors or (None,))],
)
def test_every_action_ends_with_all_hands_off(action: Action, door: Door | None) -> None:
    """Whatever people do, they finish, and no button, key or release stays in."""
    *_, last = history(Branch(), action, door, box=True)
    assert last.plan == ()
    assert last.touched == frozenset()
    assert last.outcome is Outcome.DONE


def test_a_customer_never_has_both_doors_open() -> None:
    """Normal life: both doors open once, one after the other, each only after its exit button, and shut again."""
    seen = history(Branch(), Action.CUSTOMER, box=True)
    assert all(len(branch.open) <= 1 for branch in seen)
    assert seen[-1].edges == {Door.OUTER: 2, Door.INNER: 2}
    for door, button in EXIT.items():
        pressed = next(n for n, branch in enumerate(seen) if button in branch.touched)
        opened = next(n for n, branch in enumerate(seen) if door in branch.open)
        assert pressed < opened


def test_dual_open_lasts_five_seconds() -> None:
    """Both doors of the vestibule are open for about five seconds, then shut."""
    seen = history(Branch(), Action.DUAL_OPEN)
    assert sum(branch.open == DOORS for branch in seen) / 20 == pytest.approx(5.0, abs=0.2)
    assert seen[-1].open == frozenset()


def test_dual_open_needs_no_release() -> None:
    """Both doors are opened by key, whatever the box does with its locks, and nobody is in the cash area."""
    seen = history(Branch(), Action.DUAL_OPEN)
    assert any(branch.open == DOORS for branch in seen)
    assert not any(Part.MOTION in branch.touched for branch in seen)


def test_an_emergency_release_needs_no_box() -> None:
    """Pulling the release opens both doors with both locks locked, while the release is seen."""
    seen = history(Branch(), Action.EMERGENCY_RELEASE)
    assert all(Part.RELEASE in branch.touched for branch in seen if branch.open)
    assert any(branch.open == DOORS for branch in seen)


def test_force_touches_nothing() -> None:
    """A forced door opens with no button, key or release, and stays open."""
    seen = history(Branch(), Action.FORCE, Door.INNER)
    assert not any(branch.touched for branch in seen)
    assert seen[-1].open == {Door.INNER}


def test_a_key_opens_while_somebody_is_inside() -> None:
    """Whenever the key's door is open, somebody moves in the cash area."""
    seen = history(Branch(), Action.KEY, Door.INNER)
    assert any(Door.INNER in branch.open for branch in seen)
    assert all(Part.MOTION in branch.touched for branch in seen if branch.open)


def test_a_locked_door_stays_shut() -> None:
    """Without a box that releases the lock, whoever presses the button gives up and lets go, and it is said."""
    *_, last = history(Branch(), Action.OPEN, Door.OUTER)
    assert (last.open, last.touched, last.outcome) == (frozenset(), frozenset(), Outcome.LOCKED)


def test_who_waits_presses_again() -> None:
    """While the lock stays locked the button is pressed every two seconds, each time for a moment."""
    seen = history(Branch(), Action.OPEN, Door.OUTER)
    pressed = [Part.EXIT_OUTER in branch.touched for branch in seen]
    presses = [n / 20 for n, (before, now) in enumerate(zip([False, *pressed], pressed, strict=False)) if now > before]
    assert presses == [0, 2, 4, 6]
    assert sum(pressed) / 20 == pytest.approx(4 * 0.4, abs=0.1)


def test_a_door_opens_when_its_lock_lets_go() -> None:
    """Somebody who waits at a locked door walks through as soon as the box releases it."""
    branch = advance(begin(Branch(), script_of(Action.OPEN, Door.OUTER), 0.0), 1.0)
    assert branch.open == frozenset()
    branch = advance(with_coils(branch, 0, [True]), 1.1)
    assert branch.open == {Door.OUTER}


def test_closing_an_open_door_counts_once() -> None:
    """Each change of a contact counts one edge; closing a shut door counts none."""
    opened = history(Branch(), Action.OPEN, Door.VAULT)[-1]
    closed = history(opened, Action.CLOSE, Door.VAULT)[-1]
    again = history(closed, Action.CLOSE, Door.VAULT)[-1]
    assert (opened.edges, closed.edges, again.edges) == ({Door.VAULT: 1}, {Door.VAULT: 2}, {Door.VAULT: 2})


def test_one_thing_at_a_time() -> None:
    """While people are at one action, another is refused and changes nothing."""
    branch = begin(Branch(), script_of(Action.DUAL_OPEN, None), 0.0)
    with pytest.raises(BusyError):
        begin(branch, script_of(Action.CLOSE, Door.OUTER), 0.1)


@given(looks=st.lists(st.floats(min_value=0, max_value=20), max_size=40))
def test_how_often_one_looks_changes_nothing(looks: list[float]) -> None:
    """A branch polled rarely and one polled often are the same at the same time."""
    start = begin(Branch(), script_of(Action.EMERGENCY_RELEASE, None), 0.0)
    often = start
    for now in sorted(looks):
        often = advance(often, now)
    assert replace(advance(often, 20.0), due_s=0) == replace(advance(start, 20.0), due_s=0)


@pytest.mark.parametrize(
    ("action", "door"),
    [
        (Action.OPEN, None),
        (Action.FORCE, None),
        (Action.KEY, Door.VAULT),
        (Action.KEY, None),
        (Action.DUAL_OPEN, Door.OUTER),
        (Action.CUSTOMER, Door.INNER),
    ],
)
def test_a_wrong_door_is_refused(action: Action, door: Door | None) -> None:
    """An action without its door, with one too many, or at a door that has no such part, is refused in a sentence."""
    with pytest.raises(ActionRefusedError, match="door"):
        script_of(action, door)


@given(words=st.lists(st.integers(0, 0xFFFF), max_size=4))
def test_any_words_in_the_operators_registers_are_judged(words: list[int]) -> None:
    """Whatever is written to the operator's registers is a known action or refused, never an error."""
    try:
        assert ordered_script(words)
    except ActionRefusedError:
        assert words not in [order_words(action, door) for action, known in ACTIONS.items() for door in known.doors]


def test_contacts_are_closed_at_rest() -> None:
    """At rest the three door contacts read 1 and every other input 0."""
    assert [number for number, bit in enumerate(inputs_of(Branch())) if bit] == [0, 1, 2]


def test_site_files_are_what_a_box_reads() -> None:
    """The generated site files are accepted by the box, and each site has its own id and name."""
    centre = Centre(
        brokers=("127.0.0.1:8883",), root=Path("root.pem"), certificate=Path("box.pem"), key=Path("box.key")
    )
    generated = sites(30)
    for site in generated:
        read = read_site(site_toml(site, modbus="127.0.0.1:1502", centre=centre), f"{site.id}.toml")
        assert (read.id, read.name, read.unit) == (site.id, site.name, site.unit)
    assert len({site.id for site in generated}) == len({site.name for site in generated}) == 30


def test_the_largest_demo_has_sound_ids() -> None:
    """As many sites as a demo may have, and their boxes, have ids that the wire takes."""
    ids = [each for site in sites(MAX_SITES) for each in (site.id, site.box)]
    assert len(set(ids)) == 2 * MAX_SITES
    assert all(len(each) <= 32 for each in ids)
