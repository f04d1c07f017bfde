"""WS-Discovery of a simulated device (OASIS 1.0 draft as ONVIF uses it): answers Probe by multicast. Opt-in.

Flow: a UDP datagram -> here -> an answer to whoever asked. It starts nothing by itself and says no hello.
"""

import asyncio
import socket
import uuid
from collections.abc import Callable
from typing import Final, cast
from xml.sax.saxutils import escape

from simulator.cameras.device import Device
from simulator.cameras.device_services import scopes
from simulator.cameras.soap import NotSoapError, find, parsed

GROUP: Final = "239.255.255.250"
PORT: Final = 3702
MAX_BYTES: Final = 16 * 1024


class Discovery(asyncio.DatagramProtocol):
    """Answers for one device; use `start` and `stop`."""

    def __init__(self, device: Device, service: Callable[[], str], interface: str) -> None:
        self._device = device
        self._service = service
        self._interface = interface
        self._identity = uuid.uuid5(uuid.NAMESPACE_URL, f"simulated:{device.state.name}:{id(device)}")
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Join the group.

        Raises:
            OSError: the port is taken by somebody who does not share it.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            sock.bind(("", PORT))
            member = socket.inet_aton(GROUP) + socket.inet_aton(self._interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except OSError:
            sock.close()
            raise
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)

    async def stop(self) -> None:
        """Leave it."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await asyncio.sleep(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio, whose own transport is no subclass of what it is in Python 3.11."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by asyncio."""
        if self._transport is None or len(data) > MAX_BYTES:
            return
        try:
            call = parsed(data)
        except NotSoapError:
            return
        types = find(call.body, "Types")
        if not call.name.endswith(":Probe") or (
            types and "NetworkVideoTransmitter" not in types and "Device" not in types
        ):
            return
        self._transport.sendto(self._matches(call.message), addr)

    def _matches(self, asked: str) -> bytes:
        discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
        return (
            '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            f'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="{discovery}" '
            'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
            f"<a:MessageID>uuid:{uuid.uuid4()}</a:MessageID><a:RelatesTo>{escape(asked)}</a:RelatesTo>"
            "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
            f"<a:Action>{discovery}/ProbeMatches</a:Action></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
            f"<a:EndpointReference><a:Address>urn:uuid:{self._identity}</a:Address></a:EndpointReference>"
            f"<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{' '.join(scopes(self._device))}</d:Scopes>"
            f"<d:XAddrs>{self._service()}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
            "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        ).encode()
