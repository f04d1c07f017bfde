"""What a driver asks a module through, whatever is in between: the port that TCP and serial lines implement. No I/O."""

from collections.abc import Sequence
from typing import Protocol

from agent.drivers.modbus.registers import Read


class DeviceError(Exception):
    """The module did not answer as it must; the text says how, in a few words."""


class DeviceRefusedError(DeviceError):
    """The module answered with a Modbus exception: the connection itself is sound."""


def values_in(read: Read, answered: Sequence[int]) -> list[int]:
    """The values of this read out of an answer, which bits fill up to whole bytes.

    Raises:
        DeviceError: there are fewer.
    """
    if len(answered) < read.count:
        raise DeviceError(f"answer has {len(answered)} values, not {read.count}")
    return list(answered[: read.count])


def coil_data(number: int, on: bool) -> bytes:
    """What a write of one coil says, and its answer says again (Modbus Application Protocol V1.1b3, section 6.5)."""
    return number.to_bytes(2, "big") + (b"\xff\x00" if on else b"\x00\x00")


class Link(Protocol):
    """A module that can be asked. Not to be used by two tasks at once."""

    async def read(self, read: Read) -> list[int]:
        """The values of one read, lowest number first.

        Raises:
            DeviceError: no answer, or another than this read's.
        """

    async def write(self, number: int, on: bool) -> None:
        """Set one coil.

        Raises:
            DeviceRefusedError: the module does not take it; the connection is sound.
            DeviceError: no answer, or another than this write's.
        """

    def close(self) -> None:
        """Let go of it at once."""
