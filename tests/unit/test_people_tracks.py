"""Boxes become tracks: who is who from look to look."""

from __future__ import annotations

from agent.people.tracks import KEPT_MS, Track, Tracks, follow, guess, nearness, share
from agent.video.words import CERTAIN, Box, Thing

HALF_S = 500


def person(left: float, score: float = 0.9, thing: Thing = Thing.PERSON, top: float = 0.2) -> Box:
    """A box as wide as a person far off."""
    return Box(thing, score, left, top, left + 0.1, top + 0.4)


def walked(looks: list[list[Box]], every_ms: int = HALF_S) -> list[Tracks]:
    """The state after each look."""
    states = [Tracks()]
    for number, boxes in enumerate(looks):
        states.append(follow(states[-1], boxes, number * every_ms))
    return states[1:]


def ids(state: Tracks) -> list[int]:
    """Who is there."""
    return [track.id for track in state.tracks]


def test_who_stands_still_stays_the_same() -> None:
    """One box at one place is one track, as old as its first look."""
    last = walked([[person(0.3)]] * 20)[-1]
    assert ids(last) == [1]
    assert (last.tracks[0].since_ms, last.tracks[0].seen_ms, last.tracks[0].looks) == (0, 9500, 20)


def test_who_stands_still_stays_the_same_where_looks_are_seldom() -> None:
    """A quiet eye looks every four seconds: who sits there is the same for minutes, who is elsewhere another."""
    last = walked([[person(0.3 + 0.01 * (number % 2))] for number in range(20)], every_ms=4_000)[-1]
    assert ids(last) == [1]
    assert last.tracks[0].since_ms == 0
    assert ids(walked([[person(0.3)], [person(0.45)]], every_ms=4_000)[-1]) != [1]
    assert 1 not in ids(walked([[person(0.3)], [person(0.3)]], every_ms=8_000)[-1])


def test_who_was_looked_for_and_not_there_is_forgotten_as_ever() -> None:
    """Seldom looks keep nobody alive who was not in the last one."""
    states = walked([[person(0.3)], [], [person(0.3)]], every_ms=3_000)
    assert ids(states[-1]) == [2]


def test_who_walks_is_followed_even_where_boxes_do_not_overlap() -> None:
    """A whole box further at each look, as people walk through a hall at two looks a second: still one track."""
    states = walked([[person(0.02 + 0.12 * step)] for step in range(8)])
    assert [ids(state) for state in states] == [[1]] * 8


def test_two_who_pass_each_other_keep_their_identities() -> None:
    """By their speed: the one who walks right is found on the right."""
    looks = [[person(0.1 + 0.08 * step, 0.8), person(0.8 - 0.08 * step, 0.9, top=0.25)] for step in range(10)]
    states = walked(looks)
    first = {track.id: track.speed[0] > 0 for track in states[2].tracks}
    last = {track.id: track.speed[0] > 0 for track in states[-1].tracks}
    assert first == last
    assert len(last) == 2


def test_certain_boxes_choose_before_uncertain_ones() -> None:
    """An uncertain box that fits better takes nobody's track from a certain one."""
    before = follow(Tracks(), [person(0.30)], 0)
    after = follow(before, [person(0.30, CERTAIN - 0.05), person(0.33, 0.8)], HALF_S)
    assert [track.box.left for track in after.tracks] == [0.33]


def test_an_uncertain_box_holds_a_track_and_begins_none_that_counts() -> None:
    """Scores sink while somebody stands still; nobody comes about by an uncertain box alone."""
    low = CERTAIN - 0.05
    states = walked([[person(0.3)], *[[person(0.3, low)]] * 9])
    assert [ids(state) for state in states] == [[1]] * 10
    assert walked([[person(0.3, low)]] * 10)[-1].tracks == ()


def test_a_track_dates_back_to_the_uncertain_boxes_that_led_to_it() -> None:
    """Who comes in through a door half hidden was there before the model was certain."""
    low = CERTAIN - 0.05
    last = walked([[person(0.3, low)], [person(0.3, low)], [person(0.3, 0.8)]])[-1]
    assert [track.since_ms for track in last.tracks] == [0]
    assert last.maybe == ()


def test_somebody_hidden_for_less_than_two_seconds_is_the_same() -> None:
    """Behind a pillar and back."""
    states = walked([[person(0.3)], [person(0.34)], [], [], [], [person(0.5)]])
    assert ids(states[-1]) == [1]


def test_after_two_seconds_it_is_somebody_else() -> None:
    """And an identity is not used again."""
    gone = follow(follow(Tracks(), [person(0.3)], 0), [], KEPT_MS + 1)
    assert gone.tracks == ()
    assert ids(follow(gone, [person(0.3)], KEPT_MS + HALF_S)) == [2]


def test_a_person_is_no_vehicle() -> None:
    """Things keep their kind, wherever they are."""
    state = walked([[person(0.3)], [person(0.3, thing=Thing.VEHICLE)]])[-1]
    assert [(track.id, track.thing) for track in state.tracks] == [(1, Thing.PERSON), (2, Thing.VEHICLE)]


def test_what_moves_becomes_a_person_when_the_model_comes_and_stays_one_when_it_goes() -> None:
    """The people server may come and go: the dwell of who stands there goes on."""
    moving = person(0.3, 1.0, Thing.MOVING)
    state = walked([[moving], [moving], [person(0.3)], [moving]])[-1]
    assert [(track.id, track.thing, track.since_ms) for track in state.tracks] == [(1, Thing.PERSON, 0)]


def test_somebody_far_away_is_somebody_else() -> None:
    """Across the hall in half a second nobody gets."""
    assert ids(walked([[person(0.05)], [person(0.85)]])[-1]) == [1, 2]


def test_a_guess_moves_on_at_its_speed() -> None:
    """A second later it is a second further."""
    track = Track(id=1, thing=Thing.PERSON, box=person(0.3), since_ms=0, seen_ms=0, speed=(0.1, -0.05))
    there = guess(track, 1000)
    assert (round(there.left, 3), round(there.top, 3)) == (0.4, 0.15)


def test_boxes_without_area_are_near_nothing() -> None:
    """What has no size divides nothing by zero."""
    dot = Box(Thing.PERSON, 0.9, 0.3, 0.3, 0.3, 0.3)
    assert share(dot, dot) == 0.0
    assert nearness(dot, person(0.3), 500) == 0.0
    assert nearness(person(0.3), dot, 500) == 0.0


def test_the_same_look_twice_changes_no_identity() -> None:
    """A clock that does not move on divides nothing by zero."""
    once = follow(Tracks(), [person(0.3)], 1000)
    assert ids(follow(once, [person(0.3)], 1000)) == [1]
