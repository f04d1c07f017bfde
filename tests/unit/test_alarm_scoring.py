"""The verification score of AVS-01: what was told makes it 0 to 4, and the reasons say from what."""

from __future__ import annotations

import msgspec
import pytest

from collector.alarms.scoring import Reason, Why, columns_of, read_reasons, said_by_person, score_of
from protocol.kinds import KINDS, EventClass


class Sign(msgspec.Struct, frozen=True):
    """An event as far as the score looks."""

    kind: str
    source: str = "zone/z1"

    @property
    def event_class(self) -> str:
        """As the catalogue has it."""
        return KINDS[self.kind.removesuffix(".restored")].event_class.value


@pytest.mark.parametrize(
    ("kinds", "value", "why"),
    [
        (["device.offline"], 0, Why.NOT_SECURITY),
        (["box.silent"], 0, Why.NOT_SECURITY),
        (["ledger.fork"], 0, Why.NOT_SECURITY),
        (["zone.intrusion"], 1, Why.ONE_SIGN),
        (["door.forced"], 1, Why.ONE_SIGN),
        (["camera.covered"], 1, Why.ONE_SIGN),
        (["presence.after_hours"], 2, Why.PERSON_SEEN),
        (["custody.single_person"], 2, Why.PERSON_SEEN),
        (["presence.after_hours", "door.forced"], 3, Why.ATTACK_SEEN),
        (["door.forced", "presence.loitering"], 3, Why.ATTACK_SEEN),
        (["vault.out_of_hours"], 3, Why.SAFE_OPENED),
        (["atm.safe_open", "presence.after_hours"], 3, Why.SAFE_OPENED),
        (["zone.hold_up"], 4, Why.LIFE_AT_RISK),
        (["zone.duress", "zone.intrusion"], 4, Why.LIFE_AT_RISK),
        (["zone.fire"], 4, Why.LIFE_AT_RISK),
    ],
)
def test_what_was_told_makes_the_score(kinds: list[str], value: int, why: Why) -> None:
    """Each step of AVS-01 from the kinds that stand for it, in any order."""
    for order in (kinds, kinds[::-1]):
        score = score_of([Sign(kind) for kind in order])
        assert score.value == value
        assert {reason.why for reason in score.reasons} == {why}
        assert {reason.kind for reason in score.reasons} <= set(kinds)


def test_two_sensors_at_different_points_are_somebody() -> None:
    """One zone that speaks twice is one sign; two zones are a presence though no picture shows it."""
    assert score_of([Sign("zone.intrusion"), Sign("zone.intrusion")]).value == 1
    both = score_of([Sign("zone.intrusion"), Sign("door.forced", "door/back")])
    assert both.value == 2
    assert {reason.source for reason in both.reasons} == {"zone/z1", "door/back"}


def test_a_restore_lowers_nothing() -> None:
    """What ended has happened all the same."""
    assert score_of([Sign("zone.hold_up"), Sign("zone.hold_up.restored")]).value == 4


def test_a_point_on_test_calls_nobody() -> None:
    """On test even a panic button is 0, and the reason says so."""
    score = score_of([Sign("zone.hold_up")], on_test=True)
    assert (score.value, score.reasons) == (0, (Reason(why=Why.ON_TEST),))


def test_every_kind_has_a_score_with_a_reason() -> None:
    """No kind of the catalogue is without; only class security is ever more than 0."""
    for name, kind in KINDS.items():
        score = score_of([Sign(name)])
        assert score.reasons
        assert (score.value > 0) == (kind.event_class is EventClass.SECURITY)


def test_more_signs_never_lower_a_score() -> None:
    """Whatever joins, an alarm is at least as urgent as before."""
    names = [name for name, kind in KINDS.items() if kind.event_class is EventClass.SECURITY]
    for first in names:
        alone = score_of([Sign(first)]).value
        assert all(score_of([Sign(first), Sign(second, "door/x")]).value >= alone for second in names)


def test_a_storm_of_reasons_has_a_limit() -> None:
    """A thousand sources are not a thousand lines."""
    assert len(score_of([Sign("door.forced", f"door/d{n}") for n in range(1000)]).reasons) <= 8


def test_reasons_are_kept_as_they_were() -> None:
    """What the column holds is read back, a person's text too."""
    score = said_by_person(4, "seen with a knife")
    assert (
        read_reasons(columns_of(score)["score_why"])
        == score.reasons
        == (Reason(why=Why.PERSON_SAID, text="seen with a knife"),)
    )
