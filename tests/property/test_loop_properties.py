"""Supervised loops: whatever an input measures, no alarm is missed, no tamper is lost, and noise changes nothing."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.modbus.loops import SETTLE, LoopMemory, margin_of, observe
from agent.signals import Signal, State
from protocol.site.schema import Bands
from tests.branch import moment

POLL_MS = 100
DEBOUNCE = timedelta(milliseconds=300)
LOOSE = Bands(short=(0, 200), normal=(800, 1200), alarm=(1800, 2400), open=(3500, 4095))
TIGHT = Bands(short=(0, 599), normal=(600, 1400), alarm=(1401, 2600), open=(2601, 4095))
BANDS = st.sampled_from([LOOSE, TIGHT])
EDGES = st.sampled_from(
    [(bands, edge) for bands in (LOOSE, TIGHT) for band in (bands.normal, bands.alarm) for edge in band]
)
LASTING = st.tuples(st.sampled_from([0, 100, 900, 1100, 1900, 2300, 3000, 4000]), st.integers(1, 8))
VALUES = st.lists(st.integers(0, 4095), max_size=30) | st.lists(LASTING, max_size=8).map(
    lambda parts: [value for value, times in parts for _ in range(times)]
)
STEPS = SETTLE // timedelta(milliseconds=POLL_MS)


def run(bands: Bands, values: list[int], memory: LoopMemory | None = None) -> tuple[LoopMemory, list[Signal]]:
    """One value every POLL_MS; what is known at the end and everything that was told."""
    memory = memory or LoopMemory()
    told: list[Signal] = []
    for index, value in enumerate(values):
        memory, signals = observe("zone/z", bands, DEBOUNCE, memory, value, moment(POLL_MS * index))
        told += signals
    return memory, told


@given(BANDS, VALUES, st.data())
def test_an_alarm_is_believed_at_its_first_sample(bands: Bands, before: list[int], data: st.DataObject) -> None:
    """Whatever was measured before: a value in the band of the alarm is one."""
    alarm = data.draw(st.integers(*bands.alarm))
    memory, told = run(bands, [*before, alarm])
    assert memory.state is State.ACTIVE
    assert (told[-1].state, told[-1].settling) == (State.ACTIVE, False)


@given(BANDS, VALUES, st.sampled_from([("short", 0), ("open", 4095)]))
def test_a_wire_that_stays_cut_or_short_is_told(bands: Bands, before: list[int], cut: tuple[str, int]) -> None:
    """From whatever state; where nothing of it was seen before, once, with its cause, dated to its first sample."""
    cause, value = cut
    first, _ = run(bands, before)
    begun = POLL_MS * len(before)
    memory, told = run(bands, [*before, *[value] * (STEPS + 1)])
    assert (memory.state, memory.cause != "") == (State.TAMPER, True)
    if first.state is not State.TAMPER and first.odd_since is None:
        fresh = [(each.at.mono_ms, each.cause) for each in told if each.state is State.TAMPER and not each.settling]
        assert fresh[-1] == (begun, cause)


@given(BANDS, VALUES)
def test_rest_is_believed_only_where_it_lasted(bands: Bands, values: list[int]) -> None:
    """Nothing but measured rest through the whole debounce ends an alarm or a tamper."""
    memory = LoopMemory()
    for index, value in enumerate(values):
        was = memory.state
        memory, _ = observe("zone/z", bands, DEBOUNCE, memory, value, moment(POLL_MS * index))
        if memory.state is State.NORMAL and was in {State.ACTIVE, State.TAMPER}:
            recent = values[max(0, index - DEBOUNCE // timedelta(milliseconds=POLL_MS)) : index + 1]
            assert all(bands.normal[0] <= each <= bands.normal[1] for each in recent)


@given(BANDS, VALUES)
def test_what_is_told_is_what_is_known(bands: Bands, values: list[int]) -> None:
    """The last signal bears the state that the memory holds; before any there is nothing known."""
    memory, told = run(bands, values)
    assert memory.state is (told[-1].state if told else State.UNKNOWN)


@given(EDGES, st.lists(st.floats(-1, 1), min_size=5, max_size=60))
def test_noise_at_an_edge_does_not_flutter(where: tuple[Bands, int], noise: list[float]) -> None:
    """A value that trembles at an edge by half the margin leaves its band once at most."""
    bands, edge = where
    swing = margin_of(bands) // 2
    memory, changes = LoopMemory(), 0
    for index, each in enumerate(noise):
        was = memory.state
        value = round(edge + swing * each)
        memory, _ = observe("zone/z", bands, DEBOUNCE, memory, value, moment(POLL_MS * index))
        changes += memory.state is not was and was is not State.UNKNOWN
    assert changes <= 1


@given(st.integers(1, 12), st.integers(1, STEPS))
def test_a_wire_that_comes_and_goes_is_told(cuts: int, rest: int) -> None:
    """A cut of one poll between rests that are shorter than the debounce counts on until it is believed."""
    values = [1000, *([4000] + [1000] * min(rest, 2)) * cuts]
    memory, told = run(LOOSE, [*values, 4000])
    lasted = timedelta(milliseconds=POLL_MS * (len(values) - 1))
    assert (memory.state is State.TAMPER) is (lasted >= SETTLE)
    assert any(each.state is State.TAMPER for each in told) is (lasted >= SETTLE)
