"""WS-Discovery: which ONVIF devices are in the same network, asked once by multicast. Pure but for `find`.

Answers come from anybody on the network and are bounded: bytes, count, time, and XML without document types. Nothing is
sent to what answers; whoever reads the list decides. Written here in place of a library: docs/decisions/34.
"""

import asyncio
import fcntl
import ipaddress
import socket
import struct
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from agent.drivers.safe_xml import XmlError, every, parse, said

GROUP: Final = "239.255.255.250"
PORT: Final = 3702
ASKED: Final = 2
"""Times that are asked: datagrams get lost."""

_SIOCGIFADDR: Final = 0x8915
"""netdevice(7)."""

MAX_DATAGRAM: Final = 16 * 1024
MAX_ANSWERS: Final = 1_000
MAX_FOUND: Final = 500


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One device: who answered, and what it says of itself. Its word, not ours."""

    address: str  # host or host:port of its ONVIF service, as a site file names it
    identity: str
    name: str = ""
    hardware: str = ""
    profiles: tuple[str, ...] = ()  # Streaming, G, T...
    answered_from: str = ""


def probe(identity: uuid.UUID) -> bytes:
    """The question: who transmits video?"""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
        ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>'
        f"<w:MessageID>uuid:{identity}</w:MessageID>"
        '<w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>'
        '<w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>'
        "</e:Header><e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"
    ).encode()


def answers(data: bytes, sender: str, asked: uuid.UUID) -> tuple[Found, ...]:
    """The devices of one datagram; none where it is no answer to our question, or cannot be read."""
    if len(data) > MAX_DATAGRAM:
        return ()
    try:
        root = parse(data)
    except XmlError:
        return ()
    related = [(each.text or "").strip().lower() for each in every(root, "RelatesTo")]
    if not any(each.endswith(str(asked)) for each in related):
        return ()
    found = []
    for match in list(every(root, "ProbeMatch"))[:16]:
        address = _address(said(match, "XAddrs", limit=1024).split(), sender)
        scopes = said(match, "Scopes", limit=4096).split()
        if address:
            found.append(
                Found(
                    address=address,
                    identity=said(match, "EndpointReference", "Address"),
                    name=_scope(scopes, "name"),
                    hardware=_scope(scopes, "hardware"),
                    profiles=tuple(each for scope in scopes if (each := _scope([scope], "profile")))[:16],
                    answered_from=sender,
                )
            )
    return tuple(found)


def unique(found: Iterable[Found]) -> tuple[Found, ...]:
    """Each device once, in the order of their addresses; devices answer on every way that they have."""
    by_identity: dict[str, Found] = {}
    for each in found:
        by_identity.setdefault(f"{each.identity} {each.address}", each)
    return tuple(sorted(by_identity.values(), key=lambda each: _order(each.address)))[:MAX_FOUND]


async def find(seconds: float, interfaces: Iterable[str]) -> tuple[Found, ...]:
    """Ask by each of these addresses of ours and listen so long. Raises: OSError: none of them can send."""
    asked = uuid.uuid4()
    found: list[Found] = []
    loop = asyncio.get_running_loop()
    transports = []
    trouble: OSError | None = None
    for interface in interfaces:
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(asked, found), sock=_socket(interface))
        except OSError as error:
            trouble = error
            continue
        transports.append(transport)
    if not transports and trouble is not None:
        raise trouble
    try:
        for _ in range(ASKED):
            for transport in transports:
                transport.sendto(probe(asked), (GROUP, PORT))
            await asyncio.sleep(seconds / ASKED)
    finally:
        for transport in transports:
            transport.close()
        await asyncio.sleep(0)
    return unique(found)


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, asked: uuid.UUID, found: list[Found]) -> None:
        self._asked = asked
        self._found = found
        self._count = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by asyncio."""
        self._count += 1
        if self._count <= MAX_ANSWERS and len(self._found) < MAX_FOUND:
            self._found.extend(answers(data, addr[0], self._asked))


def interfaces() -> tuple[str, ...]:
    """IPv4 addresses of this machine's own networks; its loopback is none."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # it has no IPv4 address
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.append(socket.inet_ntoa(answer[20:24]))
    return tuple(each for each in found if not ipaddress.ip_address(each).is_loopback)


def _socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        made.bind((interface, 0))
    except OSError:
        made.close()
        raise
    return made


def _address(uris: Iterable[str], sender: str) -> str:
    """The service's address, where it names one that a site file may name; of several, the one that answered."""
    found = []
    for uri in uris:
        try:
            parts = urlsplit(uri)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            continue
        if parts.scheme == "http" and host and all(letter.isalnum() or letter in ".-:" for letter in host):
            shown = f"[{host}]" if ":" in host else host
            found.append((host != sender, ":" in host, shown if port in {None, 80} else f"{shown}:{port}"))
    return min(found)[2][:255] if found else ""


def _scope(scopes: Iterable[str], kind: str) -> str:
    head = f"onvif://www.onvif.org/{kind}/"
    text = next((each[len(head) :] for each in scopes if each.lower().startswith(head)), "")
    return "".join(letter for letter in unquote(text)[:64] if letter.isprintable())


def _order(address: str) -> tuple[int, str]:
    try:
        return int(ipaddress.ip_address(address.partition(":")[0])), address
    except ValueError:
        return 2**128, address
