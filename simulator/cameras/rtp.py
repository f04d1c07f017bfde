"""RTP for H.264 (RFC 3550, RFC 6184) and the SDP (RFC 4566) that announces it. Pure.

Flow: an access unit -> here -> `rtsp.py` frames the packets into its TCP connection.
"""

import base64
import struct
from collections.abc import Iterator, Sequence
from typing import Final

CLOCK_HZ: Final = 90_000
PAYLOAD_TYPE: Final = 96
MAX_PAYLOAD: Final = 1_400
FU_A: Final = 28
NTP_EPOCH_S: Final = 2_208_988_800
"""From 1900, where NTP begins, to 1970."""


class Packetizer:
    """One stream to one client: its sequence numbers and what its sender reports say."""

    def __init__(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self.sequence = sequence
        self._packets = 0
        self._bytes = 0

    def packets(self, nals: Sequence[bytes], ticks: int) -> Iterator[bytes]:
        """The RTP packets of one access unit; the marker ends it."""
        for number, nal in enumerate(nals):
            last = number == len(nals) - 1
            if len(nal) <= MAX_PAYLOAD:
                yield self._packet(nal, ticks, marker=last)
                continue
            body, kind, importance = nal[1:], nal[0] & 0x1F, nal[0] & 0xE0
            for start in range(0, len(body), MAX_PAYLOAD - 2):
                part = body[start : start + MAX_PAYLOAD - 2]
                end = start + len(part) == len(body)
                header = kind | (0x80 if start == 0 else 0) | (0x40 if end else 0)
                yield self._packet(bytes((importance | FU_A, header)) + part, ticks, marker=last and end)

    def report(self, wall_s: float, ticks: int) -> bytes:
        """An RTCP sender report (RFC 3550 6.4.1), with a name after it as every compound packet has."""
        seconds = wall_s + NTP_EPOCH_S
        whole = int(seconds)
        fraction = int((seconds - whole) * (1 << 32))
        head = struct.pack(">BBHI", 0x80, 200, 6, self.ssrc)
        body = struct.pack(
            ">IIIII", whole & 0xFFFFFFFF, fraction, ticks & 0xFFFFFFFF, self._packets, self._bytes & 0xFFFFFFFF
        )
        name = b"\x01\x06camera"  # an item CNAME of six letters
        chunk = struct.pack(">I", self.ssrc) + name
        chunk += b"\x00" * (4 - len(chunk) % 4)
        return head + body + struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk

    def _packet(self, payload: bytes, ticks: int, *, marker: bool) -> bytes:
        second = PAYLOAD_TYPE | (0x80 if marker else 0)
        head = struct.pack(">BBHII", 0x80, second, self.sequence & 0xFFFF, ticks & 0xFFFFFFFF, self.ssrc)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self._packets += 1
        self._bytes += len(payload)
        return head + payload


def sdp(address: str, name: str, sps: bytes, pps: bytes, fps: int) -> bytes:
    """What DESCRIBE answers: one video track, `trackID=0`."""
    sets = ",".join(base64.b64encode(each).decode() for each in (sps, pps))
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {address}",
        f"s={name}",
        "t=0 0",
        "a=control:*",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        "c=IN IP4 0.0.0.0",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={sps[1:4].hex()};sprop-parameter-sets={sets}",
        f"a=framerate:{fps}",
        "a=control:trackID=0",
        "",
    ]
    return "\r\n".join(lines).encode()
