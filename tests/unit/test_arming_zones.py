"""What zones do: types, latches, confirmation, shutdown, tamper, trouble, bypass and test."""

from __future__ import annotations

from itertools import count

import pytest

from agent import reporting
from agent.findings import Phase
from agent.reporting import Draft, ReportingState
from tests.branch import site_of, told
from tests.guarded import SITE, Guarded

ALWAYS = [
    ("button", "zone.hold_up"),
    ("smoke", "zone.fire"),
    ("case", "zone.tamper"),
    ("safe", "zone.intrusion"),
]


def tripped(branch: Guarded, zone: str) -> None:
    """Active and at rest again."""
    branch.say({f"zone/{zone}": "active"})
    branch.say({f"zone/{zone}": "normal"})


@pytest.mark.parametrize(("zone", "kind"), ALWAYS)
@pytest.mark.parametrize("stage", ["disarmed", "arming", "armed_away", "armed_stay", "entry_delay", "alarm", "test"])
def test_what_acts_always_acts_in_every_stage(zone: str, kind: str, stage: str) -> None:
    """Hold-up, fire, tamper and 24-hour zones alarm whatever their partition does; the last two may be tested."""
    text = SITE.replace(', "safe", "smoke", "case"]', "]").replace('"button"]', '"button", "safe", "smoke", "case"]')
    branch = Guarded(site_of(text))
    if stage == "arming":
        branch.give("arm", partition="lobby")
    elif stage == "test":
        branch.give("run_test", partition="lobby")
    elif stage != "disarmed":
        branch.armed("lobby", "stay" if stage == "armed_stay" else "away")
    if stage == "entry_delay":
        branch.say({"zone/entrance": "active"})
    if stage == "alarm":
        branch.say({"zone/window": "active"})
    assert branch.state("partition/lobby") == stage
    branch.findings.clear()
    branch.say({f"zone/{zone}": "active"})
    waits = stage == "test" and zone in {"case", "safe"}
    assert told(branch.of(kind)) == ([] if waits else [kind])
    if waits:
        branch.after(1801)
        assert told(branch.of(kind)) == [kind], "who is still there when the test ends is no test"


def test_a_hold_up_lasts_until_it_is_reset() -> None:
    """Neither letting go, nor disarming, silencing or a bypass ends it: `reset_latch` does, once it is at rest."""
    branch = Guarded()
    branch.say({"zone/button": "active"})
    raised = branch.of("zone.hold_up")[0]
    assert (raised.phase, raised.facts["verification"]) == (Phase.RAISED, 4)
    assert branch.give("bypass", zone="button").refused == "hold_up"
    assert branch.give("bypass", zone="smoke").refused == "fire"
    branch.give("silence")
    branch.give("disarm", partition="site")
    branch.say({"zone/button": "normal"})
    assert branch.marks("zone/button") == ("alarm",)
    assert "alarm" in branch.marks("partition/lobby")
    assert len(branch.of("zone.hold_up")) == 1
    branch.say({"zone/button": "active"})
    assert branch.of("zone.hold_up")[1].phase is Phase.AGAIN
    branch.give("reset_latch", zone="button")
    assert len(branch.of("zone.hold_up")) == 2, "it is still pressed"
    branch.say({"zone/button": "normal"})
    assert [each.phase for each in branch.of("zone.hold_up")] == [Phase.RAISED, Phase.AGAIN, Phase.ENDED]
    assert branch.marks("zone/button") == ()


def test_what_acts_again_is_told_again() -> None:
    """A zone that acts while latched is told with how often, and one restore ends all."""
    branch = Guarded()
    for _ in range(3):
        tripped(branch, "safe")
    assert [each.facts.get("again") for each in branch.of("zone.intrusion")] == [None, 1, 2]
    branch.give("disarm", partition="cash")
    assert len(branch.of("zone.intrusion")) == 3, "a 24-hour zone is not ended by disarming"
    branch.give("reset_latch", partition="cash")
    assert [each.phase for each in branch.of("zone.intrusion")][3:] == [Phase.ENDED]


@pytest.mark.parametrize("armed", [True, False])
def test_meddling_is_told_armed_or_not(armed: bool) -> None:
    """A zone's tamper alarms in every state, also a bypassed zone's, with what it was, and latches."""
    branch = Guarded()
    branch.give("bypass", zone="glass")
    if armed:
        branch.armed()
    branch.say({"zone/glass": "tamper"}, cause="short")
    raised = branch.of("zone.tamper")[0]
    assert (raised.source, raised.because[0][2:]) == ("zone/glass", ("tamper", "short"))
    assert raised.facts["cause"] == "short"
    branch.say({"zone/glass": "normal"})
    branch.give("disarm", partition="site")
    assert len(branch.of("zone.tamper")) == 1
    branch.give("reset_latch", zone="glass")
    assert [each.phase for each in branch.of("zone.tamper")] == [Phase.RAISED, Phase.ENDED]


def test_an_unread_zone_is_trouble_after_ten_seconds() -> None:
    """Unknown for ten seconds while its device answers: told, and ended when it is read again."""
    branch = Guarded()
    branch.say({"zone/window": "unknown"}, cause="exception 2: illegal address")
    branch.after(9.9)
    assert branch.of("zone.trouble") == []
    branch.after(0.2)
    assert branch.of("zone.trouble")[0].facts == {"cause": "exception 2: illegal address"}
    branch.say({"zone/window": "normal"})
    assert [each.phase for each in branch.of("zone.trouble")] == [Phase.RAISED, Phase.ENDED]


def test_a_silent_device_is_trouble_of_what_is_armed_only() -> None:
    """With its device offline, a zone's trouble is told while its partition is armed; the device is told anyway."""
    branch = Guarded()
    branch.armed("lobby")
    branch.say({"device/io1": "offline", **{f"zone/{zone}": "unknown" for zone in ("window", "glass")}})
    branch.after(11)
    assert [each.source for each in branch.of("zone.trouble")] == ["zone/window"]
    assert told(branch.of("device.offline")) == ["device.offline"]
    assert branch.state("partition/lobby") == "armed_away"


@pytest.mark.parametrize(
    ("first", "second", "confirmed"),
    [
        ("window", "hall-motion", True),  # of another principle
        ("window", "entrance", False),  # both magnetic
        ("cash-motion", "glass", True),  # adjacent
        ("cash-motion", "window", False),  # another partition
    ],
)
def test_a_second_zone_confirms_the_first(first: str, second: str, confirmed: bool) -> None:
    """Adjacent, or of another principle, in the same partition and in time: the verification score rises."""
    branch = Guarded()
    branch.armed()
    tripped(branch, first)
    branch.after(599)
    tripped(branch, second)
    last = next(each for each in branch.findings if each.source == f"zone/{second}")
    assert last.facts["verification"] == (2 if confirmed else 1)
    assert last.facts.get("confirmed_by") == (f"zone/{first}" if confirmed else None)


def test_what_is_long_ago_confirms_nothing() -> None:
    """Behind `confirm_within` each alarm stands alone."""
    branch = Guarded()
    branch.armed()
    tripped(branch, "window")
    branch.after(601)
    tripped(branch, "hall-motion")
    assert branch.of("zone.intrusion")[-1].facts["verification"] == 1


def test_a_zone_that_keeps_repeating_is_shut_down() -> None:
    """At its third alarm it is shut down and says so; the others go on; disarming ends it."""
    branch = Guarded()
    branch.armed("lobby")
    for _ in range(5):
        tripped(branch, "window")
    assert len(branch.of("zone.intrusion")) == 3
    assert branch.of("zone.swinger_shutdown")[0].facts == {"alarms": 3}
    assert branch.marks("zone/window") == ("alarm", "shut_down")
    assert branch.state("partition/lobby") == "alarm"
    tripped(branch, "hall-motion")
    assert len(branch.of("zone.intrusion")) == 4
    branch.give("disarm", partition="lobby")
    assert [each.phase for each in branch.of("zone.swinger_shutdown")] == [Phase.RAISED, Phase.ENDED]


@pytest.mark.parametrize(("zone", "kind"), ALWAYS)
def test_what_acts_always_is_never_shut_down(zone: str, kind: str) -> None:
    """FIELD-FAULTS row 19: however often it acts, it goes on; reporting alone limits what chatters."""
    branch = Guarded()
    for _ in range(12):
        tripped(branch, zone)
    assert len(branch.of(kind)) == 12
    assert branch.of("zone.swinger_shutdown") == []


def test_a_bypass_has_an_author_and_an_end() -> None:
    """A bypassed zone does not act; who and until when is told; when its time is over, what is active acts."""
    branch = Guarded()
    branch.give("bypass", zone="window", for_s=600)
    facts = branch.of("zone.bypassed")[0].facts
    assert facts["people"] == ["li-lei", "han-mei"]
    assert facts["until"].endswith("Z")
    branch.armed("lobby")
    branch.say({"zone/window": "active"})
    assert branch.of("zone.intrusion") == []
    branch.after(600)
    assert told(branch.of("zone.bypassed")) == ["zone.bypassed.restored"]
    assert told(branch.of("zone.intrusion")) == ["zone.intrusion"]


def test_disarming_ends_a_bypass() -> None:
    """The next evening nothing is forgotten open."""
    branch = Guarded()
    branch.say({"zone/window": "active"})
    branch.give("bypass", zone="window")
    branch.armed("lobby")
    branch.give("disarm", partition="lobby")
    assert told(branch.of("zone.bypassed")) == ["zone.bypassed.restored"]
    assert branch.give("arm", partition="lobby").blocking == (("zone/window", "active"),)


def test_a_bypass_may_be_taken_back() -> None:
    """`on: false` puts the zone back at once."""
    branch = Guarded()
    branch.give("bypass", zone="window")
    branch.give("bypass", zone="window", on=False)
    assert branch.marks("zone/window") == ()
    assert told(branch.of("zone.bypassed")) == ["zone.bypassed", "zone.bypassed.restored"]
    assert branch.give("bypass", zone="window", on=False).refused == ""
    assert len(branch.of("zone.bypassed")) == 2


def test_under_test_zones_answer_and_do_not_act() -> None:
    """Each answers, none alarms, no siren sounds; at its end it is told which answered, and all is as before."""
    branch = Guarded()
    branch.armed("lobby")
    branch.give("run_test", partition="lobby", for_s=600)
    assert branch.state("partition/lobby") == "test"
    assert branch.marks("zone/window") == ("test",)
    tripped(branch, "window")
    tripped(branch, "entrance")
    assert [each.facts["result"] for each in branch.of("test.point")] == ["tripped", "tripped"]
    assert branch.of("zone.intrusion") == []
    assert branch.state("output/hall") == "off"
    branch.after(600)
    over = branch.of("test.finished", "partition/lobby")[0].facts
    assert (over["tripped"], over["missing"]) == (["window", "entrance"], ["hall-motion"])
    assert branch.state("partition/lobby") == "armed_away"
    assert branch.of("partition.armed") == [], "it was armed all the time"


def test_a_hold_up_button_is_tested_only_by_name() -> None:
    """A test of the partition leaves it guarding; one that names it has it answer."""
    branch = Guarded()
    branch.give("run_test", partition="lobby")
    tripped(branch, "button")
    assert told(branch.of("zone.hold_up")) == ["zone.hold_up"]
    branch.give("reset_latch", zone="button")
    branch.after(1800)
    branch.findings.clear()
    branch.give("run_test", partition="lobby", zones=["button"])
    assert (branch.state("partition/lobby"), branch.marks("partition/lobby")) == ("disarmed", ("test",))
    tripped(branch, "button")
    assert branch.of("zone.hold_up") == []
    assert branch.of("test.point")[0].source == "zone/button"


def test_who_may_not_disarm_tests_nothing_that_is_armed() -> None:
    """A test leaves it unguarded as much: an engineer's key is good for one by day, and none by night."""
    branch = Guarded()
    branch.armed("lobby")

    def by_an_engineer(zones: list[str]) -> str:
        return branch.give("run_test", people=("engineer",), may_disarm=False, partition="lobby", zones=zones).refused

    assert [by_an_engineer(zones) for zones in ([], ["window"])] == ["role", "role"]
    tripped(branch, "window")
    assert branch.state("partition/lobby") == "alarm"
    branch.give("disarm", partition="lobby")
    assert by_an_engineer([]) == ""


@pytest.mark.parametrize("zone", ["button", "smoke"])
def test_nobody_alone_tests_what_calls_for_help(zone: str) -> None:
    """GB 50394: panic zones are never disarmed. One key that may test, an engineer's, must not leave them unheard."""
    branch = Guarded()
    (home,) = [each.id for each in branch.site.partition if zone in each.zones]
    assert branch.give("run_test", partition=home, zones=[zone], people=("engineer",)).refused == "needs_people"
    tripped(branch, zone)
    assert branch.of("test.point") == []
    assert len(branch.of("zone.hold_up") + branch.of("zone.fire")) == 1


def test_a_test_of_one_zone_leaves_the_others_guarding() -> None:
    """Of an armed partition only the zones named are tested; a second test beside it is refused."""
    branch = Guarded()
    branch.armed("lobby")
    branch.give("run_test", partition="lobby", zones=["window"])
    assert branch.give("run_test", partition="lobby").refused == "busy"
    tripped(branch, "window")
    assert branch.state("partition/lobby") == "armed_away"
    tripped(branch, "hall-motion")
    assert branch.state("partition/lobby") == "alarm"


def test_one_zone_says_no_more_than_ten_times_in_a_test() -> None:
    """FIELD-FAULTS row 19: a zone that swings under test fills no ledger."""
    branch = Guarded()
    branch.give("run_test", partition="lobby")
    for _ in range(50):
        tripped(branch, "window")
    assert len(branch.of("test.point")) == 10


@pytest.mark.parametrize("zone", ["safe", "window", "button"])
def test_a_zone_that_swings_makes_few_events(zone: str) -> None:
    """FIELD-FAULTS row 19: a thousand acts in an hour of a zone that is never shut down: few events, one says so."""
    branch = Guarded(site_of(SITE, **{'id = "window"': 'id = "window"\nswinger_after = 0'}))
    branch.armed()
    state, drafts, ids = ReportingState(), list[Draft](), count(1)
    for _ in range(1000):
        branch.findings.clear()
        tripped(branch, zone)
        branch.after(3.6)
        state, made = reporting.report(state, branch.findings, branch.now(), lambda: f"e{next(ids)}")
        drafts += made
    assert len(drafts) <= 20
    assert "device.flutter" in [each.kind for each in drafts]
    assert drafts[0].source == f"zone/{zone}"


def test_who_stands_inside_when_a_test_ends_came_by_the_door() -> None:
    """What is active then acts as in one poll: the door begins the entry delay before the motion is judged."""
    branch = Guarded(site_of(SITE, **{'["entrance", "hall-motion"': '["hall-motion", "entrance"'}))
    branch.armed("lobby")
    branch.give("run_test", partition="lobby", for_s=60)
    branch.say({"zone/hall-motion": "active", "zone/entrance": "active"})
    branch.after(60)
    assert (branch.state("partition/lobby"), branch.of("zone.intrusion")) == ("entry_delay", [])


def test_what_was_cut_before_a_test_is_no_answer_to_it() -> None:
    """Only what is cut during the test is told; mended and cut again, it is."""
    branch = Guarded()
    branch.say({"zone/window": "tamper"})
    branch.give("run_test", partition="lobby", for_s=600)
    branch.findings.clear()
    branch.say({"zone/window": "tamper", "zone/entrance": "tamper"})
    assert [each.source for each in branch.of("test.point")] == ["zone/entrance"]
    branch.say({"zone/window": "normal"})
    branch.say({"zone/window": "tamper"})
    assert [each.source for each in branch.of("test.point")] == ["zone/entrance", "zone/window"]


def test_meddling_that_was_reset_ends_also_where_the_zone_is_open() -> None:
    """A wire that is mended while the window stands open is meddled with no more."""
    branch = Guarded()
    branch.say({"zone/window": "tamper"})
    branch.give("reset_latch", zone="window")
    branch.findings.clear()
    branch.say({"zone/window": "active"})
    assert told(branch.findings) == ["zone.tamper.restored"]


def test_the_whole_site_is_reset_with_what_is_in_no_partition() -> None:
    """A smoke detector that nobody arms is of the site."""
    branch = Guarded(site_of(SITE, **{', "smoke", "case"]': ', "case"]'}))
    branch.say({"zone/smoke": "active"})
    branch.say({"zone/smoke": "normal"})
    branch.give("reset_latch", partition="site")
    assert told(branch.of("zone.fire")) == ["zone.fire", "zone.fire.restored"]


def test_arming_ends_a_test() -> None:
    """At closing time nothing stays out of guard because somebody forgot his test."""
    branch = Guarded()
    branch.give("run_test", partition="lobby", zones=["window"], for_s=7200)
    branch.armed("lobby")
    branch.say({"zone/window": "active"})
    assert told(branch.of("zone.intrusion")) == ["zone.intrusion"]


def test_a_zone_in_no_partition_tells_meddling_and_no_intrusion() -> None:
    """What nothing arms never acts, but its wire is watched."""
    branch = Guarded(site_of(SITE.replace('"hall-motion", ', "")))
    branch.armed()
    branch.say({"zone/hall-motion": "active"})
    assert branch.findings == []
    branch.say({"zone/hall-motion": "tamper"})
    assert told(branch.findings) == ["zone.tamper"]


@pytest.mark.parametrize("zone", ["zone/button", "zone/safe"])
def test_a_panels_word_is_an_act_of_its_own(zone: str) -> None:
    """A panel that never says that a zone is at rest still has its second alarm told."""
    branch = Guarded(
        site_of(
            SITE + PANEL, **{'input = "io1/di/3"': 'input = "p1/zone/3"', 'input = "io1/di/8"': 'input = "p1/zone/8"'}
        )
    )
    branch.say({zone: "active"})
    branch.give("reset_latch", partition="site")
    branch.say({zone: "active"})
    branch.say({zone: "normal"})  # the reset was of the first
    branch.after(1)
    assert [each.phase for each in branch.findings if each.source == zone] == [Phase.RAISED, Phase.AGAIN]
    branch.give("reset_latch", partition="site")
    assert branch.findings[-2].phase is Phase.ENDED


PANEL = """
[[panel]]
id = "p1"
protocol = "dc09"
account = "0755031"

[receiver]
listen = "127.0.0.1:12000"
"""
