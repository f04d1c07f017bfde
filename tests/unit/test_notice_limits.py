"""Limits and digests of notices: how much one person is told, and that nothing grave waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from collector.notify.limits import MOST, hold_back
from collector.notify.records import NoticeState, Sort, Wanted
from collector.storage.notices import withheld_from
from provisioning.authority import Authority
from tests.escalating import ready
from tests.ledgers import NOW
from tests.notified import NotifiedCentre, telling


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority in memory."""
    return Authority.create(now=NOW)


@pytest.fixture
def centre(tmp_path: Path, authority: Authority) -> Iterator[NotifiedCentre]:
    """One operator is told of everything at once."""
    made = NotifiedCentre(folder=tmp_path, authority=authority)
    made.hold_rules(telling("person/li"))
    yield made
    made.close()


def wish(person: str, level: int = 3, sort: Sort = Sort.ALARM) -> Wanted:
    """Somebody is to be told."""
    return Wanted(alarm="a", sort=sort, target="role/x", person=person, channels=("sms",), level=level)


def test_ten_leave_and_the_eleventh_waits() -> None:
    """Ten in ten minutes; what came before counts."""
    assert hold_back([wish("li")] * 12, {}, frozenset()) == (False,) * MOST + (True, True)
    assert hold_back([wish("li")] * 3, {"li": 9}, frozenset()) == (False, True, True)


def test_the_gravest_never_count_and_never_wait() -> None:
    """Level 1 leaves whatever was told before, and takes nobody's place."""
    wishes = [wish("li", 1)] * 30 + [wish("li")]
    assert hold_back(wishes, {"li": 9}, frozenset({"other"})) == (False,) * 31
    assert hold_back([wish("li", 1)], {"li": 99}, frozenset({"li"})) == (False,)


def test_of_many_at_once_the_graver_leave_first() -> None:
    """Ten places go to the graver ones, wherever they stand."""
    held = hold_back([wish("li", 4)] * 10 + [wish("li", 2)] * 2, {}, frozenset())
    assert held == (False,) * 8 + (True, True, False, False)


def test_nothing_overtakes_a_digest_that_is_being_gathered() -> None:
    """Who waits for a digest gets the rest in it, and everybody else is told as ever."""
    assert hold_back([wish("li"), wish("chen")], {}, frozenset({"li"})) == (True, False)


def test_a_receiver_and_a_desk_have_no_limit() -> None:
    """What is no person is never held back."""
    assert hold_back([wish("")] * 50, {}, frozenset()) == (False,) * 50


def test_fifteen_alarms_are_ten_notices_and_a_digest_of_five(centre: NotifiedCentre) -> None:
    """The person hears of every one of them: ten by themselves, the rest by their count two minutes later."""
    box = ready(centre)
    for zone in range(15):
        centre.alarm(box, source=f"zone/{zone}")
    assert len(centre.notices(person="li", state=NoticeState.QUEUED)) == 10
    assert len(centre.notices(person="li", state=NoticeState.HELD)) == 5
    centre.pass_seconds(115)
    assert not centre.notices(sort=Sort.DIGEST)
    centre.pass_seconds(10)
    (digest,) = centre.notices(sort=Sort.DIGEST)
    assert digest.facts.told == {"count": 5, "gravest": 2}
    assert {row.bundle for row in centre.notices(person="li", state=NoticeState.HELD)} == {digest.id}


def test_a_level_1_alarm_comes_through_the_limit(centre: NotifiedCentre) -> None:
    """Twelve intrusions are held to ten; the hold-up after them leaves at once."""
    box = ready(centre)
    for zone in range(12):
        centre.alarm(box, source=f"zone/{zone}")
    hold_up = centre.alarm(box, "zone.hold_up", source="zone/99")
    assert [row.state for row in centre.notices(alarm=hold_up, person="li")] == [NoticeState.QUEUED]


def test_places_come_back_after_ten_minutes(centre: NotifiedCentre) -> None:
    """The limit is one of ten minutes, not of a day."""
    centre.hold_rules(telling("person/li", after=timedelta(0)), version=2)
    box = ready(centre)
    for zone in range(10):
        centre.alarm(box, source=f"zone/{zone}")
    centre.runs = False
    centre.pass_seconds(601, step=60)
    centre.alarm(box, source="zone/20")
    assert not centre.notices(state=NoticeState.HELD)


def test_nobody_without_a_duress_is_kept_from_anything(centre: NotifiedCentre) -> None:
    """The rule of withheld events costs nothing and hides nothing where there is none."""
    alarm = centre.alarm(ready(centre))
    with centre.store.read() as reading:
        assert withheld_from(reading.connection, [alarm], ["li"]) == set()
