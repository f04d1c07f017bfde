"""Standard Webhooks: how a message is signed and how a signed one is judged. Pure.

`webhook-signature: v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`. A secret is `whsec_` and base64, or at
least 24 characters as they stand. Flow: webhook.py signs, console/gateways.py asks `judge`.
"""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
WINDOW_S: Final = 5 * 60
"""How far a signed message's time may be off."""
LEAST_SECRET: Final = 24
MOST_SIGNATURES: Final = 8
MAX_HEADER: Final = 1024

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIME: Final = re.compile(r"[0-9]{1,12}")
_PREFIX: Final = "whsec_"


class Judgement(StrEnum):
    """Whether a signed message counts."""

    GOOD = "good"
    UNSIGNED = "unsigned"  # headers missing or of another form
    FORGED = "forged"
    OLD = "old"  # or from the future


def secret_of(text: str) -> bytes | None:
    """The bytes of a secret; None for one that is too short or no base64."""
    text = text.strip()
    if not text.startswith(_PREFIX):
        raw = text.encode("utf-8")
        return raw if len(raw) >= LEAST_SECRET else None
    try:
        raw = b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        return None
    return raw if len(raw) >= LEAST_SECRET else None


def sign(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp_s),
        SIGNATURE: "v1," + _mac(secret, message_id, str(timestamp_s), body),
    }


def judge(secret: bytes, headers: Mapping[str, str], body: bytes, now_s: int) -> Judgement:
    """Whether these headers (names in lower case) belong to this body now. The signature comes before the time."""
    message_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "")
    if not (_ID.fullmatch(message_id) and _TIME.fullmatch(timestamp) and 0 < len(given) <= MAX_HEADER):
        return Judgement.UNSIGNED
    wanted = _mac(secret, message_id, timestamp, body).encode("ascii")
    offered = [each.removeprefix("v1,") for each in given.split()[:MOST_SIGNATURES] if each.startswith("v1,")]
    if not any(hmac.compare_digest(wanted, each.encode("utf-8", "replace")) for each in offered):
        return Judgement.FORGED
    return Judgement.GOOD if abs(now_s - int(timestamp)) <= WINDOW_S else Judgement.OLD


def _mac(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(secret, b".".join((message_id.encode(), timestamp.encode(), body)), sha256).digest()
    return b64encode(digest).decode("ascii")
