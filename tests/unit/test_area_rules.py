"""The rules of areas: presence, custody, tailgating, fascia, vehicles; what is told, when, why, and when nothing is."""

from __future__ import annotations

from itertools import product

import pytest

from agent.detectors import custody, fascia
from agent.detectors.places import inside, share
from agent.eyes.told import Told
from agent.findings import Phase
from agent.video.words import Box, Loss, Thing
from tests.scenes import HEAD, SOUND, Scene, person, site_of

CUSTODY = 'two_people_while = "vault"\ngrace = "10s"'
TAILGATING = 'tailgating_at = "vault"'
TRUCK = 'bay = true\ntruck_while = "vault"\ngrace = "10s"'


def truck(x: float = 0.25) -> Box:
    """A vehicle in the bay."""
    return Box(thing=Thing.VEHICLE, score=0.8, left=x - 0.2, top=0.3, right=x + 0.2, bottom=0.8)


# Presence.


def test_somebody_while_armed_is_told_and_ends_when_they_are_gone() -> None:
    """`presence.after_hours`: nobody may be there while the partition is armed; who was there before it, too."""
    scene = Scene(site_of('after_hours = true\npartition = "cash"'))
    scene.partition("disarmed")
    scene.after(30, person())
    assert scene.told() == []
    scene.partition("armed_away")
    assert scene.told() == ["presence.after_hours"]
    (finding,) = scene.findings
    assert finding.facts == {"model": "2004-int8", "closed": "armed"}
    assert [(row[1], row[2]) for row in finding.because] == [
        ("partition/cash", "armed_away"),
        ("area/hall", "occupied"),
    ]
    scene.after(5)
    assert scene.told() == ["presence.after_hours", "presence.after_hours.restored"]


@pytest.mark.parametrize(("state", "told"), [("armed_away", 1), ("alarm", 1), ("armed_stay", 0), ("entry_delay", 0)])
def test_who_comes_to_disarm_is_none(state: str, told: int) -> None:
    """In the entry delay somebody comes in, and armed stay has people inside."""
    scene = Scene(site_of('after_hours = true\npartition = "cash"'))
    scene.partition(state)
    scene.after(5, person())
    assert len(scene.findings) == told


def test_somebody_while_the_site_is_closed_is_told() -> None:
    """Without a partition the opening hours say when."""
    scene = Scene(site_of("after_hours = true"))
    scene.after(5, person())
    scene.hours(is_open=False)
    assert scene.told() == ["presence.after_hours"]
    assert scene.findings[0].facts["closed"] == "hours"
    scene.hours(is_open=True)
    assert scene.told()[-1] == "presence.after_hours.restored"


def test_a_shadow_for_a_second_is_nobody() -> None:
    """A person counts after two seconds; a look that misses somebody does not make the counting begin anew."""
    scene = Scene(site_of("restricted = true"))
    scene.after(1.5, person())
    scene.after(5)
    assert scene.told() == []
    for _ in range(3):
        scene.after(1, person())
        scene.after(0.5)
    assert scene.told() == ["presence.restricted_area"]
    assert scene.findings[0].facts == {"model": "2004-int8", "people": 1}


def test_an_uncertain_box_holds_a_count_and_begins_none() -> None:
    """Scores fall while somebody stands still: a faint box is no new person, and the old one is not gone."""
    scene = Scene(site_of("restricted = true"))
    scene.after(10, person(score=0.28))
    assert scene.told() == []
    scene.after(3, person())
    scene.after(30, person(score=0.28))
    assert scene.told() == ["presence.restricted_area"]
    scene.after(3)
    assert scene.told() == ["presence.restricted_area", "presence.restricted_area.restored"]


def test_an_empty_post_is_told_in_opening_hours_only() -> None:
    """`presence.post_unattended` after its time; the time before the site opened does not count."""
    scene = Scene(site_of('post_empty_after = "60s"'))
    scene.hours(is_open=False)
    scene.after(300)
    assert scene.told() == []
    scene.hours(is_open=True)
    scene.after(59)
    assert scene.told() == []
    scene.after(2)
    assert scene.told() == ["presence.post_unattended"]
    assert scene.findings[0].facts["empty_s"] == 60.0
    scene.after(3, person())
    assert scene.told()[-1] == "presence.post_unattended.restored"
    scene.after(65)
    scene.hours(is_open=False)
    assert scene.told()[-1] == "presence.post_unattended.restored"


def test_a_crowd_is_more_than_so_many_for_so_long() -> None:
    """Whatever the number above the limit; fewer for a moment begins anew."""
    scene = Scene(site_of('crowd_over = 2\ncrowd_after = "10s"'))
    three = [person(0.1), person(0.25), person(0.4)]
    scene.after(8, *three)
    scene.after(5, *three[:2])
    scene.after(8, *three)
    assert scene.told() == []
    scene.after(4, *three, person(0.45))
    assert scene.told() == ["presence.crowd"]
    assert scene.findings[0].facts["limit"] == 2
    scene.after(3, *three[:2])
    assert scene.told()[-1] == "presence.crowd.restored"


def test_without_a_model_presence_is_judged_and_nothing_else() -> None:
    """What moves is somebody, and every finding says that no model did. Custody and vehicles conclude nothing."""
    rules = 'restricted = true\ntwo_people_while = "vault"\ngrace = "3s"\nbay = true'
    scene = Scene(site_of(rules))
    scene.model = "none"
    scene.door("open")
    scene.after(60, person(thing=Thing.MOVING, score=0.1))
    assert scene.told() == ["presence.restricted_area"]
    assert scene.findings[0].facts["model"] == "none"
    assert "no_model" in scene.marks["camera/03"]


# Custody.


def test_one_alone_at_the_open_door_is_told_after_the_grace() -> None:
    """`custody.single_person`, with the door and since when; it ends when the second has been there for two seconds."""
    scene = Scene(site_of(CUSTODY))
    scene.door("closed")
    scene.after(5, person())
    scene.door("open")
    scene.after(10, person())
    assert scene.told() == []
    scene.after(0.5, person())
    assert scene.told() == ["custody.single_person"]
    (finding,) = scene.findings
    assert finding.facts == {"door": "vault", "model": "2004-int8", "alone_s": 10.5, "grace_s": 10.0}
    assert [(row[1], row[2], row[3]) for row in finding.because] == [
        ("door/vault", "open", ""),
        ("area/hall", "occupied", "people 1"),
    ]
    scene.after(2, person(), person(0.4))
    assert len(scene.findings) == 1
    scene.after(0.5, person(), person(0.4))
    assert scene.told() == ["custody.single_person", "custody.single_person.restored"]


def test_a_glimpse_of_a_second_person_excuses_nobody() -> None:
    """Somebody who passes the door for a second is no second person."""
    scene = Scene(site_of(CUSTODY))
    scene.door("open")
    for _ in range(6):
        scene.after(2, person())
        scene.after(1, person(), person(0.4))
    assert scene.told() == ["custody.single_person"]


def test_who_stays_when_the_other_leaves_is_left_alone() -> None:
    """Two went in, one left, the door still open: another finding than one who came alone."""
    scene = Scene(site_of(CUSTODY))
    scene.door("open")
    scene.after(60, person(), person(0.4))
    assert scene.told() == []
    scene.after(9, person())
    assert scene.told() == []
    scene.after(3, person())
    assert scene.told() == ["custody.left_alone"]
    assert [row[3] for row in scene.findings[0].because] == ["", "people 2", "people 1"]
    scene.door("closed")
    assert scene.told() == ["custody.left_alone", "custody.left_alone.restored"]
    scene.door("open")
    scene.after(15, person())
    assert scene.told()[-1] == "custody.single_person"  # another opening


def test_an_open_door_and_nobody_there() -> None:
    """`custody.unattended`; from one who is alone to nobody it goes over without a gap."""
    scene = Scene(site_of(CUSTODY))
    scene.door("open")
    scene.after(12, person())
    scene.after(13)
    assert scene.told() == ["custody.single_person", "custody.single_person.restored", "custody.unattended"]
    assert scene.findings[-1].facts["empty_s"] > 10
    scene.after(3, person(), person(0.4))
    assert scene.told()[-1] == "custody.unattended.restored"


def test_two_together_are_what_should_be() -> None:
    """A whole cash-in with two, one of them behind a shelf with only the head in sight."""
    scene = Scene(site_of(CUSTODY))
    scene.door("open")
    half_hidden = Box(thing=Thing.PERSON, score=0.6, left=0.4, top=0.2, right=0.5, bottom=0.4)
    scene.after(300, person(), half_hidden)
    scene.door("closed")
    scene.after(60, person())
    assert scene.told() == []


def test_half_of_a_person_inside_counts_in_a_custody_area() -> None:
    """Feet outside the polygon, most of the box inside: behind a counter nobody sees feet."""
    site = site_of(CUSTODY, area=[[0.0, 0.0], [0.5, 0.0], [0.5, 0.7], [0.0, 0.7]])
    scene = Scene(site)
    scene.door("open")
    scene.after(30, person(0.1, bottom=0.65), person(0.3, bottom=0.88))  # more than half inside
    assert scene.told() == []
    scene.after(30, person(0.1, bottom=0.65), person(0.3, bottom=0.99))  # most of it outside
    assert scene.told() == ["custody.left_alone"]


@pytest.mark.parametrize("blind", ["door", "picture", "stale"])
def test_what_cannot_be_seen_concludes_nothing(blind: str) -> None:
    """The door unknown, the picture gone, nobody looking: no alarm, no restore, and the area is unknown."""
    scene = Scene(site_of(CUSTODY))
    scene.door("open")
    scene.after(5, person())
    if blind == "door":
        scene.door("unknown")
        scene.after(60, person())
        assert scene.points["area/hall"] == "normal"
    elif blind == "picture":
        scene.lose(Loss.STALLED)
        scene.after(60)
    else:
        scene.sees = False
        scene.after(60)
    assert [kind for kind in scene.told() if kind.startswith("custody.")] == []
    if blind != "door":
        assert scene.points["area/hall"] == "unknown"


def test_what_stood_stands_while_nobody_can_see() -> None:
    """Covering the camera ends no alarm; the grace begins anew when it sees again."""
    scene = Scene(site_of(CUSTODY))
    scene.door("open")
    scene.after(12, person())
    scene.lose(Loss.STALLED)
    scene.after(60)
    scene.sees = True
    scene.after(5, person())
    assert [kind for kind in scene.told() if kind.startswith("custody.")] == ["custody.single_person"]
    assert scene.points["area/hall"] == "active"
    scene.after(3, person(), person(0.4))
    assert scene.told()[-1] == "custody.single_person.restored"


def test_custody_that_stood_before_a_restart_ends_once() -> None:
    """What the run before told is ended by this one, and not told again."""
    told = [Told(kind="custody.left_alone", source="area/hall")]
    scene = Scene(site_of(CUSTODY), told)
    scene.door("open")
    scene.after(20, person())
    assert scene.told() == []
    scene.door("closed")
    assert scene.told() == ["custody.left_alone.restored"]


def test_the_table_of_custody_is_whole() -> None:
    """Every stage has an answer to everything that can be seen."""
    assert set(custody.TABLE) == set(product(custody.Stage, custody.Seen))


# Tailgating.


def test_two_through_a_door_that_let_in_one() -> None:
    """`door.tailgating` at the door, with how many were released; once an opening, again for a third."""
    scene = Scene(site_of(TAILGATING))
    scene.door("closed")
    scene.after(2)
    scene.released()
    scene.door("open")
    scene.after(1.5, person(0.1))
    scene.after(2, person(0.1), person(0.3))
    assert scene.told() == ["door.tailgating"]
    (finding,) = scene.findings
    assert finding.source == "door/vault"
    assert (finding.facts["people"], finding.facts["released"]) == (2, 1)
    scene.door("closed")
    scene.after(10, person(0.1), person(0.3))
    assert len(scene.findings) == 1


def test_as_many_as_were_released_is_none() -> None:
    """Two releases for two; who was inside already came through no door."""
    scene = Scene(site_of(TAILGATING))
    scene.door("closed")
    scene.after(5, person(0.45))
    scene.released()
    scene.released()
    scene.door("open")
    scene.after(5, person(0.45), person(0.1), person(0.3))
    scene.door("closed")
    scene.after(10, person(0.45), person(0.1), person(0.3))
    assert scene.told() == []


def test_the_next_opening_counts_for_itself() -> None:
    """One and one is not two through one opening."""
    scene = Scene(site_of(TAILGATING))
    scene.door("closed")
    scene.after(2)
    for at in (0.1, 0.3):
        scene.released()
        scene.door("open")
        scene.after(3, person(at))
        scene.door("closed")
        scene.after(10)
    assert scene.told() == []


def test_a_door_that_was_forced_is_told_as_that() -> None:
    """Without any release nobody follows anybody: `door.forced` is the finding."""
    scene = Scene(site_of(TAILGATING))
    scene.door("closed")
    scene.after(2)
    scene.door("open")
    scene.after(5, person(0.1), person(0.3))
    assert scene.told() == []


# Fascia.

CLEAN = (0.02,) * 96
FASCIA_HEAD = HEAD.replace('watch = ["people"]', 'watch = ["picture", "people"]')


def changed(*cells: int, share_: float = 0.6) -> tuple[float, ...]:
    """A fascia on which these cells differ."""
    return tuple(share_ if at in cells else 0.02 for at in range(96))


def test_what_was_stuck_on_is_told_once_it_is_still_and_nobody_is_there() -> None:
    """Not while hands move it, not behind somebody's back; its end when the fascia is as it was learned."""
    scene = Scene(site_of("fascia = true", FASCIA_HEAD))
    scene.measures = SOUND
    scene.cells = {"hall": CLEAN}
    scene.after(5)
    for at in range(6):
        scene.cells = {"hall": changed(at, at + 1)}
        scene.after(0.5)
    scene.cells = {"hall": changed(5, 6)}
    scene.after(10, person())
    assert scene.told() == []
    scene.after(3)
    assert scene.told() == ["atm.fascia_changed"]
    assert scene.findings[0].facts == {"cells": 2, "share": 0.6, "model": "2004-int8"}
    scene.cells = {"hall": changed(5, 6, 40, 41, 42)}
    scene.after(3)
    assert scene.findings[-1].phase is Phase.AGAIN
    scene.cells = {"hall": CLEAN}
    scene.after(3)
    assert scene.told()[-1] == "atm.fascia_changed.restored"


def test_a_fascia_between_the_two_says_nothing() -> None:
    """A little differs: neither told nor ended."""
    scene = Scene(site_of("fascia = true", FASCIA_HEAD), [Told(kind=fascia.FASCIA_CHANGED, source="area/hall")])
    scene.measures = SOUND
    scene.cells = {"hall": changed(1, share_=0.3)}
    scene.after(20)
    assert scene.told() == []
    scene.cells = {"hall": CLEAN}
    scene.after(5)
    assert scene.told() == ["atm.fascia_changed.restored"]


# Vehicles.


def test_a_truck_comes_and_leaves() -> None:
    """`vehicle.bay` twice, the second time with how long it stood."""
    scene = Scene(site_of("bay = true"))
    scene.after(5)
    scene.after(60, truck())
    scene.after(5)
    assert [finding.facts.get("bay") for finding in scene.findings] == ["came", "left"]
    assert scene.findings[1].facts["stood_s"] == 60.0
    assert all(finding.phase is Phase.TOLD for finding in scene.findings)


def test_a_truck_that_passes_is_none() -> None:
    """Half a second in the bay."""
    scene = Scene(site_of("bay = true"))
    scene.after(5)
    scene.after(0.5, truck())
    scene.after(5)
    assert scene.told() == []


def test_cash_without_a_truck_is_told() -> None:
    """`vehicle.absent`: the door open for the grace and nothing in the bay; the truck's coming ends it."""
    scene = Scene(site_of(TRUCK))
    scene.door("closed")
    scene.after(5)
    scene.door("open")
    scene.after(11)
    assert scene.told() == ["vehicle.absent"]
    assert scene.findings[0].facts["door"] == "vault"
    scene.after(3, truck())
    assert scene.told() == ["vehicle.absent", "vehicle.bay", "vehicle.absent.restored"]


# Places.


def test_a_box_is_cut_by_a_polygon() -> None:
    """How much of it lies inside, also of polygons with a notch."""
    box = Box(thing=Thing.PERSON, score=1, left=0.0, top=0.0, right=1.0, bottom=1.0)
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    notched = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0))
    assert share(left, box) == pytest.approx(0.5)
    assert share(notched, box) == pytest.approx(0.75)
    assert not inside(notched, (0.9, 0.5))
    assert inside(notched, (0.4, 0.5))
