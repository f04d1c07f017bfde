"""Standard Webhooks signatures, as the gateway of a demo makes and checks them. Pure.

`webhook-signature: v1,` base64 of HMAC-SHA256 over `id.timestamp.body`; the secret is `whsec_` and base64.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
"""A signature of another time may be a recording."""


def new_secret(random: bytes) -> str:
    """The secret that both sides hold."""
    return PREFIX + b64encode(random).decode("ascii")


def signed(secret: str, message_id: str, now_s: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a message."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": "v1," + _mac(secret, message_id, str(now_s), body),
    }


def holds(secret: str, headers: Mapping[str, str], now_s: int, body: bytes) -> bool:
    """Whether the headers are those of this body, made lately by who knows the secret."""
    message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isascii() or not at.isdigit() or abs(int(at[:12]) - now_s) > TOLERANCE_S:
        return False
    wanted = _mac(secret, message_id, at, body)
    given = [each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split() if each[:3] == "v1,"]
    return any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given)


def _mac(secret: str, message_id: str, at: str, body: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.new(key, f"{message_id}.{at}.".encode() + body, sha256).digest()).decode("ascii")
