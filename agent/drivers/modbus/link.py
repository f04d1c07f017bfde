"""What a driver asks a module through, whatever is in between: the port that TCP and serial lines implement. No I/O."""

from typing import Protocol

from agent.drivers.modbus.registers import Read


class DeviceError(Exception):
    """The module did not answer as it must; the text says how, in a few words."""


class DeviceRefusedError(DeviceError):
    """The module answered with a Modbus exception: the connection itself is sound."""


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
