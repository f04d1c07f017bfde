"""Two collectors on one database, in virtual time: what either heard, told or found holds for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from collector.storage.records import Flag
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre


class Pair:
    """Two collectors whose clocks go together."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.one = PaperCentre(folder=folder, authority=authority)
        self.two = PaperCentre(
            folder=folder, authority=authority, id="centre-2", url=self.one.url, _random=count(1_000_000)
        )

    def pass_time(self, seconds: int) -> None:
        """Both look at the clock each second."""
        for _ in range(seconds):
            self.one.pass_time(1)
            self.two.pass_time(1)

    def close(self) -> None:
        """End both."""
        self.one.close()
        self.two.close()


@pytest.fixture
def pair(tmp_path: Path, paper_authority: Authority) -> Iterator[Pair]:
    """Two collectors, nothing heard yet."""
    made = Pair(tmp_path, paper_authority)
    yield made
    made.close()


@pytest.fixture
def box(pair: Pair) -> Box:
    """A box that the first collector met."""
    made = pair.one.box()
    pair.one.take(made.birth(), made.events(made.opened(Lane.URGENT)), made.events(made.opened(Lane.ROUTINE)))
    return made


def test_lines_that_come_in_turns_are_one_lane(pair: Pair, box: Box) -> None:
    """WIRE 2.7: each commits what it gets; the receipts of both state the same contiguous head."""
    lines = [box.events(box.line("door.dual_open")) for _ in range(6)]
    heads = [
        (pair.one if index % 2 else pair.two).take(lines[at]).heads[box.id]["urgent"].seq
        for index, at in enumerate((0, 2, 1, 3, 5, 4))
    ]
    assert heads == [2, 2, 4, 5, 5, 7]
    assert len(pair.one.events("door.dual_open")) == 6
    assert not pair.one.events("ledger.fork")


def test_what_comes_twice_is_kept_once(pair: Pair, box: Box) -> None:
    """A box that sent again because one collector died is receipted by the other, and stored once."""
    line = box.events(box.line("door.forced"))
    pair.one.take(line)
    assert pair.two.take(line).heads[box.id]["urgent"].seq == 2
    assert len(pair.two.events("door.forced")) == 1
    assert len(pair.two.alarms()) == 1


def test_what_waits_for_a_birth_that_the_other_took_goes_on(pair: Pair) -> None:
    """The birth may go to either: what the other was given meanwhile is stored with its next look, and nothing told."""
    box = pair.one.box()
    birth, opened, line = box.birth(), box.events(box.opened(Lane.URGENT)), box.events(box.line("door.forced"))
    assert pair.two.take(opened, line).asks
    pair.one.take(birth)
    pair.two.tick()
    assert len(pair.one.events("door.forced")) == 1
    pair.pass_time(65)
    assert not pair.two.rejected("unknown_key")


def test_a_box_that_one_of_them_hears_is_not_silent(pair: Pair, box: Box) -> None:
    """The other, which has heard nothing of it for a minute, says nothing."""
    for _ in range(12):
        pair.pass_time(5)
        pair.two.take(box.beat())
    assert not pair.one.events("box.silent")
    pair.pass_time(30)
    assert len(pair.one.events("box.silent")) == 1


def test_what_one_told_the_other_ends(pair: Pair, box: Box) -> None:
    """One `box.silent`, whoever looked first, and one end, told by whoever heard the box again; its alarm knows."""
    pair.pass_time(30)
    (silent,) = pair.one.events("box.silent")
    other = pair.two if silent.box == "centre-1" else pair.one
    other.take(box.beat())
    (restored,) = pair.one.events("box.silent.restored")
    assert (restored.box, restored.restores) == (other.id, silent.id)
    (alarm,) = (each for each in pair.one.alarms() if each.kind == "box.silent")
    assert alarm.restored_ms is not None


def test_a_rejection_is_counted_by_both_and_told_once(pair: Pair, box: Box) -> None:
    """One incident of ten minutes with everybody's count; its end stands at the site where it was told."""
    pair.one.take(box.message("event", b"nonsense"))
    pair.two.take(box.message("event", b"nonsense"), box.message("event", b"nonsense"))
    (told,) = pair.two.events("envelope.rejected")
    for _ in range(130):
        pair.one.now += timedelta(seconds=5)
        pair.two.now += timedelta(seconds=5)
        pair.two.tick()
    (over,) = pair.two.events("envelope.rejected.restored")
    assert (over.box, over.site, over.facts["count"]) == ("centre-2", told.site, 3)
    assert told.site == "centre-1"


def test_a_clock_that_one_found_wrong_is_known_to_both(pair: Pair) -> None:
    """FIELD-FAULTS row 13: an event is flagged by whoever takes it, heard or not."""
    box = pair.one.box()
    box.now -= timedelta(hours=1)
    pair.one.take(box.birth(), box.events(box.opened(Lane.URGENT)))
    pair.two.take(box.events(box.line("door.forced")))
    (event,) = pair.two.events("door.forced")
    assert Flag.CLOCK_OFF in event.flags


def test_each_chains_its_own_ledger(pair: Pair, box: Box) -> None:
    """What the centre tells stands in the lane of the collector that told it: no fork, no gap, however often."""
    for _ in range(3):
        pair.pass_time(30)
        pair.one.take(box.beat())
        pair.pass_time(30)
        pair.two.take(box.beat())
    told = [event for event in pair.one.events() if event.box.startswith("centre-")]
    assert {event.box for event in told if event.kind == "box.silent.restored"} == {"centre-1", "centre-2"}
    for collector in ("centre-1", "centre-2"):
        numbers = [event.seq for event in told if event.box == collector and event.lane == "urgent"]
        assert numbers == list(range(1, len(numbers) + 1))
    assert not pair.one.events("ledger.fork")
