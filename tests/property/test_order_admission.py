"""Invariants of order admission: under every reordering, repetition and clock step, an order is obeyed once or never.

FIELD-FAULTS rows 13 and 17: a clock an hour off, and a disarm that was queued for two hours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from agent import challenges
from agent.arming import told
from agent.challenges import HONOURED_FOR, Challenges
from agent.clocks import Reading
from agent.orders import used
from agent.orders.admission import Admitted, Known, Refused, admit, remembered
from agent.orders.used import MAX_DONE, MAX_REFUSED, Used
from agent.signals import Moment
from protocol.messages import Clock as ClockWord
from protocol.messages import encode
from protocol.orders import join_order
from protocol.roster import Duty, Roster
from protocol.site.reading import site_from
from protocol.timestamps import format_time
from tests.approvers import Approver, Desk, SecurityKey, payload
from tests.bundles import settings as site_settings
from tests.clock import Clock

SITE = site_from(site_settings(), "test")
ZHANG, LI = Approver("zhang-wei", 5), Approver("li-na", 6, security_key=SecurityKey(6))
DUTY = Approver("wu-di", 7, roles=("operator",), duty=(Duty(hours="00:00-24:00"),))
FORCED = Approver("qian-li", 8, duress=True)
STRANGER = Approver("who", 9)
PEOPLE = (ZHANG, LI, DUTY, FORCED)


@dataclass
class OrderBox:
    """A box as far as it judges orders: its clocks, its challenges, what it remembers."""

    clock: Clock = field(default_factory=Clock)
    believed: ClockWord = ClockWord.SYNCED
    roster: Roster = field(
        default_factory=lambda: Roster(
            version=3,
            not_after=format_time(Clock().now() + timedelta(days=30)),
            people=tuple(each.person for each in PEOPLE),
        )
    )
    challenges: Challenges = field(default_factory=Challenges)
    used: Used = field(default_factory=Used)
    drawn: int = 0
    desk: Desk = field(default_factory=lambda: Desk(roster_version=3))

    @property
    def moment(self) -> Moment:
        """Now on both clocks."""
        return Moment(wall=self.clock.now(), mono_ms=self.clock.mono_ms())

    def beat(self) -> str:
        """A beat goes out; the challenge that it carries."""
        if challenges.is_due(self.challenges, self.moment):
            self.drawn += 1
            self.challenges = challenges.renewed(self.challenges, self.drawn.to_bytes(16, "big"), self.moment)
        self.desk.challenge = self.challenges.current
        return self.desk.challenge

    def hear(self, data: bytes) -> Admitted | Refused:
        """An order arrives."""
        known = Known(
            site=SITE,
            roster=self.roster,
            reading=Reading(moment=self.moment, clock=self.believed),
            floor=Clock().now(),
            challenges=self.challenges,
            used=used.forgotten(self.used, self.moment),
            is_working_day=lambda day: day.weekday() < 5,
        )
        judged = admit(data, known)
        self.used = remembered(known, judged)
        return judged

    def reason(self, data: bytes) -> str:
        """Why it is refused; `done` where it is not."""
        judged = self.hear(data)
        return judged.reason if isinstance(judged, Refused) else "done"

    def restart(self) -> None:
        """The agent starts again: challenges and what was judged lived in memory."""
        self.challenges, self.used = Challenges(), Used()


@pytest.fixture
def box() -> OrderBox:
    """A box that sent a beat."""
    made = OrderBox()
    made.beat()
    return made


@dataclass
class Drafted:
    """An order that somebody gave, and what may become of it."""

    data: bytes
    id: str
    challenge: str
    good: bool
    outcomes: list[str] = field(default_factory=list)


class Deliveries(RuleBasedStateMachine):
    """Orders given now and then, delivered whenever a broker likes, over clock steps and restarts."""

    @initialize()
    def start(self) -> None:
        self.box = OrderBox()
        self.box.beat()
        self.orders: list[Drafted] = []
        self.issued: dict[str, tuple[int, int]] = {}  # challenge -> when, on the monotonic clock, and in which run
        self.run = 0
        self._note()

    def _note(self) -> None:
        self.issued.setdefault(self.box.challenges.current, (self.box.clock.mono_ms(), self.run))

    @rule(by=st.sampled_from((1, 30, 61, 240, 599, 601, 7200)))
    def pass_time(self, by: int) -> None:
        """Monotonic and wall time go on."""
        self.box.clock.advance(timedelta(seconds=by))

    @rule(by=st.sampled_from((-86_400, -3600, -1, 1, 3600, 86_400)), believed=st.sampled_from(list(ClockWord)))
    def step_clock(self, by: int, believed: ClockWord) -> None:
        """Somebody sets the wall clock, and the box finds out or not."""
        self.box.clock.set_wall(self.box.clock.now() + timedelta(seconds=by))
        self.box.believed = believed

    @rule()
    def beat(self) -> None:
        """The centre learns the newest challenge."""
        self.box.beat()
        self._note()

    @rule()
    def restart(self) -> None:
        """The agent starts again."""
        self.box.restart()
        self.run += 1
        self.beat()

    @rule(
        people=st.lists(st.sampled_from((ZHANG, LI, FORCED, STRANGER)), max_size=3),
        action=st.sampled_from(("arm", "disarm")),
        roster_version=st.sampled_from((0, 3, 3, 3, 4)),
    )
    def give(self, people: list[Approver], action: str, roster_version: int) -> None:
        """People approve an order."""
        line = self.box.desk.draft(action, {"partition": "cash"}, roster_version=roster_version)
        needed = 2 if action == "disarm" else 1
        known = STRANGER not in people and len({each.name for each in people}) >= needed
        good = known and (action == "arm" or roster_version <= 3)
        self.orders.append(
            Drafted(
                data=payload(line, *people), id=json.loads(line)["id"], challenge=self.box.desk.challenge, good=good
            )
        )

    @rule(which=st.integers(0, 200), times=st.integers(1, 3))
    def deliver(self, which: int, times: int) -> None:
        """The broker delivers one of those that it has seen, once or more."""
        if not self.orders:
            return
        order = self.orders[which % len(self.orders)]
        for _ in range(times):
            at, run = self.issued[order.challenge]
            age = timedelta(milliseconds=self.box.clock.mono_ms() - at)
            fresh = run == self.run and age <= HONOURED_FOR
            reason = self.box.reason(order.data)
            if not fresh:
                assert reason in ("stale", "repeated"), reason
            elif order.outcomes and order.outcomes[0] != "stale":
                assert reason == "repeated", "judged twice within its time"
            elif "stale" not in order.outcomes:
                assert (reason == "done") is order.good, (reason, order.good)
            order.outcomes.append(reason)

    @invariant()
    def obeyed_once_or_never(self) -> None:
        """And never after it was told as refused."""
        for order in getattr(self, "orders", ()):
            assert order.outcomes.count("done") <= 1
            assert "done" not in order.outcomes[1:], order.outcomes
            assert order.good or "done" not in order.outcomes


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("backwards", [False, True])
def test_every_order_of_delivery_comes_to_the_same(*, backwards: bool) -> None:
    """Five orders, each twice, in every order of their first arrival: the good ones are obeyed once each."""
    for turn in permutations(range(5)):
        box = OrderBox()
        box.beat()
        lines = [box.desk.draft("disarm", {"partition": "cash"}) for _ in range(3)]
        lines += [box.desk.draft("arm", {"partition": "cash"}), box.desk.draft("unlock", {"door": "outer"})]
        given = [payload(lines[0], ZHANG, LI), payload(lines[1], ZHANG), payload(lines[2], LI, ZHANG)]
        given += [payload(lines[3], LI), payload(lines[4], FORCED)]
        first = {number: box.reason(given[number]) for number in turn}
        assert first == {0: "done", 1: "needs_people", 2: "done", 3: "done", 4: "done"}
        if backwards:
            box.clock.set_wall(box.clock.now() - timedelta(hours=1))
        assert {box.reason(data) for data in given} == {"repeated"}


def test_a_disarm_that_was_queued_for_two_hours_is_refused(box: OrderBox) -> None:
    """FIELD-FAULTS row 17: two people's good signatures, two hours late: stale, whatever the clocks say meanwhile."""
    late = payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
    in_time = payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
    box.clock.advance(HONOURED_FOR)
    assert box.reason(in_time) == "done"
    box.clock.advance(timedelta(milliseconds=1))
    assert box.reason(late) == "stale"
    box.clock.advance(timedelta(hours=2))
    box.clock.set_wall(Clock().now())  # as if no time had passed
    assert (box.reason(late), box.reason(in_time)) == ("stale", "stale")
    box.beat()
    assert (box.reason(late), box.reason(in_time)) == ("repeated", "repeated")


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-7000)])
def test_a_clock_an_hour_off_changes_nothing_for_orders(box: OrderBox, off: timedelta) -> None:
    """FIELD-FAULTS row 13: freshness needs no clock; what hours give waits until the clock is believed again."""
    box.clock.set_wall(box.clock.now() + off)
    box.believed = ClockWord.SUSPECT
    draft = box.desk.draft
    soon = format_time(Clock().now() + timedelta(minutes=10))
    assert box.reason(payload(draft("disarm", {"partition": "cash"}, expires=soon), ZHANG, LI)) == "done"
    assert box.reason(payload(draft("arm", {"partition": "cash"}), DUTY)) == "done"
    assert box.reason(payload(draft("disarm", {"partition": "cash"}), ZHANG, DUTY)) == "clock_suspect"
    box.believed = ClockWord.SYNCED
    box.clock.set_wall(Clock().now())
    assert box.reason(payload(draft("disarm", {"partition": "cash"}), ZHANG, DUTY)) == "done"


def test_a_restart_voids_what_was_given_before(box: OrderBox) -> None:
    """Challenges live in memory: after a start neither an old order nor one that was carried out is obeyed."""
    done, waiting = (payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI) for _ in range(2))
    assert box.reason(done) == "done"
    box.restart()
    box.beat()
    assert (box.reason(done), box.reason(waiting)) == ("stale", "stale")


def test_expires_only_shortens(box: OrderBox) -> None:
    """An early end refuses; a late one makes no challenge live longer."""
    now = box.clock.now()
    early, late = (format_time(now + span) for span in (timedelta(seconds=30), timedelta(days=30)))
    orders = [payload(box.desk.draft("arm", {"partition": "cash"}, expires=each), ZHANG) for each in (early, late)]
    box.clock.advance(timedelta(seconds=31))
    assert box.reason(orders[0]) == "expired"
    box.clock.advance(HONOURED_FOR)
    assert box.reason(orders[1]) == "stale"


def test_a_flood_carries_out_nothing_that_was_refused(box: OrderBox) -> None:
    """Somebody signed it and was told that it is refused: hundreds that nobody signed do not have that forgotten."""
    line = box.desk.draft("disarm", {"partition": "cash"})
    assert box.reason(payload(line, ZHANG)) == "needs_people"
    for _ in range(MAX_REFUSED + 10):
        assert box.reason(box.desk.draft("disarm", {"partition": "cash"})) == "needs_people"
    assert box.reason(payload(line, ZHANG, LI)) == "repeated"


def test_a_flood_opens_no_way_for_an_old_order(box: OrderBox) -> None:
    """Refused ids give way to newer ones, carried out ones never; when no more can be remembered, none is obeyed."""
    done = payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
    assert box.reason(done) == "done"
    for _ in range(MAX_REFUSED + 10):
        assert box.reason(box.desk.draft("disarm", {"partition": "cash"})) == "needs_people"
    assert len(box.used.refused) == MAX_REFUSED
    assert box.reason(done) == "repeated"
    for number in range(MAX_DONE - 1):
        box.used = used.carried_out(box.used, str(number), box.moment)
    assert box.reason(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG)) == "too_many"
    box.clock.advance(HONOURED_FOR + timedelta(milliseconds=1))
    box.beat()
    assert box.reason(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG)) == "done"
    assert len(box.used.done) == 1


def test_each_id_is_forgotten_at_its_own_time(box: OrderBox) -> None:
    """What was carried out six minutes after another is still known when that one is forgotten."""
    first = payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG)
    assert box.reason(first) == "done"
    box.clock.advance(timedelta(minutes=6))
    box.beat()
    second = payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
    assert box.reason(second) == "done"
    box.clock.advance(timedelta(minutes=5))
    assert (box.reason(second), box.reason(first)) == ("repeated", "stale")
    assert len(box.used.done) == 1


@pytest.mark.parametrize(
    ("action", "args", "unlike", "people", "reason"),
    [
        ("dance", {}, {}, (ZHANG,), "unknown_action"),
        ("site_file", {}, {}, (ZHANG,), "unknown_action"),
        ("disarm", {}, {}, (ZHANG, LI), "malformed_args"),
        ("disarm", {"partition": "cash", "now": True}, {}, (ZHANG, LI), "malformed_args"),
        ("disarm", {"partition": "hall"}, {}, (ZHANG, LI), "no_such_partition"),
        ("bypass", {"zone": "hall"}, {}, (ZHANG, LI), "no_such_zone"),
        ("unlock", {"door": "inner"}, {}, (ZHANG, LI), "no_such_door"),
        ("output", {"output": "hall", "on": True}, {}, (ZHANG, LI), "no_such_output"),
        ("run_test", {"partition": "cash", "zones": ["x"]}, {}, (ZHANG, LI), "zone_elsewhere"),
        ("disarm", {"partition": "cash"}, {"challenge": ""}, (ZHANG, LI), "stale"),
        ("disarm", {"partition": "cash"}, {"challenge": "AAAAAAAAAAAAAAAAAAAAAA"}, (ZHANG, LI), "stale"),
        ("disarm", {"partition": "cash"}, {"roster_version": 4}, (ZHANG, LI), "roster_older"),
        ("arm", {"partition": "cash"}, {"roster_version": 4}, (ZHANG,), "done"),
        ("disarm", {"partition": "cash"}, {"roster_version": 2}, (ZHANG, LI), "done"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG, STRANGER), "unknown_person"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG, LI, STRANGER), "unknown_person"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG, Approver("li-na", 9)), "unknown_key"),
        ("disarm", {"partition": "cash"}, {}, (), "needs_people"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG,), "needs_people"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG, ZHANG), "needs_people"),
        ("disarm", {"partition": "site"}, {}, (ZHANG,), "needs_people"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG, LI), "done"),
        ("disarm", {"partition": "cash"}, {}, (ZHANG, LI, FORCED), "done"),
        ("unlock", {"door": "outer"}, {}, (DUTY,), "role"),
        ("silence", {}, {}, (DUTY,), "done"),
        ("arm", {"partition": "cash"}, {}, (LI,), "done"),
    ],
)
def test_every_reason_is_said(
    box: OrderBox, action: str, args: dict[str, Any], unlike: dict[str, Any], people: tuple[Approver, ...], reason: str
) -> None:
    """docs/guarding.md 4.2, each rule broken once."""
    assert box.reason(payload(box.desk.draft(action, args, **unlike), *people)) == reason


def test_people_are_counted_by_person_never_by_key(box: OrderBox) -> None:
    """One officer with a key file and a security key is one person; the facts say how many were needed."""
    second = Approver("zhang-wei", 15, security_key=SecurityKey(15))
    both = replace(ZHANG.person, keys=(ZHANG.key, second.key))
    box.roster = replace(box.roster, people=(both, LI.person))
    judged = box.hear(payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, second))
    assert isinstance(judged, Refused)
    assert (judged.reason, judged.facts) == ("needs_people", {"needed": 2, "approved": 1})
    judged = box.hear(payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, second, LI))
    assert isinstance(judged, Admitted)
    assert judged.command.people == ("zhang-wei", "li-na")


def test_an_approval_goes_with_its_order_alone(box: OrderBox) -> None:
    """Taken from another order and given this one's name, or left with its own: it holds for neither."""
    first, second, third = (box.desk.draft("arm", {"partition": "cash"}) for _ in range(3))
    renamed = ZHANG.approve(first, json.loads(third)["id"])
    own = ZHANG.approve(first, json.loads(second)["id"])
    for line, approval in ((second, ZHANG.approve(first)), (third, renamed), (first, own)):
        judged = box.hear(join_order(line, (encode(approval),)))
        assert isinstance(judged, Refused)
        facts = {"person": "zhang-wei", "why": "other_order"}
        assert (judged.reason, judged.facts) == ("bad_signature", facts)


def test_a_key_may_what_its_roster_entry_says(box: OrderBox) -> None:
    """The person's role allows it, this key of his does not."""
    narrow = replace(LI.person, keys=(replace(LI.key, may=LI.key.may[:1]),))
    box.roster = replace(box.roster, people=(ZHANG.person, narrow))
    assert box.reason(payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)) == "right_missing"
    assert box.reason(payload(box.desk.draft("arm", {"partition": "cash"}), LI)) == "done"


def test_a_roster_past_its_end_keeps_arming(box: OrderBox) -> None:
    """WIRE 3.4: remote disarm, unlock and bypass end with the roster; arming and silence go on."""
    box.clock.advance(timedelta(days=31))
    box.beat()
    for action, args in (
        ("disarm", {"partition": "cash"}),
        ("unlock", {"door": "outer"}),
        ("bypass", {"zone": "cash-motion"}),
        ("reset_latch", {"partition": "cash"}),
        ("run_test", {"partition": "cash"}),
    ):
        assert box.reason(payload(box.desk.draft(action, dict(args)), ZHANG, LI)) == "roster_ended"
    assert box.reason(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG)) == "done"
    assert box.reason(payload(box.desk.draft("silence"), ZHANG)) == "done"


def test_an_order_that_names_a_newer_roster_says_so(box: OrderBox) -> None:
    """So that the box raises config.stale, obeyed or not; one that is stale itself says nothing of the roster."""
    for action, unlike, said in (("arm", {}, True), ("disarm", {}, True), ("arm", {"challenge": "x"}, False)):
        line = box.desk.draft(action, {"partition": "cash"}, roster_version=4, **unlike)
        assert box.hear(payload(line, ZHANG, LI)).newer_roster is said
    assert not box.hear(payload(box.desk.draft("arm", {"partition": "cash"}), ZHANG)).newer_roster


def test_duress_is_known_whatever_becomes_of_the_order(box: OrderBox) -> None:
    """Who is forced is obeyed; and where the order fails, his signature is told all the same, once and fresh only."""
    line = box.desk.draft("disarm", {"partition": "cash"})
    judged = box.hear(payload(line, ZHANG, FORCED))
    assert isinstance(judged, Admitted)
    assert judged.command.duress == "qian-li"
    alone = payload(box.desk.draft("disarm", {"partition": "cash"}), FORCED)
    door = payload(box.desk.draft("unlock", {"door": "outer"}, roster_version=4), FORCED)
    for data, reason, about in ((alone, "needs_people", "partition/cash"), (door, "roster_older", "door/outer")):
        refused = box.hear(data)
        assert isinstance(refused, Refused)
        assert refused.forced is not None
        assert (refused.reason, refused.forced.duress) == (reason, "qian-li")
        assert told.duress(SITE, refused.forced, box.moment).source == about
        again = box.hear(data)
        assert isinstance(again, Refused)
        assert (again.reason, again.forced) == ("repeated", None)
    forged = box.hear(
        join_order(
            line := box.desk.draft("disarm", {"partition": "cash"}),
            (encode(replace(ZHANG.approve(line), person="qian-li", credential=FORCED.key.id)),),
        )
    )
    assert isinstance(forged, Refused)
    assert (forged.reason, forged.forced) == ("bad_signature", None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b'"partition":"cash"', b'"partition":"hall","partition":"cash"'),
        lambda line: line.replace(b'"v":1', b'"v":2'),
        lambda line: line.replace(b'"args"', b'"pad":"' + b"x" * 16_400 + b'","args"'),
        lambda line: line + b"\n{}",
        lambda line: line + b"\n",
        lambda line: line[:-1],
        lambda _: b"",
        lambda line: b"\n".join([line] + [encode(ZHANG.approve(line))] * 9),
    ],
)
def test_what_reads_in_two_ways_is_no_order(box: OrderBox, spoil: Any) -> None:
    """A name twice, another version, too long, too many approvals: malformed, and nothing is looked at further."""
    line = box.desk.draft("arm", {"partition": "cash"})
    bent = spoil(line)
    approval = encode(ZHANG.approve(bent, json.loads(line)["id"]))
    assert box.reason(bent if b"\n" in bent else join_order(bent, (approval,))) == "malformed"
    assert box.reason(payload(line, ZHANG)) == "done"


@pytest.mark.parametrize("bits", [0x01, 0x02, 0x20, 0x80])
def test_no_changed_byte_is_ever_obeyed(box: OrderBox, bits: int) -> None:
    """Every byte of the order and of both approvals, one at a time: refused each time, and nothing breaks."""
    good = payload(box.desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
    for at, byte in enumerate(good):
        box.used = Used()
        judged = box.hear(good[:at] + bytes([byte ^ bits]) + good[at + 1 :])
        assert isinstance(judged, Refused), good[at - 10 : at + 10]
    box.used = Used()
    assert box.reason(good) == "done"
