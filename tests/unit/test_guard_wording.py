"""Zones, partitions and orders in words: each kind its sentence, people their names, times the site's own hours."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.console import guard_sentences, sentences
from collector.console.wording import Wording
from collector.storage.records import BoxRow
from protocol.kinds import KINDS
from protocol.texts import LANGUAGES, texts_for
from tests.console import ConsoleWorld

NAMES = {"zone/cash-motion": "现金区红外", "zone/hall-glass": "大厅玻璃", "partition/cash": "现金区"}
PEOPLE = {"zhao": "Zhao", "li": "Li"}
AT = "2026-11-21T10:30:00.000Z"

NO_CODE = "No such code: nothing was armed or disarmed"
REFUSED_TWO = "The order was refused: a panic button is never bypassed (Zhao, Li)"

RAISED: list[tuple[str, str, dict[str, Any], str]] = [
    ("zone.intrusion", "zone/cash-motion", {"verification": 1}, "现金区红外 was triggered while it guards"),
    (
        "zone.intrusion",
        "zone/cash-motion",
        {"verification": 2, "confirmed_by": "zone/hall-glass"},
        "现金区红外 was triggered, and 大厅玻璃 confirms it",
    ),
    ("zone.hold_up", "zone/panic", {}, "Zone panic: somebody asks for help and does not show it"),
    (
        "zone.duress",
        "partition/cash",
        {"person": "zhao", "way": "code"},
        "Zhao acts under duress (by code); at the site nothing shows it",
    ),
    ("zone.fire", "zone/smoke", {}, "Zone smoke reports fire"),
    ("zone.tamper", "zone/hall-glass", {"cause": "open"}, "大厅玻璃 was tampered with: wire cut"),
    ("zone.tamper", "zone/hall-glass", {"cause": "case"}, "大厅玻璃 was tampered with: case opened"),
    ("zone.trouble", "zone/hall-glass", {}, "大厅玻璃 guards nothing: its state is unknown"),
    (
        "zone.bypassed",
        "zone/hall-glass",
        {"until": AT, "people": ["zhao"]},
        "大厅玻璃 is out of guard until 11-21 18:30; Zhao ordered it",
    ),
    (
        "partition.armed",
        "partition/cash",
        {"way": "order", "mode": "away", "people": ["zhao", "li"], "bypassed": []},
        "现金区 is armed (everybody out), by order: Zhao, Li",
    ),
    (
        "partition.armed",
        "partition/cash",
        {"way": "schedule", "mode": "stay", "people": [], "bypassed": ["hall-glass"]},
        "现金区 is armed (people inside), by the timetable; without 大厅玻璃",
    ),
    ("partition.disarmed", "partition/cash", {"way": "keyswitch", "people": []}, "现金区 is disarmed, by key switch"),
    (
        "partition.arm_failed",
        "partition/cash",
        {"blocking": [["zone/cash-motion", "active"], ["zone/hall-glass", "unknown"]], "way": "schedule"},
        "现金区 could not be armed: 现金区红外 triggered, 大厅玻璃 unknown",
    ),
    ("partition.late_to_close", "partition/cash", {"arm_by": AT}, "现金区 should have been armed by 18:30"),
    ("partition.arming_soon", "partition/cash", {"at": AT}, "现金区 arms itself at 18:30"),
    ("partition.early_to_open", "partition/cash", {"opens": AT}, "现金区 was disarmed, and opens only at 18:30"),
    (
        "partition.early_to_open",
        "partition/cash",
        {"closed": True},
        "现金区 was disarmed on a day on which it is closed",
    ),
    (
        "order.refused",
        "box/orders",
        {"reason": "not_ready", "blocking": [["zone/cash-motion", "tamper"]], "action": "arm"},
        "The order was refused: not ready (现金区红外 tampered with)",
    ),
    (
        "order.refused",
        "box/orders",
        {"reason": "needs_people", "needed": 2, "approved": 1},
        "The order was refused: 2 people must approve it, and 1 did",
    ),
    ("order.refused", "box/orders", {"reason": "role", "person": "li"}, None),  # type: ignore[list-item]
    ("order.refused", "box/orders", {"reason": "unknown"}, "The order was refused: its state is not known"),
    ("order.refused", "box/orders", {"reason": "hold_up", "people": ["zhao", "li"]}, REFUSED_TWO),
    ("order.refused", "box/codes", {"reason": "code_wrong", "people": []}, NO_CODE),
    ("order.refused", "box/orders", {"reason": "stale", "by": "zhao"}, "The order was refused: too old (Zhao)"),
    ("order.executed", "box/orders", {"action": "reset_latch"}, "The order was carried out: Reset"),
]


def _wording(language: str) -> Wording:
    return Wording(texts=texts_for(language), names=NAMES, people=PEOPLE.get, zone=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(("kind", "source", "facts", "said"), RAISED)
def test_a_sentence_of_its_own(kind: str, source: str, facts: dict[str, Any], said: str | None) -> None:
    """In English as it stands here; in Chinese whole, with no English word left over."""
    told = _wording("en").headline(kind, source, facts)
    assert told == (said or "The order was refused: the person's role may not order this (Li)")
    chinese = _wording("zh-CN").headline(kind, source, facts)
    left = re.sub(r"Zhao|Li|panic|smoke", "", chinese)
    assert re.search(r"[\u4e00-\u9fff]", left)
    assert not re.search(r"[A-Za-z{}]", left), chinese


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(each for each in KINDS if each.startswith(("zone.", "partition."))))
def test_every_kind_of_zone_and_partition_is_told(kind: str, language: str) -> None:
    """With facts or without: what happened, and that it is over."""
    wording = _wording(language)
    for name in (kind, f"{kind}.restored"):
        words = wording.headline(name, "zone/hall-glass", {}) or wording.title(name)
        assert words
        assert not re.search(r"[{}_]", words), words


@pytest.mark.parametrize("part", sorted(guard_sentences.PARTS_OF_BOX))
def test_what_an_event_of_the_box_is_about_has_words(part: str) -> None:
    """`box/codes` is no box named codes; in Chinese no English word is left over."""
    assert _wording("en").source(f"box/{part}", {}) == guard_sentences.PARTS_OF_BOX[part]
    assert not re.search(r"[A-Za-z]", _wording("zh-CN").source(f"box/{part}", {}))


def test_an_unknown_fact_breaks_no_sentence() -> None:
    """What a newer box sends in a fact that we know in another form is shown as it came."""
    wording = _wording("en")
    assert wording.headline("partition.late_to_close", "partition/cash", {"arm_by": "soon"}).endswith("by soon")
    facts = {"blocking": ["zone/cash-motion", 7]}
    assert "could not be armed" in wording.headline("partition.arm_failed", "partition/cash", facts)


def test_marks_and_states_have_words() -> None:
    """Every mark and state of docs/guarding.md section 1, in both languages."""
    for language in LANGUAGES:
        wording = _wording(language)
        for mark in guard_sentences.MARKS:
            assert (wording.mark(mark) != mark) or language == "en"
        for state in ("disarmed", "arming", "armed_away", "armed_stay", "entry_delay", "alarm", "test", "unknown"):
            assert "_" not in wording.state("partition/cash", state)
    assert _wording("en").mark("glowing") == "glowing"
    assert set(guard_sentences.STATES) <= set(sentences.STATES)


async def test_the_desk_tells_times_in_the_site_s_hours(world: ConsoleWorld) -> None:
    """A box of Shenzhen was not armed by half past six in the evening, not by half past ten in the morning."""
    world.happens("partition.late_to_close", "partition/cash", {"arm_by": AT})
    async with world.client("wang", **{"Accept-Language": "en"}) as client:
        (alarm,) = (await client.get("/api/v1/alarms")).json()["items"]
    assert alarm["words"]["headline"] == "Partition cash should have been armed by 18:30"
    with world.centre.store.read() as reading:
        (box,) = reading.boxes("")
    assert isinstance(box, BoxRow)
    assert box.timezone == "Asia/Shanghai"
