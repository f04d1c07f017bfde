"""What tells this hardware from another that runs a copy of its disk: 16 hex digits for births and enrolment.

Made of the network cards' permanent addresses, which a copied disk does not carry along; they are the same for every
user of the machine. Only a machine without a card is told by its product uuid, which the service itself may not read.
Decides nothing: the centre names both machines when it finds two histories (docs/trust.md 5.7).
"""

import fcntl
import socket
import struct
from array import array
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

NET: Final = Path("/sys/class/net")
UUID: Final = Path("/sys/class/dmi/id/product_uuid")

_SIOCETHTOOL: Final = 0x8946  # linux/sockios.h
_ETHTOOL_GPERMADDR: Final = 0x20  # linux/ethtool.h
_ADDRESS_BYTES: Final = 32  # MAX_ADDR_LEN, linux/netdevice.h
_PERMANENT: Final = "0"  # NET_ADDR_PERM of addr_assign_type: the address in use is the one it was made with

Permanent = Callable[[str], str]


def permanent_address(card: str) -> str:
    """The address that the card was made with, as the driver knows it; empty where it does not say."""
    answer = array("B", struct.pack("=II", _ETHTOOL_GPERMADDR, _ADDRESS_BYTES) + bytes(_ADDRESS_BYTES))
    request = struct.pack("16sP", card.encode()[:15], answer.buffer_info()[0])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            fcntl.ioctl(asking.fileno(), _SIOCETHTOOL, request)
    except OSError:
        return ""
    size = min(struct.unpack_from("=I", answer, 4)[0], _ADDRESS_BYTES)
    return answer[8 : 8 + size].tobytes().hex()


def machine_id(net: Path = NET, uuid: Path = UUID, permanent: Permanent = permanent_address) -> str:
    """16 hex digits; empty where nothing tells this machine from another."""
    found = sorted({address for card in _cards(net) if (address := _address(card, permanent))})
    if not found:
        found = [text] if (text := _read(uuid)) else []
    return sha256("\n".join(found).encode()).hexdigest()[:16] if found else ""


def _cards(net: Path) -> list[Path]:
    """Cards that are hardware: bridges, tunnels and the loopback have no device behind them."""
    try:
        return [card for card in net.iterdir() if (card / "device").exists()]
    except OSError:
        return []


def _address(card: Path, permanent: Permanent) -> str:
    address = permanent(card.name)
    if not address and _read(card / "addr_assign_type") == _PERMANENT:
        address = _read(card / "address").replace(":", "")
    return address if address.strip("0") else ""


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip().lower()
    except (OSError, UnicodeDecodeError):
        return ""
