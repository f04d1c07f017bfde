"""The way to a module as its site file says it: over the network, or on a serial line of the box. Decides nothing."""

from agent.drivers.modbus.connection import Connection
from agent.drivers.modbus.link import Link
from agent.drivers.modbus.serial_line import SerialLines
from protocol.site.addresses import parse_address
from protocol.site.modbus import MODBUS_PORT, IoModule, line_of


async def reach(module: IoModule, lines: SerialLines) -> Link:
    """Connect.

    Raises:
        DeviceError: nobody answers there.
    """
    line = line_of(module)
    if line is not None:
        return lines.at(line.path).connect(line, module.unit_id)
    host, port = parse_address(module.address, MODBUS_PORT)
    return await Connection.open(host, port, module.unit_id)
