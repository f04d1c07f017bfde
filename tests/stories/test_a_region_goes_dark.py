"""FIELD-FAULTS 20: a region of sites goes dark with three real intrusions inside: one incident, three alarms on top."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.people import Person, PersonRole
from collector.storage import writing
from collector.storage.incidents import list_incidents
from collector.storage.records import OPEN_STATES, AlarmRow, Sight
from collector.storms.surfacing import parent_over
from collector.times import unix_ms
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre
from tests.ledgers import NOW

REGION = "总行/深圳分行"
CHILDREN = ("福田支行", "罗湖支行", "南山支行", "宝安支行")
SITES_EACH = 6
LEADER = Person(id="zhao", name="赵", roles=frozenset({PersonRole.SHIFT_LEADER}), unit="", language="zh")


@pytest.fixture(scope="module")
def region_authority() -> Authority:
    """An authority in memory."""
    return Authority.create(now=NOW)


@pytest.fixture
def centre(tmp_path: Path, region_authority: Authority) -> Iterator[PaperCentre]:
    """A centre in virtual time."""
    made = PaperCentre(folder=tmp_path, authority=region_authority)
    yield made
    made.close()


@pytest.fixture
def boxes(centre: PaperCentre) -> list[Box]:
    """A region of four sub-branches with six sites each, all alive."""
    made = []
    for child in CHILDREN:
        for number in range(SITES_EACH):
            site = f"0755-{CHILDREN.index(child)}{number:02d}"
            made.append(centre.box(f"{site}-a", site, unit=f"{REGION}/{child}"))
    for box in made:
        centre.take(box.birth(), box.events(box.opened(Lane.URGENT)))
    return made


def queue(centre: PaperCentre) -> list[AlarmRow]:
    """What stands at the desk."""
    return centre.alarms(states=OPEN_STATES, sheltered=False)


def silenced(centre: PaperCentre, boxes: list[Box]) -> None:
    """The region's line is cut: nobody is heard any more; three intrusions got out just before."""
    for box in boxes[::9]:
        centre.take(box.events(box.line("zone.intrusion", source="zone/lobby")))
    centre.pass_time(30)


def test_one_incident_and_three_alarms_on_top(centre: PaperCentre, boxes: list[Box]) -> None:
    """FIELD-FAULTS 20: the desk sees one incident for the region and every intrusion, nothing else."""
    silenced(centre, boxes)
    assert len(centre.alarms(kind="box.silent")) == len(boxes)
    assert sorted(alarm.kind for alarm in queue(centre)) == ["incident.link", *["zone.intrusion"] * 3]
    (incident,) = centre.alarms(kind="incident.link")
    assert (incident.unit, incident.facts["unit"], incident.facts["sites"]) == (REGION, REGION, len(boxes))
    with centre.store.read() as reading:
        (shown,) = list_incidents(reading, Sight())
    assert (shown.members, shown.lasting, shown.incident.sites) == (len(boxes), len(boxes), len(boxes))


def test_an_incident_stands_where_it_is_seen(centre: PaperCentre, boxes: list[Box]) -> None:
    """DOMAIN 1: the incident is the region's, not the whole bank's."""
    silenced(centre, boxes)
    assert centre.alarms(kind="incident.link", sight=Sight(unit=REGION))
    assert not centre.alarms(kind="incident.link", sight=Sight(unit="总行/广州分行"))


def test_an_incident_ends_when_every_site_is_back(centre: PaperCentre, boxes: list[Box]) -> None:
    """The end is told as an event of the centre's ledger and noted; nothing is closed by it."""
    silenced(centre, boxes)
    for box in boxes[1:]:
        centre.take(box.birth())
    centre.pass_time(2)
    assert not centre.events("incident.link.restored")
    centre.take(boxes[0].birth())
    centre.pass_time(2)
    (told,) = centre.events("incident.link.restored")
    (incident,) = centre.alarms(kind="incident.link")
    assert incident.restored_ms is not None
    assert incident.state in OPEN_STATES
    assert told.restores == centre.events("incident.link")[0].id


def test_what_is_not_restored_surfaces_with_the_parents_end(centre: PaperCentre, boxes: list[Box]) -> None:
    """A resolved incident takes along what came back; a site that is still dark stands in the queue again."""
    silenced(centre, boxes)
    for box in boxes[1:]:
        centre.take(box.birth())
    (incident,) = centre.alarms(kind="incident.link")
    with centre.store.write() as connection:
        writing.lock_counters(connection)
        parent_over(connection, centre.around, incident.id, "equipment_fault", LEADER, unix_ms(centre.now))
    silent = centre.alarms(kind="box.silent")
    assert [alarm.site for alarm in silent if alarm.state == "new"] == [boxes[0].site]
    assert {alarm.resolution for alarm in silent if alarm.state == "closed"} == {"equipment_fault"}
    assert boxes[0].site in {alarm.site for alarm in queue(centre) if alarm.kind == "box.silent"}


def test_storms_of_two_causes_stand_apart(centre: PaperCentre, boxes: list[Box]) -> None:
    """A unit that loses its mains and then its line has two incidents, one a cause."""
    centre.take(*(box.events(box.opened(Lane.ROUTINE), box.line("box.mains_lost")) for box in boxes[:SITES_EACH]))
    (power,) = centre.alarms(kind="incident.power")
    assert power.unit == f"{REGION}/{CHILDREN[0]}"
    silenced(centre, boxes)
    assert {alarm.kind for alarm in queue(centre)} == {"incident.link", "incident.power", "zone.intrusion"}
