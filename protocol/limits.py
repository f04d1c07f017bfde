"""Named limits for everything that comes from outside, each with its unit and its reason.

They are applied before parsing. A limit that only one room needs stands in that room.
"""

from datetime import timedelta
from typing import Final

MAX_LINE_BYTES: Final = 16 * 1024
"""One message line. The largest honest event (a dozen `because` steps, forty facts) is about 4 KiB."""

MAX_EVENTS_PER_ENVELOPE: Final = 100
"""Lines of one `bw-events` payload (WIRE 1.2): a backlog drains in batches, one signature each."""

MAX_EVENTS_ENVELOPE_BYTES: Final = 3 * 1024 * 1024
"""A full batch of the largest lines in base64, plus header and signature."""

MAX_BEAT_BYTES: Final = 64 * 1024
"""A beat, a death, a receipt, a request: one line each, with points or heads inside."""

MAX_BIRTH_BYTES: Final = 512 * 1024
"""A birth carries every point of a site and a chain of certificates."""

MAX_DOCUMENT_BYTES: Final = 1024 * 1024
"""A signed document: site bundle, kit manifest, readmission, walk test's record."""

MAX_BUNDLE_BYTES: Final = 512 * 1024
"""A signed site bundle as it travels. A site of 400 zones with its roster is about 150 KiB."""

MAX_ORDER_BYTES: Final = 640 * 1024
"""An order; the largest carries a site bundle."""

MAX_HEADER_BYTES: Final = 512
"""The base64url header of an envelope: `alg`, `kid` and `typ` need about 130."""

MAX_CERTIFICATE_BYTES: Final = 8 * 1024
"""One certificate in DER. Ours are about 600 bytes."""

MAX_CHAIN_CERTIFICATES: Final = 4
"""Leaf, issuer, root and one to spare."""

MAX_POINTS: Final = 2000
"""Points of one site; the largest real outlets have some 300."""

MAX_PARKED_ENVELOPES: Final = 1000
"""Envelopes that wait for the birth of an unknown `kid`, per box (WIRE 1.2)."""

MAX_EXPORT_LINE_BYTES: Final = 8 * 1024 * 1024
"""One record of an exported ledger: the largest envelope with room for its frame."""

RESERVED_URGENT_EVENTS: Final = 60_000
"""Urgent events for which a box always has room (WIRE 2.4)."""

RECEIPTED_KEPT: Final = timedelta(days=30)
"""How long a box keeps what the centre has receipted, so that a restored centre can ask again (WIRE 2.6)."""
