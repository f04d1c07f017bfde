"""What arrived, before anybody believed any of it, and what it is called when it is set aside.

The first and the last type of the ingest: everything that is `Received` becomes verified or a `Rejection`. Pure.
"""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why something was set aside; shown to people, so words are never changed."""

    BAD_TOPIC = "bad_topic"  # not a topic of a box
    TOO_LARGE = "too_large"  # longer than its kind may be
    MALFORMED = "malformed"  # no strict envelope, or its content is no message
    WRONG_TYPE = "wrong_type"  # sealed as something else than its topic carries
    UNKNOWN_KEY = "unknown_key"  # nobody introduced this key in time
    BAD_SIGNATURE = "bad_signature"  # not signed by the key it names
    FOREIGN_BOX = "foreign_box"  # signed by one box, sent as another
    FOREIGN_SITE = "foreign_site"  # speaks for a site that its certificate does not name
    FOREIGN_KEY = "foreign_key"  # a certificate of ours for a box that has another key
    UNTRUSTED = "untrusted"  # its certificate does not lead to our root, or has another role
    REVOKED = "revoked"  # its certificate was taken back
    NOT_YET_VALID = "not_yet_valid"  # its certificate begins in the future
    RATE = "rate"  # more than one box may send
    EVIDENCE_HASH = "evidence_hash"  # a picture's bytes are not what its box sealed
    NOT_STORED = "not_stored"  # the database refused it: our fault, kept to be looked at


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message as a broker delivered it; `broker` says which one, and `heard_since_ms` since when it is heard."""

    topic: str
    payload: bytes
    received_ms: int
    broker: int = 0
    heard_since_ms: int = 0


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """Something set aside. `claimed_box` is what the topic says, and nothing more than that."""

    reason: Reason
    claimed_box: str
    received: Received
    detail: str = ""
