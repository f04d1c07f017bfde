"""`agent probe` and `agent discover` say what they saw and the next step, in both languages, and print no password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.command import main
from agent.detectors.login import Refused
from agent.outbox.lines import Author
from agent.outbox.schema import FILE_NAME
from agent.probe_words import NEXT, lines
from agent.probing.ledger import next_try
from agent.signals import Moment
from protocol.texts import texts_for
from tests.clock import Clock

SEEN: dict[str, Any] = {
    "device": {"maker": "M", "model": "X1", "firmware": "", "serial": "7"},
    "clock_off_s": -3600.0,
    "streams": [
        {"profile": "p", "name": "sub", "codec": "H264", "width": 640, "height": 360, "fps": 5,
         "url": "rtsp://192.0.2.3/s2", "chosen": True},
    ],
    "rtsp": {"codec": "H264", "server": "", "login": "digest"},
    "events": ["input", "motion"],
    "inputs": 2,
    "channels": [{"channel": 1, "name": "door", "newest": None, "oldest": None, "days": None}],
    "disks": [{"name": "hdd1", "well": False, "state": "error"}],
    "troubles": [{"step": "presets", "trouble": "not_allowed", "detail": ""}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ["X1", "-3600.0 s", "NTP", "<- chosen", "inputs, motion", "no recordings", "NOT WELL", "next step"]),
        ("zh-CN", ["时钟", "选用", "输入, 移动", "没有录像", "不正常", "下一步"]),
    ],
)
def test_everything_that_was_seen_is_said(language: str, told: list[str]) -> None:
    """Device, clock, streams, events, recordings, disks; and what went wrong with what to do."""
    text = "\n".join(lines("onvif", "192.0.2.3", SEEN, texts_for(language)))
    assert [each for each in told if each not in text] == []


@pytest.mark.parametrize("trouble", sorted(NEXT))
def test_every_trouble_has_its_next_step(trouble: str) -> None:
    """A word of a device is not the end of the sentence."""
    seen = {"troubles": [{"step": "login", "trouble": trouble, "detail": ""}]}
    first, second = lines("onvif", "192.0.2.3", seen, str)
    assert first.startswith("login: 192.0.2.3 ")
    assert second.startswith("  next step: ")
    assert len(second) > 40


@pytest.mark.parametrize(
    "words",
    [
        ["probe", "onvif", "a b"],
        ["probe", "rtsp", "http://192.0.2.3/x"],
        ["probe", "rtsp", "rtsp://guard:secretword@192.0.2.3/x"],
        ["probe", "onvif", "guard:secretword@192.0.2.3"],
        ["probe", "recorder", "192.0.2.3", "--channels", "0"],
        ["probe", "recorder", "192.0.2.3", "--timezone", "Mars/Olympus"],
        ["discover", "--for", "0"],
        ["discover", "--interface", "eth0"],
    ],
)
def test_wrong_input_is_said_in_a_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one sentence, and a password that was typed into an address is not repeated."""
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "secretword" not in said.err


async def test_a_person_is_warned_of_the_boxs_own_refusal(
    tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever probes an account that this box was refused with lately is told before a try is spent."""
    from agent.clocks import Reading
    from agent.outbox.outbox import open_outbox
    from protocol.messages import Clock as Word

    now = datetime.now(UTC)
    reading = Reading(moment=Moment(wall=now, mono_ms=1), clock=Word.SYNCED)
    outbox = open_outbox(tmp_path, Author(box="b", site="s"), lambda: reading, lambda count: b"x" * count)
    ledger = {"192.0.2.3 cams": Refused(times=2, at=Moment(wall=now, mono_ms=1))}
    await outbox.save({"logins": msgspec.json.encode(ledger)})
    await outbox.close()
    assert (tmp_path / FILE_NAME).exists()
    assert next_try(tmp_path, "192.0.2.3", now) == now + timedelta(minutes=10)
    assert next_try(tmp_path, "192.0.2.4", now) is None
    assert next_try(tmp_path, "192.0.2.3", now + timedelta(minutes=11)) is None
    assert next_try(tmp_path / "nowhere", "192.0.2.3", now) is None
    assert main(["probe", "onvif", "192.0.2.3", "--user", "a", "--state", str(tmp_path)]) == 1
    assert "--anyway" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["probe", "--help"], ["discover", "--help"]])
def test_help_has_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A person who knows nothing can begin with a line to copy."""
    with pytest.raises(SystemExit):
        main(words)
    assert f"branchwatch agent {words[0]}" in capsys.readouterr().out.split("example", 1)[1]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_who_named_nobody_is_told_to_name_a_user(language: str) -> None:
    """Nobody typed a password: none is to be checked, and no account is to be waited for."""
    say = texts_for(language)
    seen = {"troubles": [{"step": "login", "trouble": "login_refused", "detail": "HTTP 401"}]}
    *_, step = lines("onvif", "192.0.2.3", seen, say, nameless=True)
    assert "--user" in step
    *_, step = lines("onvif", "192.0.2.3", seen, say)
    assert "--user" not in step


def test_a_clock_that_agrees_is_not_behind() -> None:
    """No minus before nothing."""
    assert next(lines("rtsp", "x", {"clock_off_s": -0.0, "troubles": []}, str)) == "clock: +0.0 s from this machine's"
