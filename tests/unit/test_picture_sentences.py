"""What a desk reads of a picture fault, in both languages: what happened, since when, and by which figure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.findings import Finding
from agent.video.words import Measures
from collector.console.wording import Wording
from protocol.texts import texts_for
from tests.picture_faults import drawn, faults, live
from tests.picture_trials import judged, measured, moment

ROOM = drawn(7)


def _finding(fault: str) -> Finding:
    from agent.detectors import picture

    change, _ = faults(drawn(19))[fault]
    looks = [(look * 500, change(live(ROOM, look), look - 4) if look >= 4 else live(ROOM, look)) for look in range(26)]
    state = picture.PictureState()
    for at_ms, measures in measured(looks, ROOM):
        state, findings = picture.observe(state, "hall", measures, 3, moment(at_ms))
        if findings:
            return findings[0]
    raise AssertionError(fault)


def _lines(language: str, finding: Finding) -> Iterator[str]:
    said = Wording(texts=texts_for(language), names={"camera/hall": "Hall"})
    at = finding.because[-1][0]
    for step in said.timeline(finding.kind, finding.source, at, finding.facts, finding.because):
        yield step.text


@pytest.mark.parametrize(
    "fault", ["hand", "shifted 10 %", "defocused, 3 px", "snow 40 %", "jumping", "frozen", "black"]
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_step_is_a_sentence_without_a_word_of_the_wire(language: str, fault: str) -> None:
    """No measure is shown by the name that programs give it, and its figure and limit are there."""
    finding = _finding(fault)
    text = " ".join(_lines(language, finding))
    assert f"{finding.facts['value']:g}" in text
    assert f"{finding.facts['limit']:g}" in text
    assert "_" not in text


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_word_that_two_things_share_is_told_of_the_right_one(language: str) -> None:
    """A busy camera has no more sessions; a busy test goes on. So too for what is too large, damaged."""
    say = texts_for(language)
    said = Wording(texts=say, names={"camera/hall": "Hall"})
    assert said.reason("busy", "camera/hall") == say("it has as many sessions as it allows")
    assert said.reason("busy") == say("a test goes on, or an alarm")
    assert say("it has as many sessions as it allows") in said.headline(
        "camera.video_loss", "camera/hall", {"cause": "busy"}
    )
    assert said.reason("too_large", "area/hall") == say("its picture is too large")
    assert said.reason("too_large") == say("too large")
    assert said.reason("damaged", "evidence/") == say("it was damaged at the box")
    assert said.reason("damaged") == say("the stored site bundle is damaged")


def test_shares_are_told_in_per_cent() -> None:
    """A person reads 7 per cent of the edges, not 0.07."""
    finding = _finding("paper")
    assert finding.facts["measure"] == "edges_kept"
    assert finding.facts["limit"] == 50.0
    assert 0 <= finding.facts["value"] < 50
    assert finding.facts["reference"] == 3


def test_a_sound_picture_says_nothing() -> None:
    """The trial itself is sound: without a change there is no finding."""
    assert judged([(look * 500, Measures(luma=100, luma_std=40)) for look in range(20)]) == []
