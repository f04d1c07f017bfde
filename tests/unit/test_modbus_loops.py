"""Supervised loops by example: what is told when a contact trips, a wire is cut, and while it changes over."""

from __future__ import annotations

from agent.config.wiring import wirings
from agent.drivers.modbus.meaning import InputMemory, observe, sample_of
from protocol.site.modbus import Table
from tests.branch import moment, site_of

SITE = """
id = "s"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[[io]]
id = "io1"
address = "192.0.2.10"
[[zone]]
id = "loop"
type = "instant"
input = "io1/ir/3"
bands = { normal = [800, 1200], alarm = [1800, 2400], short = [0, 200], open = [3500, 4095] }
"""
REST, ALARM, SHORT, CUT, ODD = 1000, 2000, 50, 4000, 3000


def run(*values: int) -> list[tuple[str, int, bool, str]]:
    """One value every 100 ms, from the site file's own words; what is told: state, its time, settling, cause."""
    ((point,),) = (wiring.inputs for wiring in wirings(site_of(SITE)))
    memory, told = InputMemory(), []
    for index, value in enumerate(values):
        sample = sample_of(point, {(Table.INPUT_REGISTERS, 3): value})
        memory, signals = observe(point, memory, sample, moment(100 * index))
        told += [(str(one.state), one.at.mono_ms, one.settling, one.cause) for one in signals]
    return told


def test_a_loop_trips_at_once_and_rests_after_its_debounce() -> None:
    """As a contact does, told by a value instead of a bit."""
    assert run(REST, ALARM, REST, REST, REST, REST, REST) == [
        ("normal", 0, False, ""),
        ("active", 100, False, ""),
        ("active", 200, True, ""),
        ("normal", 200, False, ""),
    ]


def test_each_tamper_has_its_cause() -> None:
    """A short, a cut, and a resistor of another's: told after 300 ms, dated to the first sample."""
    for value, cause in ((SHORT, "short"), (CUT, "open"), (ODD, "band")):
        assert run(REST, value, value, value) == [("normal", 0, False, "")]
        assert run(REST, value, value, value, value)[1:] == [("tamper", 100, False, cause)]


def test_what_a_changeover_passes_through_is_no_tamper() -> None:
    """A slow input on its way to the alarm, or back, and a glitch of one poll."""
    assert [state for state, *_ in run(REST, ODD, ALARM, ODD, REST, REST, REST, REST)] == [
        *("normal", "active", "active", "normal")
    ]
    assert run(REST, CUT, REST, REST, REST, REST, CUT, REST) == [("normal", 0, False, "")]


def test_a_value_that_trembles_at_an_edge_stays_where_it_was() -> None:
    """By a sixteenth of the narrower band, 25 of 400: less beyond the edge is rest, less inside is none yet."""
    assert run(REST, 1225, 1180, 1225, 1180, 1225, 1225) == [("normal", 0, False, "")]
    assert run(REST, 1226, 1226, 1226, 1226)[1:] == [("tamper", 100, False, "band")]
    assert run(ALARM, 1790, 1810, 1790, 1176, 1176, 1176, 1176, 1176) == [("active", 0, False, "")]
    assert run(ALARM, 1175, 1175, 1175, 1175)[-1] == ("normal", 100, False, "")


def test_a_tamper_ends_by_rest_and_an_alarm_is_seen_through_it() -> None:
    """Mended it rests after its debounce; tripped while the wire was cut it is tripped."""
    told = run(REST, CUT, CUT, CUT, CUT, ALARM, CUT, CUT, CUT, CUT, REST, CUT, REST, REST, REST, REST)
    assert told == [
        ("normal", 0, False, ""),
        ("tamper", 100, False, "open"),
        ("active", 500, False, ""),
        ("tamper", 600, False, "open"),
        ("tamper", 1000, True, "open"),
        ("tamper", 1100, False, "open"),
        ("tamper", 1200, True, "open"),
        ("normal", 1200, False, ""),
    ]
