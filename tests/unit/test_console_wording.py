"""Events in words: whatever a box or the centre raises reads well in both languages, and nothing can break it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from collector.console.wording import Wording
from protocol.kinds import KINDS
from protocol.texts import LANGUAGES, texts_for

AT = "2026-11-21T02:13:49.204Z"
NAMES = {"door/outer": "通道外门", "door/inner": "通道内门"}
RAISED: list[tuple[str, str, dict[str, Any]]] = [
    ("door.dual_open", "interlock/vestibule", {"overlap_s": 0.9, "tolerance_s": 0.5, "doors": ["outer", "inner"]}),
    ("door.dual_open.restored", "interlock/vestibule", {"overlap_s": 1.25}),
    ("door.emergency_release", "interlock/vestibule", {"overlap_s": 0.0, "tolerance_s": 0.5}),
    ("door.emergency_release.restored", "interlock/vestibule", {"overlap_s": 12.0}),
    ("door.forced", "door/inner", {"while_down": True}),
    ("door.forced.restored", "door/inner", {}),
    ("door.held_open", "door/outer", {"open_s": 30.1, "limit_s": 30.0}),
    ("door.held_open.restored", "door/outer", {"open_s": 75.0, "limit_s": 30.0}),
    ("door.key_override", "door/inner", {"occupied": "active"}),
    ("door.key_override", "door/inner", {"occupied": "unknown"}),
    ("device.offline", "device/io1", {"cause": "no answer within 0.4 s"}),
    ("device.offline.restored", "device/io1", {}),
    ("device.output_refused", "lock/outer", {"asked": "unlocked", "reads": "locked", "late_s": 3.0}),
    ("device.output_refused.restored", "output/siren", {"reads": "on", "late_s": 9.5}),
    ("device.flutter", "door/outer", {"kind": "door.held_open", "count": 3, "within_s": 4.2}),
    ("device.flutter.restored", "door/outer", {"kind": "door.held_open", "held_back": 990}),
    ("box.silent", "box/0755-031-a", {"silent_after_s": 17.5, "silent_s": 17.6, "connection_lost": False}),
    ("box.silent.restored", "box/0755-031-a", {"silent_s": 40.0}),
    ("box.clock_fault", "box/0755-031-a", {"offset_s": 3600.0, "cause": "stepped"}),
    ("link.primary_lost", "link/primary", {"reason": "timeout"}),
    ("link.backup_lost", "link/backup", {}),
    ("link.delayed", "box/0755-031-a", {"echo_age_s": 31.0, "limit_s": 20.0}),
    ("ledger.gap", "box/0755-031-a", {"lane": "urgent", "run": "0" * 32, "from": 7, "to": 9}),
    ("ledger.fork", "box/0755-031-a", {"why": "two runs alive"}),
    ("ledger.rollback", "box/0755-031-a", {"lane": "routine", "from": 3, "to": 5}),
    ("ledger.shed", "box/0755-031-a", {"from": 3, "to": 5}),
    ("envelope.rejected", "box/0755-031-a", {"count": 3, "claimed_box": "0755-031-a", "reason": "bad_signature"}),
    ("order.refused", "box/0755-031-a", {"reason": "stale challenge"}),
    ("evidence.sealed", "camera/03", {"event": "0", "slot": "0-1", "kind": "still", "missing": "no_picture"}),
    ("evidence.damaged", "box/evidence", {"slot": "0-1", "camera": "03", "reason": "changed"}),
    ("box.disk_low", "box/evidence", {"used_bytes": 9, "limit_bytes": 9, "reason": "no_room"}),
    ("request.answered", "box/requests", {"action": "resend", "reason": "served", "count": 1}),
    (
        "request.answered",
        "box/requests",
        {"action": "preset", "reason": "served", "count": 1, "camera": "03", "preset": "gate"},
    ),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "source", "facts"), RAISED, ids=lambda each: each if isinstance(each, str) else "")
def test_every_raised_kind_has_a_headline(kind: str, source: str, facts: dict[str, Any], language: str) -> None:
    """A sentence of its own in each language: no place left unfilled, no Chinese left in English but names."""
    words = Wording(texts=texts_for(language), names={}).headline(kind, source, facts)
    assert words
    assert not re.search(r"[{}]", words)
    assert bool(re.search(r"[\u4e00-\u9fff]", words)) == (language == "zh-CN"), words


def test_the_story_of_a_dual_open() -> None:
    """Who opened what and when, then what follows from it: as the drawing of the desk tells it."""
    steps = Wording(texts=texts_for("zh-CN"), names=NAMES).timeline(
        "door.dual_open",
        "interlock/vestibule",
        AT,
        {"overlap_s": 0.9, "tolerance_s": 0.5, "doors": ["outer", "inner"]},
        [
            ("2026-11-21T02:13:47.600Z", "door/outer", "open", "exit button"),
            ("2026-11-21T02:13:48.300Z", "door/inner", "open", "outer not closed"),
        ],
    )
    assert [step.text.replace("\uff0c", ",") for step in steps] == [
        "通道外门 开启,出门按钮放行",
        "通道内门 开启,此时另一道门未关",
        "两门同开,超过允许的 0.5 秒",
    ]
    assert steps[-1].at == AT


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Output siren shall be off, but is on"), ("zh_CN", "输出 siren 应为停止，实际为启动")],
)
def test_an_output_that_does_not_follow_is_said_in_both_states(language: str, said: str) -> None:
    """What was asked for and what is read, in words."""
    words = Wording(texts=texts_for(language))
    assert words.headline("device.output_refused", "output/siren", {"asked": "off", "reads": "on"}) == said


def test_another_door_that_was_not_closed_is_named() -> None:
    """The reason of a second opening names the first door as people call it."""
    assert Wording(texts=texts_for("en"), names=NAMES).reason("inner not closed") == "while 通道内门 was not closed"


def test_a_fact_of_any_kind_adds_its_aside() -> None:
    """What happened while nobody watched says so."""
    (step,) = Wording(texts=texts_for("en")).timeline("door.forced", "door/inner", AT, {"while_down": True}, ())
    assert step.text.endswith("; it happened while the box was down")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*KINDS, *(f"{kind}.restored" for kind in KINDS), "zone.newer_than_us"])
def test_every_kind_reads_without_facts(kind: str, language: str) -> None:
    """A kind with no sentence of its own, or without its facts, still has a title and a closing sentence."""
    wording = Wording(texts=texts_for(language))
    steps = wording.timeline(kind, "door/x", AT, {}, ())
    assert wording.title(kind)
    assert steps[-1].text
    assert "{" not in steps[-1].text


@pytest.mark.parametrize(
    "hostile",
    ["{0}", "{source.__class__}", "%s", "<script>alert(1)</script>", "x" * 5000, None, [], {}, [1, [2]], True, 1e300],
)
def test_facts_of_a_stranger_break_nothing(hostile: Any) -> None:
    """Braces, markup, lists and giants in facts are text, cut to a bearable length; nothing is evaluated."""
    wording = Wording(texts=texts_for("en"), names=NAMES)
    for kind, facts in (
        ("door.dual_open", {"overlap_s": hostile, "tolerance_s": hostile, "doors": hostile}),
        ("envelope.rejected", {"count": hostile, "claimed_box": hostile, "reason": hostile}),
        ("device.flutter", {"kind": hostile, "count": hostile, "within_s": hostile}),
    ):
        for step in wording.timeline(kind, "door/outer", AT, facts, ((AT, "door/outer", "open", str(hostile)),)):
            assert len(step.text) < 1500
        assert "class 'str'" not in wording.headline(kind, "door/outer", facts)
