"""How a box is, in plain words: every state that an installer can meet, with what he should do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from agent.condition import Enrolled, Level, Line, Live, Seen, SiteFile, Store, judge, worst
from agent.condition_eyes import Eye
from agent.condition_seen import clock_synced
from agent.signals import State
from protocol.texts import said, texts_for
from tests.ledgers import NOW

OK, ATTENTION, BAD = Level.OK, Level.ATTENTION, Level.BAD
OWN_WORDS = "as the reader of that file says it"
"""Stands for a sentence that comes from elsewhere."""


def ago(**time: float) -> datetime:
    """Before now; with a minus, after it."""
    return NOW - timedelta(**time)


ENROLLED = Enrolled(box="0755-031-a", site="0755-031", not_before=ago(days=30), not_after=ago(days=-700))
FILE = SiteFile(version=7, roster_not_after=ago(days=-20), damaged=False)
LIVE = Live(in_touch=True, broker="192.0.2.5:8883", error="", silent=(), modules=2)
STORE = Store(pending=0, oldest_pending=None, heard=ago(minutes=3), quarantined=0)
GOOD = Seen(
    version="0.1.0",
    enrolled=ENROLLED,
    site_file=FILE,
    running=True,
    store=STORE,
    clock_synced=True,
    free_bytes=20 * 1024**3,
    live=LIVE,
)
"""A box with nothing to say of it."""
BARE = {"enrolled": None, "site_file": None, "store": None, "running": False, "live": None}
"""What is different on a machine that was installed a minute ago."""


class Case(NamedTuple):
    """What is different, and what must be said of it."""

    change: dict[str, Any]
    matter: str
    level: Level
    text: str
    step: str


def certificate(**change: datetime) -> dict[str, Any]:
    """Another certificate."""
    return {"enrolled": replace(ENROLLED, **change)}  # type: ignore[arg-type]


def site_file(**change: Any) -> dict[str, Any]:
    """Another site file."""
    return {"site_file": replace(FILE, **change)}


def store(**change: Any) -> dict[str, Any]:
    """Another store."""
    return {"store": replace(STORE, **change)}


def live(**change: Any) -> dict[str, Any]:
    """Something else that the agent says."""
    return {"live": replace(LIVE, **change)}


def eye(**change: Any) -> dict[str, Any]:
    """A camera or recorder that is not well."""
    about = {"point": "camera/03", "name": "Hall", "state": State.ONLINE, **change}
    return live(eyes=(Eye(**about),))


def unasked(**change: Any) -> dict[str, Any]:
    """No agent runs: what the store tells must do."""
    return {"running": False, "live": None, **store(**change)}


def elsewhere(thing: str) -> dict[str, Any]:
    """A thing that its own reader could not read."""
    return {thing: said(OWN_WORDS)}


CASES = {
    "no time server": Case({"clock_synced": False}, "clock", ATTENTION, "not in step", "time server"),
    "the kernel does not tell": Case({"clock_synced": None}, "clock", ATTENTION, "not in step", "time server"),
    "clock behind the centre": Case(store(heard=ago(days=-3)), "clock", BAD, "it is later than", "set the clock"),
    "clock before the kit": Case(certificate(not_before=ago(days=-9)), "clock", BAD, "later than", "set the clock"),
    "not enrolled": Case(BARE, "identity", BAD, "not enrolled", "branchwatch agent enrol"),
    "identity damaged": Case(elsewhere("enrolled"), "identity", BAD, OWN_WORDS, "becomes a new one"),
    "certificate ended": Case(certificate(not_after=ago(days=1)), "identity", BAD, "ended on 2026-11-20", "renew"),
    "certificate ends": Case(certificate(not_after=ago(days=-29)), "identity", ATTENTION, "until 2026-12-20", "renew"),
    "no site file": Case({"site_file": None}, "site file", BAD, "none yet", "enrol --again"),
    "nothing yet": Case(BARE, "site file", BAD, "none yet", "comes with the enrolment"),
    "site file not usable": Case(elsewhere("site_file"), "site file", BAD, OWN_WORDS, ""),
    "older site file": Case(site_file(damaged=True), "site file", ATTENTION, "a newer one is damaged", "ask the bank"),
    "roster ended": Case(
        site_file(roster_not_after=ago(days=1)), "site file", ATTENTION, "nothing is disarmed", "ask the bank"
    ),
    "disk filling": Case({"free_bytes": 300 * 1024**2}, "disk", ATTENTION, "300 MiB", "make room"),
    "disk full": Case({"free_bytes": 30 * 1024**2}, "disk", BAD, "30 MiB", "make room"),
    "disk not readable": Case(elsewhere("free_bytes"), "disk", BAD, OWN_WORDS, ""),
    "not running": Case({"running": False}, "agent", BAD, "not guarded", "systemctl start branchwatch-agent; if it"),
    "mute": Case({"live": None}, "agent", ATTENTION, "does not answer", "systemctl restart"),
    "not ready": Case(BARE, "agent", BAD, "not guarded", "what stands above"),
    "a module is silent": Case(live(silent=("io2",)), "devices", BAD, "io2 of 2 modules", "agent check --live"),
    "a camera without picture": Case(
        eye(state=State.OFFLINE, cause="busy"), "cameras", BAD, "camera/03) has no picture: it has as", "other viewers"
    ),
    "a login refused": Case(
        eye(state=State.OFFLINE, cause="login_refused", marks=("login_refused",)), "cameras", BAD, "login", "locks"
    ),
    "a password to come": Case(
        eye(state=State.UNKNOWN, cause="secret_pending"), "cameras", ATTENTION, "not on the box", "signed for this box"
    ),
    "a covered lens": Case(eye(marks=("covered", "no_model")), "cameras", BAD, "Hall (camera/03): covered", "lens"),
    "a clock that is off": Case(eye(marks=("clock_drift",)), "cameras", BAD, "clock is off", "time server"),
    "a recorder that does not record": Case(
        eye(point="device/nvr1", marks=("not_recording",)), "cameras", BAD, "not recording", "agent history"
    ),
    "a cause of another version": Case(
        eye(state=State.OFFLINE, cause="{odd"), "cameras", BAD, "no picture: {odd", "agent probe"
    ),
    "lock not readable": Case(elsewhere("running"), "agent", BAD, OWN_WORDS, ""),
    "store damaged": Case(elsewhere("store"), "centre", BAD, OWN_WORDS, ""),
    "line down": Case(live(in_touch=False, error="refused"), "centre", ATTENTION, "5:8883 (refused)", "check cable"),
    "sending": Case(store(pending=2), "centre", OK, "it answers; 2 events under way", ""),
    "never answered": Case(unasked(heard=None, pending=4), "centre", ATTENTION, "not answered yet; 4", ""),
    "silent": Case(unasked(heard=ago(hours=2)), "centre", ATTENTION, "last answer", ""),
    "backlog": Case(unasked(pending=9, oldest_pending=ago(minutes=5)), "centre", ATTENTION, "9 events wait", ""),
    "sent": Case(unasked(), "centre", OK, "it has every event", ""),
    "was sending": Case(unasked(pending=2, oldest_pending=ago(seconds=5)), "centre", OK, "2 events under way", ""),
    "pictures kept": Case(live(evidence_bytes=7 * 1024**2), "evidence", OK, "7 MiB kept; the centre has all", ""),
    "pictures under way": Case(
        live(evidence_bytes=7 * 1024**2, evidence_waiting=3), "evidence", OK, "3 pictures and clips wait", ""
    ),
    "many pictures wait": Case(
        live(evidence_bytes=7 * 1024**2, evidence_waiting=80), "evidence", ATTENTION, "80 pictures", "check the line"
    ),
    "people found": Case(live(people_model="m FP16"), "people", OK, "people are found with m FP16", ""),
    "no people model": Case(live(people_model="none"), "people", ATTENTION, "without people model", "models --get"),
    "damaged events": Case(store(quarantined=3), "events", ATTENTION, "3 events were damaged", "note it for the bank"),
}


def line_of(lines: tuple[Line, ...], matter: str) -> Line:
    """The one line of a matter."""
    (found,) = [line for line in lines if line.matter == matter]
    return found


def test_a_good_box_has_nothing_but_ok() -> None:
    """Six matters, modules and centre, each ok, none with a next step."""
    lines = judge(GOOD, NOW)
    assert [line.matter for line in lines] == [
        *("software", "clock", "identity", "site file", "disk", "agent", "devices", "centre")
    ]
    assert worst(lines) is OK
    assert not [line for line in lines if line.next_step]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_thing_that_is_wrong_is_one_line_with_its_next_step(case: Case) -> None:
    """And nothing else becomes worse for it."""
    lines = judge(replace(GOOD, **case.change), NOW)
    found = line_of(lines, case.matter)
    assert found.level is case.level
    assert case.text in str(found.text)
    assert case.step in str(found.next_step or "")
    assert bool(case.step) is (found.next_step is not None)
    if len(case.change) == 1:
        wrong = [line.matter for line in lines if line.level is not OK]
        assert wrong == ([] if case.level is OK else [case.matter])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_of_these_sentences_has_its_chinese(case: Case) -> None:
    """Told to an installer who reads no English; a command is a command in both."""
    say = texts_for("zh-CN")
    found = line_of(judge(replace(GOOD, **case.change), NOW), case.matter)
    for sentence in filter(None, (found.text, found.next_step)):
        if OWN_WORDS not in sentence.text and not sentence.text.startswith("systemctl"):
            assert sentence.told(say) != str(sentence)


def test_cameras_that_are_well_are_counted_in_one_line_after_the_others() -> None:
    """Sixteen good cameras are one line; what needs nobody, like a quiet picture, makes none of them bad."""
    well = [Eye(point=f"camera/{n}", name="Hall", state=State.ONLINE, marks=("quiet",)) for n in range(15)]
    bad = Eye(point="camera/x", name="Door", state=State.OFFLINE, cause="stalled", marks=("covered",))
    recorder = Eye(point="device/nvr1", name="Recorder", state=State.ONLINE)
    lines = judge(replace(GOOD, **live(eyes=(*well, bad, recorder))), NOW)
    found = [str(line.text) for line in lines if line.matter == "cameras"]
    assert found == [
        "Door (camera/x) has no picture: its pictures stopped",
        "Door (camera/x): covered",
        "in order: cameras 15, recorders 1",
    ]


def test_a_stopped_box_is_told_to_start_only_when_it_could() -> None:
    """Without a site file a start would end at once."""
    lines = judge(replace(GOOD, running=False, site_file=None, live=None), NOW)
    assert "systemctl" not in str(line_of(lines, "agent").next_step)


def test_the_worst_of_all_is_the_box_s_own_word() -> None:
    """Attention outweighs ok, and bad both."""
    assert worst(judge(replace(GOOD, clock_synced=False), NOW)) is ATTENTION
    assert worst(judge(replace(GOOD, clock_synced=False, running=False), NOW)) is BAD


def test_the_kernel_says_whether_the_clock_is_kept() -> None:
    """By adjtimex(2), as `timedatectl` does; asked only, never set."""
    assert clock_synced() in (True, False)
