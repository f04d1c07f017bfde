"""Register names, the read plan, the golden byte pair, and the strict judgement of answers."""

from __future__ import annotations

import pytest

from agent.drivers.modbus.connection import golden_bits
from agent.drivers.modbus.frames import Expected, Incomplete, Refused, Sound, Wrong, judge
from agent.drivers.modbus.registers import GOLDEN_BITS, Read, golden_fault, plan, values_of
from protocol.site.modbus import Register, Table, parse_register

READ = Expected(transaction=7, unit=1, function=2, data=2)
ANSWER = bytes.fromhex("0007 0000 0005 01 02 02 cd6b")


def registers(*texts: str) -> list[Register]:
    """Registers by their names."""
    return [parse_register(text) for text in texts]


@pytest.mark.parametrize(
    "text", ["", "io1/di", "io1/xx/0", "io1/di/-1", "io1/di/01", "io1/di/70000", "IO/di/0", "io1/di/0\n"]
)
def test_a_register_is_named_exactly(text: str) -> None:
    """Device, table and a number that the protocol has."""
    with pytest.raises(ValueError, match=r"must be|end at"):
        parse_register(text)


def test_one_read_a_table_contacts_first() -> None:
    """What explains an opening is read after it, so that a release is never older than the opening it explains."""
    reads = plan(registers("io1/do/1", "io1/di/7", "io1/di/0", "io1/ir/3", "io1/do/0"))
    assert reads == (
        Read(table=Table.DISCRETE_INPUTS, start=0, count=8),
        Read(table=Table.INPUT_REGISTERS, start=3, count=1),
        Read(table=Table.COILS, start=0, count=2),
    )


def test_a_wide_gap_makes_a_second_read_of_another_size() -> None:
    """FIELD-FAULTS row 9: two reads of one table never have answers of one size, so a late one fits only its own."""
    reads = plan(registers("io1/di/0", "io1/di/1000", "io1/di/65535", "io1/ir/0", "io1/ir/500"))
    for table in Table:
        sizes = [read.answer_bytes for read in reads if read.table is table]
        assert len(set(sizes)) == len(sizes)
    for number in (0, 1000, 65535):
        assert any(
            read.table is Table.DISCRETE_INPUTS and read.start <= number < read.start + read.count for read in reads
        )
    assert all(read.start + read.count <= 65536 for read in reads)


def test_values_stand_under_their_own_number() -> None:
    """A value is found under the table and number it was read from."""
    read = Read(table=Table.DISCRETE_INPUTS, start=5, count=3)
    assert values_of([(read, [True, False, True, True, True])]) == {
        (Table.DISCRETE_INPUTS, 5): 1,
        (Table.DISCRETE_INPUTS, 6): 0,
        (Table.DISCRETE_INPUTS, 7): 1,
    }


def test_the_golden_byte_pair_finds_a_wrong_bit_order() -> None:
    """A library that orders bits or bytes otherwise would show another door's bit."""
    assert golden_fault(golden_bits()) is None
    swapped = GOLDEN_BITS[8:] + GOLDEN_BITS[:8]
    mirrored = tuple(reversed(GOLDEN_BITS[:8])) + tuple(reversed(GOLDEN_BITS[8:]))
    for wrong in (swapped, mirrored, GOLDEN_BITS[:8], ()):
        assert golden_fault(wrong)


def test_only_the_whole_exact_answer_is_sound() -> None:
    """Byte by byte it is incomplete, whole it is sound, with anything behind it it is wrong."""
    for length in range(len(ANSWER)):
        assert judge(ANSWER[:length], READ) == Incomplete()
    assert judge(ANSWER, READ) == Sound()
    assert judge(ANSWER + b"\0", READ) == Wrong("bytes behind the answer")


@pytest.mark.parametrize(
    ("frame", "cause"),
    [
        ("0008 0000 0005 01 02 02 cd6b", "answer to another request"),
        ("0000 0000 0005 01 02 02 cd6b", "answer to another request"),
        ("0007 0001 0005 01 02 02 cd6b", "answer is not Modbus TCP"),
        ("0007 0000 ffff 01 02 02 cd6b", "answer is not Modbus TCP"),
        ("0007 0000 0005 02 02 02 cd6b", "answer of unit 2"),
        ("0007 0000 0005 01 01 02 cd6b", "answer of function 1"),
        ("0007 0000 0004 01 02 01 cd", "answer has 1 bytes, not 2"),
        ("0007 0000 0004 01 02 02 cd", "answer has 1 bytes, not 2"),
        ("0007 0000 0006 01 02 03 cd6b00", "answer has 3 bytes, not 2"),
        ("0007 0000 0005 01 02 01 cd6b", "answer has 2 bytes, not 2"),
    ],
)
def test_what_is_not_the_answer_is_named(frame: str, cause: str) -> None:
    """Wrong transaction, unit, function or size: a fault of the device, never a value."""
    assert judge(bytes.fromhex(frame), READ) == Wrong(cause)


def test_an_exception_is_a_refusal() -> None:
    """The device answers, and says no."""
    assert judge(bytes.fromhex("0007 0000 0003 01 82 02"), READ) == Refused("exception 2: illegal address")
    assert judge(bytes.fromhex("0007 0000 0003 01 82 63"), READ) == Refused("exception 99")


def test_a_write_must_be_echoed() -> None:
    """A coil counts as written only when the module says the same coil and value."""
    write = Expected(transaction=7, unit=1, function=5, data=bytes.fromhex("0003 ff00"))
    assert judge(bytes.fromhex("0007 0000 0006 01 05 0003 ff00"), write) == Sound()
    assert judge(bytes.fromhex("0007 0000 0006 01 05 0004 ff00"), write) == Wrong("write was not echoed")
