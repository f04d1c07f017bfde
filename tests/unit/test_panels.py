"""Alarm panels in virtual time: who is believed, what is told, what is answered, and what survives a restart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta

import pytest

from agent.arming.commands import Command
from agent.drivers.dc09.config import panel_wirings
from agent.drivers.dc09.desk import Desk, Due
from agent.drivers.dc09.keys import PanelKey, open_keys
from agent.drivers.dc09.session import PRESENCE, Presence, Step
from agent.findings import Finding, Phase
from agent.secrets import SecretError
from agent.signals import Moment, Signal
from protocol.dc09.body import Body, encode_body, parse_body
from protocol.dc09.cipher import PADDING, decrypt, encrypt
from protocol.dc09.contact_id import contact_id
from protocol.dc09.frames import Frame, decode_frame, encode_frame
from protocol.dc09.sia_dcs import sia_dcs
from protocol.settings import Secret
from protocol.site.schema import Partition
from tests.branch import site_of
from tests.clock import Clock

KEY = bytes(range(32))
SITE = """
id = "s"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[receiver]
listen = "127.0.0.1:12300"
[[panel]]
id = "p1"
protocol = "dc09"
account = "0012"
supervision = "3m"
[[panel]]
id = "p2"
protocol = "dc09"
account = "0A2F"
key = { secret = "p2-key" }
supervision = "90s"
[[zone]]
id = "window"
type = "instant"
input = "p1/zone/3"
[[zone]]
id = "button"
type = "hold-up"
input = "p1/zone/7"
[[zone]]
id = "safe"
type = "24-hour"
input = "p2/zone/12"
[[partition]]
id = "hall"
kind = "general"
zones = ["window"]
[[partition]]
id = "back"
kind = "general"
zones = ["safe"]
follows = "p2/area/1"
"""
FOLLOWS_IN_CLEAR = Partition(id="open", kind="general", zones=("window",), follows="p1/area/1")
"""No site file may say so; the desk does not obey it either."""


class Branch:
    """A desk, its two panels, and the time."""

    def __init__(
        self, clock: Clock, saved: Mapping[str, bytes] | None = None, keys: Mapping[str, PanelKey | str] | None = None
    ) -> None:
        self.clock = clock
        self.saved = dict(saved or {})
        site = site_of(SITE)
        given = {"p2": PanelKey(KEY)} if keys is None else keys
        self.desk = Desk(panel_wirings(site), given, self.saved, self.now(), (*site.partition, FOLLOWS_IN_CLEAR))

    def now(self) -> Moment:
        return Moment(wall=self.clock.now(), mono_ms=self.clock.mono_ms())

    def take(self, frame: bytes) -> Due:
        """One frame; what must be remembered is."""
        due = self.desk.take(frame, "192.0.2.9", self.now(), bytes(range(PADDING)))
        self.saved |= due.remember
        return due

    def plain(
        self, data: bytes, number: int = 1, *, id_: str = "SIA-DCS", off_s: float | None = 0, account: str = "0012"
    ) -> Due:
        """What a panel without a key says; `off_s`: how wrong its clock is, None: no time at all."""
        sent = None if off_s is None else self.clock.now() + timedelta(seconds=off_s)
        body = encode_body(Body(data=data, sent=sent))
        return self.take(encode_frame(Frame(id=id_, sequence=number, account=account, body=body)))

    def keyed(self, data: bytes, number: int = 1, *, id_: str = "SIA-DCS", off_s: float | None = 0) -> Due:
        """What the panel with a key says."""
        return self.take(self.enciphered(data, number, id_=id_, off_s=off_s))

    def enciphered(
        self, data: bytes, number: int = 1, *, id_: str = "SIA-DCS", off_s: float | None = 0, key: bytes = KEY
    ) -> bytes:
        """The frame of the panel with a key."""
        sent = None if off_s is None else self.clock.now() + timedelta(seconds=off_s)
        body = encrypt(encode_body(Body(data=data, sent=sent)), key, os.urandom(PADDING))
        return encode_frame(Frame(id=id_, encrypted=True, sequence=number, account="0A2F", body=body))


@pytest.fixture
def branch(clock: Clock) -> Branch:
    """Both panels were heard of once, a second ago."""
    found = Branch(clock)
    found.plain(b"", id_="NULL")
    found.keyed(b"", id_="NULL")
    clock.advance(timedelta(seconds=1))
    return found


def answer(due: Due) -> str:
    """ACK, NAK, DUH or nothing."""
    return decode_frame(due.answer).id if due.answer else ""


def states(signals: tuple[Signal, ...]) -> list[tuple[str, str]]:
    """What points became."""
    return [(each.point, str(each.state)) for each in signals]


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    """What was told, where, and in which phase."""
    return [(each.kind, each.source, str(each.phase)) for each in findings]


def moved(commands: tuple[Command, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """What is asked of the guard."""
    return [(each.action, each.partitions) for each in commands]


def test_a_named_zone_becomes_what_its_panel_says(branch: Branch) -> None:
    """Alarm, tamper, trouble, left out, each taken back; the guard judges by the zone's type."""
    said = [
        (b"NBA03", "active"),
        (b"NTA3", "tamper"),
        (b"NTR3", "active"),
        (b"NBR3", "normal"),
        (b"NBT3", "unknown"),
        (b"NBJ3", "normal"),
        (b"NBB3", "unknown"),
        (b"NBU3", "normal"),
    ]
    for number, (data, state) in enumerate(said, start=1):
        due = branch.plain(data, number)
        assert states(due.signals) == [("zone/window", state)]
        assert not due.findings
        assert answer(due) == "ACK"


def test_a_button_pressed_twice_is_two_presses(branch: Branch) -> None:
    """Panels send no end between them: each is new to the guard, and told again where nobody named the zone."""
    for number in (1, 2):
        (signal,) = branch.plain(b"NHA7", number).signals
        assert (signal.point, str(signal.state), signal.restated) == ("zone/button", "active", False)
    for number in (3, 4):
        due = branch.plain(b"NHA9", number)
        assert told(due.findings) == [("zone.hold_up", "device/p1/zone/9", "again")]


@pytest.mark.parametrize(
    ("data", "kind", "source"),
    [
        (b"NBA99", "zone.intrusion", "device/p1/zone/99"),
        (b"NHA99", "zone.hold_up", "device/p1/zone/99"),
        (b"NFA", "zone.fire", "device/p1/zone/0"),
        (b"NTA99", "zone.tamper", "device/p1/zone/99"),
        (b"NBT99", "zone.trouble", "device/p1/zone/99"),
        (b"NAT", "zone.trouble", "device/p1/fault/mains"),
        (b"NYT", "zone.trouble", "device/p1/fault/battery"),
        (b"NZX5", "zone.trouble", "device/p1/code/zx"),
    ],
)
def test_what_nobody_named_is_told_at_the_panel(branch: Branch, data: bytes, kind: str, source: str) -> None:
    """At a source of its own, with code and words: nothing hides behind another, nothing is dropped."""
    due = branch.plain(data)
    last = due.findings[-1]
    assert (last.kind, last.source) == (kind, source)
    assert last.facts["code"] == data.decode()[1:3]
    assert answer(due) == "ACK"


def test_a_fault_ends_under_the_name_it_began_with(branch: Branch) -> None:
    """Mains and battery are two conditions, in either language."""
    branch.plain(b"NAT", 1)
    branch.plain(b"NYT", 2)
    due = branch.plain(contact_id("R301"), 3, id_="ADM-CID")
    assert told(due.findings) == [("zone.trouble", "device/p1/fault/mains", "ended")]


def test_a_code_that_acts_always_is_told_though_its_zone_is_another_type(branch: Branch) -> None:
    """A hold-up of a zone that the site file calls instant is no matter of arming."""
    due = branch.plain(b"NHA3")
    assert states(due.signals) == [("zone/window", "active")]
    assert ("zone.hold_up", "device/p1/zone/3", "again") in told(due.findings)


def test_duress_by_a_panel_is_told_and_leaves_nothing_standing(branch: Branch) -> None:
    """It has no end that anybody could see."""
    due = branch.plain(contact_id("E121", point=5), id_="ADM-CID")
    assert told(due.findings) == [("zone.duress", "device/p1/zone/5", "told")]


def test_a_repeated_frame_is_answered_again_and_told_once(branch: Branch) -> None:
    """The same number and content within ten minutes, also over another connection; afterwards it is new."""
    assert branch.plain(b"NBA3", 5).signals
    for _ in range(3):
        branch.clock.advance(timedelta(seconds=20))
        again = branch.plain(b"NBA3", 5)
        assert (again.signals, again.findings, answer(again)) == ((), (), "ACK")
    branch.clock.advance(timedelta(minutes=11))
    assert branch.plain(b"NBA3", 5).signals


def test_a_clock_that_is_set_back_makes_no_alarm_a_repeat(branch: Branch) -> None:
    """What was said an hour ahead of now is no memory to go by: rather told twice than not at all."""
    assert branch.plain(b"NBA3", 5).signals
    branch.clock.set_wall(branch.clock.now() - timedelta(hours=1))
    assert branch.plain(b"NBA3", 5).signals


def test_a_panel_that_never_counts_is_not_taken_for_repeating(branch: Branch) -> None:
    """Alarm, over, alarm, all numbered zero: three statements."""
    for data in (b"NBA3", b"NBR3", b"NBA3"):
        assert branch.plain(data, 0).signals


def test_what_was_taken_is_known_after_a_restart(branch: Branch) -> None:
    """The answer was lost with the power: the frame comes again, is answered, and is not told again."""
    branch.plain(b"NBA3", 5)
    restarted = Branch(branch.clock, branch.saved)
    again = restarted.plain(b"NBA3", 5)
    assert states(again.signals) == [("device/p1", "online"), ("zone/button", "normal"), ("zone/window", "active")]
    assert all(signal.restated for signal in again.signals[1:])  # to the guard nothing happened
    assert all(finding.phase is Phase.ENDED for finding in again.findings)  # of its clock and key: they are fine
    assert answer(again) == "ACK"


def test_row_13_a_panel_clock_an_hour_off_loses_no_alarm(branch: Branch) -> None:
    """FIELD-FAULTS row 13: taken, flagged, the panel told the time; right again it is over, nothing told twice."""
    due = branch.plain(b"NHA99", 5, off_s=-3600)
    assert answer(due) == "NAK"
    assert parse_body(decode_frame(due.answer).body).sent == branch.clock.now().replace(microsecond=0)
    assert told(due.findings) == [
        ("device.clock_drift", "device/p1", "raised"),
        ("zone.hold_up", "device/p1/zone/99", "again"),
    ]
    assert due.findings[0].facts == {"clock_off_s": -3600}
    assert due.findings[1].facts["clock_off_s"] == -3600
    again = branch.plain(b"NHA99", 5)
    assert (answer(again), told(again.findings)) == ("ACK", [("device.clock_drift", "device/p1", "ended")])


def test_row_13_a_named_zone_acts_though_the_clock_is_off(branch: Branch) -> None:
    """FIELD-FAULTS row 13: the zone's own signal says why its time is not to be trusted."""
    due = branch.keyed(b"NBA12", 5, off_s=3600)
    assert [(each.point, str(each.state), each.cause) for each in due.signals] == [
        ("zone/safe", "active", "panel's clock off by 3600 s")
    ]


def test_a_panel_without_clock_is_taken_without(branch: Branch) -> None:
    """In clear a time is the panel's to give."""
    assert answer(branch.plain(b"NBA3", off_s=None)) == "ACK"


def test_an_opening_out_of_time_is_obeyed_once_it_comes_in_time(branch: Branch) -> None:
    """The NAK sets the panel's clock, and what it sends then counts, under the same number."""
    late = branch.keyed(b"Nri1/OP2", 8, off_s=-3600)
    assert (answer(late), late.commands) == ("NAK", ())
    assert ("envelope.rejected", "device/p2", "told") in told(late.findings)
    due = branch.keyed(b"Nri1/OP2", 8)
    assert (answer(due), moved(due.commands)) == ("ACK", [("disarm", ("back",))])
    assert not branch.keyed(b"Nri1/OP2", 8).commands  # and once only


def test_openings_and_closings_count_from_a_keyed_account_alone(branch: Branch) -> None:
    """Who can dial can say anything: in clear nothing is disarmed, though a partition follows."""
    due = branch.plain(b"Nri1/OP2", 8)
    assert (answer(due), due.commands) == ("ACK", ())
    assert due.findings[0].facts["reason"] == "not_encrypted"
    assert moved(branch.keyed(b"Nri1/CL2", 8).commands) == [("arm", ("back",))]
    assert not branch.keyed(b"Nri2/OP2", 9).commands  # nobody follows that area
    stay = branch.keyed(contact_id("R441", area=1), 10, id_="ADM-CID").commands
    assert [getattr(each.args, "mode", "") for each in stay] == ["stay"]


def test_an_opening_that_the_panel_kept_for_hours_is_refused_and_reported(branch: Branch) -> None:
    """FIELD-FAULTS row 17: dialled in a fresh frame as an old event; an alarm told so is an alarm."""
    due = branch.keyed(b"Ori1/OP2", 8)
    assert (answer(due), due.commands, due.findings[-1].facts["reason"]) == ("ACK", (), "not_new")
    assert branch.keyed(b"OBA12", 9).signals[-1].state == "active"


@pytest.mark.parametrize("off_s", [-41, 21, None])
def test_a_keyed_account_is_obeyed_inside_the_window_only(branch: Branch, off_s: float | None) -> None:
    """And never without a time: that could be any old frame."""
    due = branch.keyed(b"Nri1/OP2", 8, off_s=off_s)
    assert not due.commands
    assert answer(due) == ("DUH" if off_s is None else "NAK")


def test_a_keyed_account_is_not_believed_in_clear_and_people_hear_what_was_said(branch: Branch) -> None:
    """Its login is refused, and an alarm in such a frame is told as a rejected message: nothing is silent."""
    due = branch.plain(b"#0A2F|Nri1/HA12", account="0A2F")
    assert (answer(due), due.signals, due.commands) == ("DUH", (), ())
    assert told(due.findings) == [
        ("device.login_refused", "device/p2", "raised"),
        ("envelope.rejected", "device/p2", "told"),
    ]
    assert due.findings[1].facts["said"] == ["HA Holdup Alarm, zone 12"]
    assert told(branch.keyed(b"", id_="NULL").findings) == [("device.login_refused", "device/p2", "ended")]


def test_another_key_is_no_key(branch: Branch) -> None:
    """What does not open is refused and raises the condition once."""
    due = branch.take(branch.enciphered(b"NBA12", key=bytes(32)))
    assert (answer(due), due.signals) == ("DUH", ())
    assert due.findings[0].facts["reason"] == "wrong_key"
    assert not branch.take(branch.enciphered(b"NBA12", key=bytes(32))).findings


def test_a_copied_frame_is_not_obeyed_under_a_number_of_its_own(branch: Branch) -> None:
    """The number is not enciphered: whoever copies an opening can write another."""
    frame = branch.enciphered(b"Nri1/OP2", 8)
    assert branch.take(frame).commands
    branch.keyed(b"Nri1/CL2", 9)
    copied = decode_frame(frame)
    replayed = branch.take(
        encode_frame(Frame(id="SIA-DCS", encrypted=True, sequence=10, account="0A2F", body=copied.body))
    )
    assert (answer(replayed), replayed.commands) == ("DUH", ())
    assert replayed.findings[0].facts["reason"] == "copied"
    old = branch.take(frame)  # under its own number it is a repeat: answered, not obeyed
    assert (answer(old), old.commands) == ("ACK", ())


def test_a_block_changed_in_front_is_known_by_the_last(branch: Branch) -> None:
    """DC-09 does not sign: a change in a closing's padding makes an opening of it. A copy of one is found out."""
    closing = b"#0A2F|Nri1/CL2"
    frame = branch.enciphered(closing, 8)
    branch.take(frame)
    body = bytearray(bytes.fromhex(decode_frame(frame).body.decode()))
    clear = decrypt(decode_frame(frame).body, KEY)
    at = len(body) - len(clear) + closing.index(b"CL")
    for offset, (old, new) in enumerate(zip(b"CL", b"OP", strict=True)):
        body[at + offset - 16] ^= old ^ new
    forged = Frame(id="SIA-DCS", encrypted=True, sequence=9, account="0A2F", body=body.hex().upper().encode())
    due = branch.take(encode_frame(forged))
    assert not due.commands


@pytest.mark.parametrize(
    ("account", "id_", "reason"),
    [("0999", "SIA-DCS", "unknown_account"), ("012", "SIA-DCS", "unknown_account"), ("0012", "SCN-S8", "unknown_id")],
)
def test_what_cannot_be_processed_is_answered_so_and_told(branch: Branch, account: str, id_: str, reason: str) -> None:
    """DUH, and a rejected message with account and address; accounts differ by their leading zeros."""
    due = branch.plain(b"#1|NBA3", account=account, id_=id_)
    assert answer(due) == "DUH"
    (finding,) = due.findings
    assert (finding.kind, finding.facts["reason"], finding.facts["address"]) == (
        "envelope.rejected",
        reason,
        "192.0.2.9",
    )
    assert finding.source == ("box/receiver" if reason == "unknown_account" else "device/p1")


def test_a_damaged_frame_and_another_receivers_answer_get_none(branch: Branch) -> None:
    """Nobody is answered, nothing is told, both are counted."""
    good = branch.enciphered(b"NBA12")
    for frame in (good[:-5] + b"0000\r", b"\nxxxx\r", encode_frame(Frame(id="ACK", account="0012"))):
        due = branch.take(frame)
        assert due.nothing
    assert (branch.desk.counts["damaged"], branch.desk.counts["answer"]) == (2, 1)


def test_a_panel_whose_key_is_not_sealed_yet_is_asked_to_wait(clock: Clock) -> None:
    """No answer: it sends on, here or to its other receiver; people hear of it."""

    def nothing(name: str) -> Secret:
        raise SecretError("none", name=name)

    keys = open_keys(panel_wirings(site_of(SITE)), nothing)
    assert keys == {"p2": "secret_pending"}
    due = Branch(clock, keys=keys).keyed(b"NBA12")
    assert answer(due) == ""
    assert told(due.findings) == [("device.login_refused", "device/p2", "raised")]
    spoilt = Branch(clock, keys=open_keys(panel_wirings(site_of(SITE)), lambda _: Secret("no key"))).keyed(b"NBA12")
    assert (answer(spoilt), spoilt.findings[0].facts["reason"]) == ("", "secret_unusable")


@pytest.mark.parametrize(("text", "found"), [("00" * 16, True), ("00" * 32, True), ("00" * 15, False), ("key", False)])
def test_a_key_is_opened_and_never_shown(text: str, found: bool) -> None:
    """What is no key is a word, and no key is in any text."""
    keys = open_keys(panel_wirings(site_of(SITE)), lambda _: Secret(text))
    assert isinstance(keys["p2"], PanelKey) is found
    assert text not in repr(keys)


def test_a_panel_not_heard_of_is_offline_and_its_zones_unknown(branch: Branch) -> None:
    """After its time, from the start too; heard again, its zones are what it last said."""
    branch.plain(b"NBA3", 5)
    branch.clock.advance(timedelta(seconds=88))
    assert not branch.desk.look(branch.now())
    branch.clock.advance(timedelta(seconds=1))
    assert states(branch.desk.look(branch.now())) == [("device/p2", "offline"), ("zone/safe", "unknown")]
    assert not branch.desk.look(branch.now())
    branch.clock.advance(timedelta(seconds=91))
    assert states(branch.desk.look(branch.now())) == [
        ("device/p1", "offline"), ("zone/button", "unknown"), ("zone/window", "unknown"),
    ]  # fmt: skip
    assert branch.desk.wake_at() is None
    assert states(branch.plain(b"", id_="NULL").signals) == [
        ("device/p1", "online"), ("zone/button", "normal"), ("zone/window", "active"),
    ]  # fmt: skip


def test_old_frames_keep_no_keyed_panel_alive(branch: Branch) -> None:
    """Whoever cut its line could send what he recorded: only what is fresh counts as heard."""
    old = branch.enciphered(b"", id_="NULL")
    for _ in range(3):
        branch.clock.advance(timedelta(seconds=45))
        assert answer(branch.take(old)) == "NAK"
    assert ("device/p2", "offline") in states(branch.desk.look(branch.now()))


def test_a_strangers_frames_keep_no_panel_alive(branch: Branch) -> None:
    """Neither in clear nor under another key."""
    for _ in range(3):
        branch.clock.advance(timedelta(seconds=45))
        branch.plain(b"", id_="NULL", account="0A2F")
        branch.take(branch.enciphered(b"", id_="NULL", key=bytes(16)))
    assert ("device/p2", "offline") in states(branch.desk.look(branch.now()))


def test_the_table_of_presence_is_whole() -> None:
    """Each step from each state has one outcome."""
    assert set(PRESENCE) == {(presence, step) for presence in Presence for step in Step}


def test_an_enciphered_question_has_an_enciphered_answer(branch: Branch) -> None:
    """With our time in it, under the account's key."""
    due = branch.keyed(sia_dcs("BA", zone="12"), 7)
    frame = decode_frame(due.answer)
    assert (frame.id, frame.encrypted, frame.sequence, frame.account) == ("ACK", True, 7, "0A2F")
    assert parse_body(decrypt(frame.body, KEY)).sent == branch.clock.now().replace(microsecond=0)
