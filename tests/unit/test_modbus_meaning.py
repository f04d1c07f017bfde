"""What bits mean: polarity, debounce of the return only, and pulses that only a counter or latch saw."""

from __future__ import annotations

from datetime import timedelta

from agent.drivers.modbus.config import InputPoint
from agent.drivers.modbus.meaning import InputMemory, Sample, observe
from agent.signals import State
from protocol.site.modbus import Register, Table
from tests.branch import moment

DOOR = InputPoint(
    point="door/outer",
    register=Register(device="io1", table=Table.DISCRETE_INPUTS, number=0),
    alarm_bit=False,
    alarm=State.OPEN,
    rest=State.CLOSED,
    debounce=timedelta(milliseconds=300),
)
OPEN, SHUT = False, True


def run(*samples: Sample | bool, memory: InputMemory | None = None) -> list[tuple[str, int, bool, str]]:
    """One sample every 100 ms; what is told: state, its time, settling, cause."""
    memory = memory or InputMemory(state=State.CLOSED)
    told = []
    for index, each in enumerate(samples):
        sample = each if isinstance(each, Sample) else Sample(bit=each)
        memory, signals = observe(DOOR, memory, sample, moment(100 * index))
        told += [(str(one.state), one.at.mono_ms, one.settling, one.cause) for one in signals]
    return told


def test_the_alarm_side_is_believed_at_its_first_sample() -> None:
    """No debounce delays an opening."""
    assert run(SHUT, OPEN, OPEN) == [("open", 100, False, "")]


def test_the_return_is_believed_after_debounce_and_dated_to_its_first_sample() -> None:
    """A door that closed is not open for longer because we waited to be sure."""
    assert run(OPEN, SHUT, SHUT, SHUT, SHUT) == [
        ("open", 0, False, ""),
        ("open", 100, True, ""),
        ("closed", 100, False, ""),
    ]


def test_a_bounce_is_no_return() -> None:
    """A contact that chatters while the door is open tells of no closing."""
    assert run(OPEN, SHUT, OPEN, SHUT, OPEN) == [
        ("open", 0, False, ""),
        ("open", 100, True, ""),
        ("open", 200, False, ""),
        ("open", 300, True, ""),
        ("open", 400, False, ""),
    ]


def test_a_pulse_between_polls_is_seen_by_a_counter() -> None:
    """FIELD-FAULTS row 1: opened and closed between two polls."""
    quiet = Sample(bit=SHUT, counter=4)
    memory = InputMemory(state=State.CLOSED, counter=4)
    assert run(quiet, Sample(bit=SHUT, counter=5), Sample(bit=SHUT, counter=5), memory=memory) == [
        ("open", 100, False, "pulse"),
        ("closed", 100, False, "pulse"),
    ]


def test_a_pulse_between_polls_is_seen_by_a_latch() -> None:
    """FIELD-FAULTS row 1: the same with a register that stays set until it is read."""
    assert run(Sample(bit=SHUT, latched=True), Sample(bit=SHUT)) == [
        ("open", 0, False, "pulse"),
        ("closed", 0, False, "pulse"),
    ]


def test_a_counter_that_steps_with_an_ordinary_opening_is_no_second_one() -> None:
    """Opening and closing count too; only the counter is told then, so that it is remembered."""
    memory = InputMemory(state=State.CLOSED, counter=4)
    samples = [Sample(bit=OPEN, counter=4), Sample(bit=OPEN, counter=5), *[Sample(bit=SHUT, counter=6)] * 5]
    assert [state for state, _, _, _ in run(*samples, memory=memory)] == ["open", "open", "open", "closed"]


def test_a_module_that_restarted_has_counted_since_then() -> None:
    """A counter back at nothing tells nothing; one back at two saw two pulses."""
    memory = InputMemory(state=State.CLOSED, counter=40_000)
    assert run(Sample(bit=SHUT, counter=0), memory=memory) == [("closed", 0, False, "counter")]
    assert [state for state, *_ in run(Sample(bit=SHUT, counter=2), memory=memory)] == ["open", "closed"]


def test_a_counter_wraps() -> None:
    """65535 and then 0 is one step."""
    memory = InputMemory(state=State.CLOSED, counter=65_535)
    assert [state for state, *_ in run(Sample(bit=SHUT, counter=0), memory=memory)] == ["open", "closed"]


def test_a_pulse_while_nobody_watched_is_seen_at_the_first_reading() -> None:
    """FIELD-FAULTS row 1: a remembered counter shows what happened while the agent was down."""
    memory = InputMemory(counter=4)
    assert run(Sample(bit=SHUT, counter=5), memory=memory) == [
        ("open", 0, False, "pulse"),
        ("closed", 0, False, "pulse"),
    ]
    assert run(Sample(bit=SHUT, counter=4), memory=memory) == [("closed", 0, False, "")]
