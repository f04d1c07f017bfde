"""What the desk says about alarm panels, their unnamed zones and their faults, in both languages."""

from __future__ import annotations

import pytest

from collector.console.wording import Wording
from protocol.texts import texts_for

NAMES = {"device/p1": "西区主机"}


def wording(language: str) -> Wording:
    """Sentences of a box whose panel has a name."""
    return Wording(texts=texts_for(language), names=NAMES)


@pytest.mark.parametrize(
    ("kind", "source", "facts", "said"),
    [
        (
            "zone.hold_up",
            "device/p1/zone/99",
            {"code": "HA", "words": "Holdup Alarm", "zone": "99"},
            "西区主机, zone 99: the panel reports Holdup Alarm (HA)",
        ),
        (
            "zone.trouble",
            "device/p1/fault/mains",
            {"code": "E301", "words": "AC Loss"},
            "西区主机: the panel reports AC Loss (E301)",
        ),
        (
            "device.clock_drift",
            "device/p1",
            {"clock_off_s": -3600},
            "The clock of 西区主机 is off by -3600 s; it was told the time",
        ),
        (
            "envelope.rejected",
            "device/p1",
            {"reason": "plain", "said": ["OP Opening Report"], "account": "0012"},
            (
                "A message in the name of 西区主机 was set aside (not encrypted, though this account has a key); "
                "it says: OP Opening Report"
            ),
        ),
        ("zone.hold_up", "zone/button", {}, "Zone button: somebody asks for help and does not show it"),
    ],
)
def test_what_a_panel_reports_is_told_in_its_words(kind: str, source: str, facts: dict[str, object], said: str) -> None:
    """With the code for whoever looks it up; zones of our own keep their own sentences."""
    assert wording("en").headline(kind, source, facts) == said


def test_the_same_in_chinese() -> None:
    """An unnamed zone is its panel's."""
    facts = {"code": "BA", "words": "Burglary Alarm", "zone": "7"}
    assert "西区主机，防区 7" in wording("zh-CN").headline("zone.intrusion", "device/p1/zone/7", facts)
    assert wording("zh-CN").reason("not heard of for 180 s") == "已 180 秒没有消息"
