"""The texts of notices: both languages, two text messages at most, no field that nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.notify.addresses import Book, Reach, plain
from collector.notify.codes import code_of
from collector.notify.fitting import fit, segments
from collector.notify.records import Notice, NoticeState, Sort, Stored
from collector.notify.saying import Saying, message_of
from collector.notify.templates import TemplatesError, load
from collector.rules.holding import Held
from collector.storage.notice_sending import AlarmFacts
from protocol.kinds import KINDS
from tests.notified import telling

LINK = "https://alarm-desk.security.bank.example/n/abcdefghijklmnopqrstuv"
RISEN = {"zh-CN": "由五级升为一级", "en": "Risen from Level V to Level I"}
LONG = "某某市分行西区支行高新技术产业开发区科技园南区第二十七号离行式自助银行服务点"


def notice(**other: Any) -> Notice:
    """A row."""
    values: dict[str, Any] = {
        "id": "n", "number": 1, "alarm": "a", "sort": Sort.ALARM, "target": "role/x", "person": "li", "channel": "sms",
        "level": 2, "state": NoticeState.SENDING, "reason": "", "facts": Stored(), "tries": 1, "due_ms": 0,
        "queued_ms": 1_800_000_000_000, "claimed_by": "", "claimed_ms": None, "sent_ms": None, "delivered_ms": None,
        "read_ms": None, "answered_ms": None, "perhaps": False, "follows": None, "bundle": None, "token_hash": "",
        "code": "123456", "answer_until_ms": 0,
    }  # fmt: skip
    return Notice(**{**values, **other})


def alarm(**other: Any) -> AlarmFacts:
    """An alarm."""
    values: dict[str, Any] = {
        "id": "a", "number": 48_213, "site": "0755-031", "site_name": LONG, "unit": "市分行/西区支行", "box": "b",
        "timezone": "Asia/Shanghai", "kind": "zone.intrusion", "event_class": "security", "level": 2,
        "source": "zone/7", "state": "new", "opened_ms": 1_800_000_000_000, "at_ms": 1_800_000_000_000,
        "respond_by_ms": 1_800_000_060_000, "restored_ms": None, "holder": None, "score": None, "shelter": None,
        "facts": {},
    }  # fmt: skip
    return AlarmFacts(**{**values, **other})


def said(language: str = "zh-CN", row: Notice | None = None, about: AlarmFacts | None = None, **other: Any) -> Any:
    """The message."""
    settings: dict[str, Any] = {"outside": False, "replies": True, "link": LINK, **other}
    saying = Saying(notice=row or notice(), reach=Reach(address="1", language=language), alarm=about, **settings)
    return message_of(saying, load()[language], lambda person: person)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_fits_two_text_messages(language: str, kind: str) -> None:
    """The longest site's name is cut; level, code and link stay whole."""
    for told in ({}, {"risen": 5}):
        row = notice(level=1, perhaps=True, facts=Stored(told=told))
        message = said(language, about=alarm(kind=kind, level=1), row=row)
        assert segments(message.short) <= 2
        for whole in (LINK, "123456", RISEN[language] if told else ""):
            assert whole in message.short


def test_an_alarm_in_chinese_and_english() -> None:
    """What, where, when by the site's clock, by when, and how to answer."""
    chinese = said(about=alarm(site_name="科技园支行"))
    assert chinese.short == (
        f"二级警情 入侵报警 科技园支行 16:00:00 请于16:01:00前接警。编号48213 回复123456或打开{LINK}"
    )
    english = said("en", about=alarm(site_name="Science Park"))
    assert english.short == (
        "Level II alarm: Intrusion, Science Park, 16:00:00. Take it by 16:01:00. No. 48213. "
        f"Reply 123456 or open {LINK}"
    )
    assert segments(english.short) <= 2
    assert "1 2 3 4 5 6" in chinese.voice


def test_a_rise_says_from_which_level_to_which() -> None:
    """In every part and both languages; not outside the bank, where it would be a fact, nor of a damaged row."""
    row = notice(level=1, facts=Stored(told={"why": "risen", "risen": 3}))
    about = alarm(site_name="科技园支行", level=1)
    chinese, english = said(row=row, about=about), said("en", row=row, about=about)
    assert chinese.short == (
        f"一级警情 入侵报警 科技园支行 16:00:00 由三级升为一级。请于16:01:00前接警。编号48213 回复123456或打开{LINK}"
    )
    assert "16:00:00. Risen from Level III to Level I. Take it by" in english.short
    for message, words in ((chinese, "由三级升为一级"), (english, "Risen from Level III to Level I")):
        assert all(words in part for part in (message.subject, message.body, message.voice))
    outside = said(row=row, about=about, outside=True)
    assert not any("级" in part for part in (outside.short, outside.subject, outside.body, outside.voice))
    assert outside.alarm is None
    for damaged in ("3", True, 9, -1, [3]):
        row = notice(facts=Stored(told={"risen": damaged}))
        assert "升为" not in said(row=row, about=alarm()).short


def test_an_answer_is_offered_only_where_one_can_come() -> None:
    """No code for a channel that brings no replies, no link without a console's address."""
    assert "123456" not in said(about=alarm(), replies=False).short
    assert "打开" not in said(about=alarm(), link="").short


def test_a_reminder_says_why() -> None:
    """Taken and nothing done is another thing than not taken."""
    row = notice(sort=Sort.REMINDER, facts=Stored(told={"why": "stall"}))
    assert "接警后尚无处置记录" in said(row=row, about=alarm(holder="wang")).body
    row = notice(sort=Sort.REMINDER, facts=Stored(told={"why": "untaken"}))
    assert "尚无人接警" in said(row=row, about=alarm()).body


def test_a_digest_says_how_many_and_how_grave() -> None:
    """And outside the bank not even that."""
    row = notice(sort=Sort.DIGEST, alarm=None, code="", facts=Stored(told={"count": 12}))
    assert "另有12起警情，最高二级" in said(row=row).short
    outside = said(row=row, outside=True)
    assert "12" not in outside.short + outside.body + outside.subject + outside.voice.replace(LINK, "")


@pytest.mark.parametrize(
    ("text", "many"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("中" * 70, 1),
     ("中" * 71, 2), ("中" * 134, 2), ("中" * 135, 3), ("a" * 69 + "中", 1), ("😀" * 35, 1), ("😀" * 36, 2)],
)  # fmt: skip
def test_text_messages_are_counted_as_networks_do(text: str, many: int) -> None:
    """160 or 70 alone, 153 or 67 in a row; characters of two places count twice."""
    assert segments(text) == many


def test_what_never_fits_is_as_short_as_names_allow() -> None:
    """A template that is too long by itself leaves as it is: late is worse than long."""
    assert fit(lambda fields: "x" * 400 + fields["site"], {"site": "y" * 40}) == "x" * 400 + "yyyy.."


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ('[alarm]\nshort = "{level} {nmae}"', 'unknown field "nmae"'),
        ('[alarm]\nshort = "{level.__class__}"', "unknown field"),
        ('[alarm]\nshort = "{level!r}"', "unknown field"),
        ('[alarm]\nshort = "{level:>99999999}"', "unknown field"),
        ('[outside]\nshort = "{site}"', 'unknown field "site"'),
        ('[alarm]\nshort = "{"', "brace"),
        ("[alarm]\nshort = 5", "text"),
        ("[alarm]\nshrt = 'x'", 'no part "shrt"'),
        ("[alrm]\nshort = 'x'", 'no text "alrm"'),
        ("[words]\nlevels = ['I']", "six texts"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_text_of_the_banks_own_that_will_not_do_is_told_at_load(tmp_path: Path, file: str, fault: str) -> None:
    """File, place and field; nothing of an object can be reached through a field."""
    (tmp_path / "zh-CN.toml").write_text(file, encoding="utf-8")
    with pytest.raises(TemplatesError, match=fault) as told:
        load(tmp_path)
    assert "zh-CN.toml" in str(told.value)


def test_a_bank_may_say_one_text_otherwise(tmp_path: Path) -> None:
    """The rest stays ours."""
    (tmp_path / "zh-CN.toml").write_text('[alarm]\nsubject = "警情 {number}"\n', encoding="utf-8")
    texts = load(tmp_path)["zh-CN"]
    assert texts.fill("alarm", "subject", {"number": "7"}) == "警情 7"
    assert texts.level(1) == "一级"


@pytest.mark.parametrize(
    ("text", "code"),
    [("123456", "123456"), (" 123 456 ", "123456"), ("１２３４５６", "123456"), ("ok 123456.", "123456"),
     ("1234567", None), ("", None), ("123456 654321", None), ("收到123456谢谢", "123456"), ("x" * 5000, None)],
)  # fmt: skip
def test_codes_as_telephones_send_them(text: str, code: str | None) -> None:
    """Blanks, full-width digits and words around; never a guess between two."""
    assert code_of(text) == code


def test_addresses_are_compared_as_people_write_them() -> None:
    """Blanks, dashes and brackets in a number; any case in a mail address."""
    assert plain("+86 138-0000-0001") == plain("+8613800000001")
    assert plain(" Li@Bank.example") == plain("li@bank.example")
    book = Book(Held(version=1, rules=telling("desk")))
    assert book.senders("sms", "+86 138 0000 0003") == ("li",)
    assert book.reach("site/0755-031", "sms", "市分行/西区支行") is not None
    assert book.reach("nobody", "sms") is None


def test_hours_inside_a_sentence_are_those_of_the_site() -> None:
    """Who reads on the telephone by when a branch should have been armed reads the branch's clock."""
    late = alarm(kind="partition.late_to_close", source="partition/vault", facts={"arm_by": "2026-11-22T10:00:00.000Z"})
    assert "18:00" in said(about=late).body
