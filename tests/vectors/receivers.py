"""The vectors of reports to a receiver over SIA DC-09, and of its acknowledgements (docs/alarms.md 7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from protocol.dc09.cipher import PADDING
from protocol.dc09.frames import decode_frame
from protocol.dc09.replies import ack
from protocol.dc09.sending import Message, encode_message

SENT = datetime(2026, 11, 22, 2, 11, 5, tzinfo=UTC)
CHANCE = bytes(PADDING)
_SAID: tuple[tuple[str, str, int, int, str, tuple[str, ...]], ...] = (
    ("a hold-up in Contact ID, in clear", "ADM-CID", 1, 0, "#1031|1120 02 012", ()),
    ("the same with AES-256, a minute late", "ADM-CID", 9999, 32, "#1031|1120 02 012", ("H02:10:00,11-22-2026",)),
    ("an intrusion that is over, SIA's code, AES-128", "SIA-DCS", 42, 16, "#1031|Nri2/BH12^0755-031 zone-button^", ()),
    ("a link test with AES-192", "NULL", 0, 24, "", ()),
)


def receiver_vectors() -> dict[str, Any]:
    """Frames without their line feed and carriage return; the padding is the letter A throughout."""
    return {
        "provenance": "made by tests/vectors/generate.py from the rules of SIA DC-09",
        "sent": [_vector(*each) for each in _SAID],
    }


def _vector(says: str, id_: str, sequence: int, size: int, data: str, extended: tuple[str, ...]) -> dict[str, Any]:
    key = bytes(range(size)) or None
    message = Message(
        id=id_,
        sequence=sequence,
        account="1031",
        receiver="1",
        data=data.encode(),
        extended=tuple(each.encode() for each in extended),
    )
    frame = encode_message(message, key=key, sent=SENT, chance=CHANCE)
    answer = ack(decode_frame(frame), key=key, now=SENT, chance=CHANCE)
    return {
        "says": says,
        "id": id_,
        "sequence": sequence,
        "receiver": "1",
        "prefix": "0",
        "account": "1031",
        "key": key.hex() if key else "",
        "data": data,
        "extended": list(extended),
        "sent": SENT.isoformat(),
        "frame": frame[1:-1].decode(),
        "answer": answer[1:-1].decode(),
    }
