"""What a report says in a receiver's words: Contact ID, or SIA's own code. Pure.

The catalogue of kinds has the Contact ID code of each (protocol/kinds.py); the table here says what SIA DC-03 calls the
same. A point that a site's table gives no number has its own where it ends with one (`device/p1/zone/99`), else none.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import msgspec

from collector.notify.dc09.records import Report
from collector.notify.dc09.settings import SiteAccount, Token
from protocol.dc09.body import format_sent
from protocol.dc09.contact_id import contact_id
from protocol.dc09.sia_dcs import sia_dcs
from protocol.kinds import UnknownKindError, kind_of

LATE_MS: Final = 60_000
"""A report older than this says when it happened (extended data `H`, SIA DC-09 annex I); a fresh one stays short."""

MAX_SAID: Final = 48
"""Characters of site and point in a SIA message's text."""

SIA: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        110: ("FA", "FH"),
        120: ("PA", "PH"),
        121: ("HA", "HH"),
        130: ("BA", "BH"),
        131: ("BA", "BH"),
        133: ("BA", "BH"),
        137: ("TA", "TR"),
        301: ("AT", "AR"),
        302: ("YT", "YR"),
        320: ("YA", "YH"),
        350: ("LT", "LR"),
        354: ("YC", "YK"),
        380: ("BT", "BJ"),
        401: ("OP", "CL"),
        422: ("DK", "DR"),
        423: ("DF", "DR"),
        426: ("DN", "DR"),
        451: ("OK", "CK"),
        453: ("CT", "OT"),
        454: ("CI", "CL"),
        455: ("CI", "CL"),
        570: ("BB", "BU"),
        575: ("BB", "BU"),
        602: ("RP", "RP"),
        607: ("TS", "TE"),
        611: ("TX", "TX"),
    }
)
"""Contact ID's event: SIA's code while it lasts, and when it is over."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a message, and what stands behind it."""

    account: str
    data: bytes
    extended: tuple[bytes, ...] = ()


def data_of(report: Report, site: SiteAccount, token: Token, now_ms: int) -> Said | None:
    """What a receiver is told; None: its kind has no code that a receiver would understand."""
    try:
        cid = kind_of(report.kind).cid
    except UnknownKindError:
        return None
    if cid is None:
        return None
    point = point_number(report.point, site.points)
    if token is Token.CONTACT_ID:
        code = f"{'R' if report.restored else 'E'}{cid:03d}"
        data = contact_id(code, area=site.area, point=point, account=site.account)
    else:
        data = sia_dcs(
            SIA[cid][report.restored],
            zone=str(point) if point else "",
            area=str(site.area) if site.area else "",
            account=site.account,
            text=_text(report),
        )
    late = now_ms - report.opened_ms > LATE_MS
    happened = datetime.fromtimestamp(report.opened_ms / 1000, UTC)
    return Said(
        account=site.account, data=data, extended=(b"H" + format_sent(happened).removeprefix(b"_"),) if late else ()
    )


def point_number(point: str, numbers: Mapping[str, int]) -> int:
    """The number of a point at the receiver; 0: it has none."""
    if point in numbers:
        return numbers[point]
    last = point.rpartition("/")[2]
    return int(last) if last.isascii() and last.isdecimal() and len(last) <= 3 else 0


def _text(report: Report) -> str:
    """Site and point in what every receiver prints: ASCII without the signs that mean something in a frame."""
    return "".join(
        each if " " <= each <= "~" and each not in "[]^|/*" else "-" for each in f"{report.site} {report.point}"
    )[:MAX_SAID]
