"""Invariant: no bytes but exactly the answer are sound; every bit of a sound answer lands under its own number."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.drivers.modbus.frames import Expected, Incomplete, Refused, Sound, Wrong, judge
from agent.drivers.modbus.registers import MAX_BITS, MAX_WORDS, plan, values_of
from protocol.site.modbus import Register, Table

EXPECTED = Expected(transaction=513, unit=17, function=2, data=2)
ANSWER = bytes.fromhex("0201 0000 0005 11 02 02 cd6b")
REGISTERS = st.builds(
    Register,
    device=st.just("io1"),
    table=st.sampled_from(Table),
    number=st.one_of(st.integers(0, 40), st.integers(0, 65535)),
)


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_noise_is_never_sound(frame: bytes) -> None:
    """Whatever arrives is judged, and only the answer is taken."""
    verdict = judge(frame, EXPECTED)
    assert isinstance(verdict, Incomplete | Wrong | Refused | Sound)
    assert (verdict == Sound()) == (frame[:9] == ANSWER[:9] and len(frame) == len(ANSWER))


@given(st.integers(0, len(ANSWER) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_an_answer_with_one_byte_changed_is_another(at: int, change: int) -> None:
    """Only the data itself may differ."""
    frame = bytearray(ANSWER)
    frame[at] ^= change
    assert (judge(bytes(frame), EXPECTED) == Sound()) == (at >= 9)


@given(st.lists(REGISTERS, min_size=1, max_size=40))
@settings(max_examples=300, deadline=None)
def test_every_register_is_read_under_its_own_number(registers: list[Register]) -> None:
    """The plan covers all of them, in reads the protocol allows, and no two of a table have answers of one size."""
    reads = plan(registers)
    # A device whose value at every place is that place's own mark: a shifted bit would show.
    answers = [(read, [(read.start + index) % 7 for index in range(read.count)]) for read in reads]
    values = values_of(answers)
    for register in registers:
        assert values[register.table, register.number] == register.number % 7
    for table in Table:
        sizes = [read.answer_bytes for read in reads if read.table is table]
        assert len(set(sizes)) == len(sizes)
    for read in reads:
        assert 1 <= read.count <= (MAX_BITS if read.table.of_bits else MAX_WORDS)
        assert read.start >= 0
        assert read.start + read.count <= 65536
