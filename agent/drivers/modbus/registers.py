"""Which registers one poll reads, and which bit of an answer is whose. Pure.

One read a table wherever possible. No two reads of a table have answers of one size: a gateway that answers late then
cannot have one read's answer taken for another's (FIELD-FAULTS row 9), because function, unit and size must all match.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from protocol.site.modbus import HIGHEST_NUMBER, Register, Table

MAX_BITS: Final = 2000
"""Bits of one read (Modbus Application Protocol V1.1b3, sections 6.1 and 6.2)."""

MAX_WORDS: Final = 125
"""Words of one read (sections 6.3 and 6.4)."""

MAX_GAP: Final = MappingProxyType({True: 64, False: 16})
"""Unused bits or words that are read along rather than making a second read; a wider gap may not exist at all."""

ORDER: Final = (Table.DISCRETE_INPUTS, Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS, Table.COILS)
"""Contacts first: a counter or a lock read after them is never older than the opening that it explains."""

FUNCTIONS: Final = MappingProxyType(
    {Table.COILS: 1, Table.DISCRETE_INPUTS: 2, Table.HOLDING_REGISTERS: 3, Table.INPUT_REGISTERS: 4}
)
"""Function codes by table."""

GOLDEN_BYTES: Final = b"\xcd\x6b"
"""The specification's own example (section 6.1): bits are packed from the lowest upwards, first byte first."""

GOLDEN_BITS: Final = tuple(letter == "1" for letter in "1011001111010110")


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a poll."""

    table: Table
    start: int
    count: int

    @property
    def answer_bytes(self) -> int:
        """The size of the data in its answer."""
        return -(-self.count // 8) if self.table.of_bits else 2 * self.count


def plan(registers: Iterable[Register]) -> tuple[Read, ...]:
    """The reads that cover all `registers` of one device, in the order they are to be made."""
    wanted = set(registers)
    reads: list[Read] = []
    for table in ORDER:
        numbers = sorted({register.number for register in wanted if register.table is table})
        reads += _distinct(_spans(numbers, table))
    return tuple(reads)


def values_of(reads: Iterable[tuple[Read, Sequence[int]]]) -> Mapping[tuple[Table, int], int]:
    """Every value of a poll by table and number."""
    return {
        (read.table, read.start + index): int(values[index]) for read, values in reads for index in range(read.count)
    }


def read_of_another_size(read: Read, sizes: Collection[int]) -> Read:
    """A read in the same place whose answer has none of these sizes: a smaller one, which every module has, if any."""
    step = 8 if read.table.of_bits else 1
    for count in range(read.count - step, 0, -step):
        if (smaller := msgspec.structs.replace(read, count=count)).answer_bytes not in sizes:
            return smaller
    found = read
    while found.answer_bytes in sizes:
        found = _longer(found)
    return found


def golden_fault(decoded: Sequence[bool]) -> str | None:
    """Why this decoding of GOLDEN_BYTES is wrong: a library that orders bits otherwise reads another door's bit."""
    return None if tuple(decoded) == GOLDEN_BITS else "bit order of the Modbus library is wrong"


def _spans(numbers: Sequence[int], table: Table) -> list[Read]:
    most = MAX_BITS if table.of_bits else MAX_WORDS
    reads: list[Read] = []
    for number in numbers:
        last = reads[-1] if reads else None
        if last and number - (last.start + last.count) <= MAX_GAP[table.of_bits] and number - last.start < most:
            reads[-1] = Read(table=table, start=last.start, count=number - last.start + 1)
        else:
            reads.append(Read(table=table, start=number, count=1))
    return reads


def _distinct(reads: Iterable[Read]) -> list[Read]:
    sizes: set[int] = set()
    found = []
    for read in sorted(reads, key=lambda each: -each.count):  # the small ones grow, the large may be at their limit
        while read.answer_bytes in sizes:
            read = _longer(read)  # noqa: PLW2901
        sizes.add(read.answer_bytes)
        found.append(read)
    return sorted(found, key=lambda each: each.start)


def _longer(read: Read) -> Read:
    step = 8 if read.table.of_bits else 1
    start = max(0, min(read.start, HIGHEST_NUMBER + 1 - read.count - step))
    return Read(table=read.table, start=start, count=read.count + step)
