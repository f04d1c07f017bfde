"""SIA's own code inside a frame (`SIA-DCS`): `#account|Nri1/id2/BA03^text^`. Pure.

`N` is new, `O` old; modifiers (`ri` area, `id` user, `pi` part, `ti` time...) stand before the codes they are about. A
code of two capitals is followed by the number of its zone, user or area (SIA DC-03). Panels write it in decimal,
whatever the standard says: it is kept as it is written.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from protocol.dc09.reports import MAX_REPORTS, About, ContentError, Report, number, shown

_PREFIX: Final = re.compile(rb"[^NO|][^|]{0,31}\||\|")
_PIECE: Final = re.compile(
    rb"/*(?:(?P<modifier>[a-z]{2})(?P<value>[0-9.:-]*)"
    rb"|(?P<code>[A-Z]{2})(?P<address>[0-9A-F:-]*)(?:\*[^/^|]*)?(?:\^(?P<text>[^^]*)\^?)?)"
)
_NEXT_BLOCK: Final = re.compile(rb"\|(?=[NO])")

_INTRUSION, _HOLD_UP, _FIRE = "zone.intrusion", "zone.hold_up", "zone.fire"
_KINDS: Final[Mapping[str, str]] = {
    "B": _INTRUSION, "U": _INTRUSION, "F": _FIRE, "G": _FIRE, "K": _FIRE, "S": _FIRE,
    "P": _HOLD_UP, "H": _HOLD_UP, "M": _HOLD_UP, "Q": _HOLD_UP,
}  # fmt: skip
"""The first letter of a zone's code: what acted. Somebody who needs help (M, Q) is the nearest that the desk knows."""

_ENDINGS: Final[Mapping[str, tuple[About, bool]]] = {
    "A": (About.ALARM, False), "V": (About.ALARM, False), "M": (About.ALARM, False), "G": (About.ALARM, False),
    "H": (About.ALARM, True), "R": (About.ALARM, True),
    "T": (About.TROUBLE, False), "S": (About.TROUBLE, False), "J": (About.TROUBLE, True),
    "Y": (About.TROUBLE, False), "Z": (About.TROUBLE, False),
    "B": (About.BYPASS, False), "U": (About.BYPASS, True),
    "X": (About.TEST, False), "C": (About.NOTE, False),
}  # fmt: skip
"""The second letter: what became of it."""

_ODD: Final[Mapping[str, tuple[About, bool]]] = {
    **dict.fromkeys(("TA", "TT", "ES", "XS", "JA"), (About.TAMPER, False)),
    **dict.fromkeys(("TR", "TH", "TJ", "EJ", "XJ"), (About.TAMPER, True)),
    **dict.fromkeys(("BD",), (About.TROUBLE, False)),
    **dict.fromkeys(("BE", "FV", "FQ"), (About.TROUBLE, True)),
    **dict.fromkeys(("EA", "DF", "UZ"), (About.ALARM, False)),
    **dict.fromkeys(("RP", "RX", "TS", "TE", "TP", "TX", "TC", "TW", "TZ", "YY", "FI", "FK"), (About.TEST, False)),
    **dict.fromkeys(
        (
            "AB", "CO", "CR", "CZ", "OZ", "OC", "CX", "FL", "JL", "JR", "JP", "MI", "NS", "NA", "SC", "XI", "UX",
            "DA", "DB", "DC", "DD", "DE", "DG", "DI", "DK", "DN", "DO", "DP", "DQ", "DR", "DS", "DV", "DW", "DX", "DY",
            "DZ", "RC", "RO", "CD", "CE", "CI", "CT", "CW", "OI", "OT", "EE", "VY",
        ),
        (About.NOTE, False),
    ),
}  # fmt: skip

_FAULTS: Final[Mapping[str, tuple[str, bool]]] = {
    "AT": ("mains", False), "AR": ("mains", True),
    "YT": ("battery", False), "YM": ("battery", False), "YR": ("battery", True),
    "YP": ("power", False), "YQ": ("power", True), "YI": ("overcurrent", False), "YJ": ("overcurrent", True),
    "YC": ("communication", False), "YS": ("communication", False), "YK": ("communication", True),
    "YX": ("service", False), "YZ": ("service", True),
    "YA": ("bell", False), "YH": ("bell", True),
    "LT": ("line", False), "LR": ("line", True), "NT": ("network", False), "NR": ("network", True),
    "ET": ("expander", False), "EM": ("expander", False), "ER": ("expander", True), "EN": ("expander", True),
    "IA": ("equipment", False), "IR": ("equipment", True),
    "XT": ("radio-battery", False), "XR": ("radio-battery", True),
    "XQ": ("radio", False), "XH": ("radio", True), "WA": ("water", False), "WR": ("water", True), "WH": ("water", True),
    "ZA": ("freeze", False), "ZR": ("freeze", True), "ZH": ("freeze", True), "LB": ("programming", False),
    "LX": ("programming", True), "LS": ("programming", True), "RB": ("programming", False), "RS": ("programming", True),
}  # fmt: skip
"""Faults of the panel and its surroundings: under which name each begins and ends."""

_OPENINGS: Final = frozenset({"OP", "OA", "OG", "OQ", "OR", "OS", "OJ", "OK", "OH", "OL"})
_CLOSINGS: Final = frozenset({"CL", "CA", "CG", "CQ", "CS", "CP", "CF", "CJ", "CK", "NL", "NM", "NF"})
_STAYS: Final = frozenset({"NL", "NM", "NF"})
_OF_AREA: Final = frozenset({"OA", "OG", "CA", "CG", "CJ", "NL", "NM", "NF"})
"""Openings and closings whose number is the area's; that of the others is the user's."""


def parse_sia_dcs(data: bytes) -> tuple[Report, ...]:
    """The statements of a `SIA-DCS` frame, in their order.

    Raises:
        ContentError: not written so.
    """
    reports: list[Report] = []
    stripped = data.strip()
    prefix = _PREFIX.match(stripped)  # the account, once more
    text = stripped[prefix.end() :] if prefix else stripped
    for block in _NEXT_BLOCK.split(text):
        reports += _block(block)
    if not reports:
        raise ContentError("no code of SIA DC-03")
    return tuple(reports[:MAX_REPORTS])


def sia_dcs(code: str, *, zone: str = "", area: str = "", user: str = "", account: str = "", text: str = "") -> bytes:
    """The data of a `SIA-DCS` frame that says one thing."""
    head = f"#{account}|N" if account else "N"
    modifiers = "".join(f"{name}{value}/" for name, value in (("ri", area), ("id", user)) if value)
    said = f"^{text}^" if text else ""
    return f"{head}{modifiers}{code}{zone}{said}".encode()


def _block(block: bytes) -> list[Report]:
    if block[:1] not in {b"N", b"O"}:
        raise ContentError("neither new nor old")
    reports: list[Report] = []
    modifiers: dict[str, str] = {}
    at = 1
    while at < len(block):
        piece = _PIECE.match(block, at)
        if piece is None:
            break  # what is behind the last code is some panel's own
        at = piece.end()
        if piece["modifier"]:
            modifiers[piece["modifier"].decode("ascii")] = piece["value"].decode("ascii")
        else:
            address = piece["address"].decode("ascii")
            reports.append(_report(piece["code"].decode("ascii"), address, modifiers, shown(piece["text"] or b"")))
    if block.startswith(b"O"):
        return [msgspec.structs.replace(report, old=True) for report in reports]
    return reports


def _report(code: str, address: str, modifiers: Mapping[str, str], text: str) -> Report:
    area, user, place = number(modifiers.get("ri", "")), number(modifiers.get("id", "")), number(address)
    if code in _OPENINGS or code in _CLOSINGS:
        of_area = code in _OF_AREA
        return Report(
            code=code,
            about=About.OPENING if code in _OPENINGS else About.CLOSING,
            area=area or (place if of_area else "") or "0",
            user=user or ("" if of_area and not area else place),
            stay=code in _STAYS,
            text=text,
        )
    about, restored, kind, topic = _about(code)
    zone = "" if place == "0" else place
    return Report(
        code=code, about=about, kind=kind, restored=restored, zone=zone, area=area, user=user, topic=topic, text=text
    )


def _about(code: str) -> tuple[About, bool, str, str]:
    if fault := _FAULTS.get(code):
        return About.FAULT, fault[1], "", fault[0]
    if odd := _ODD.get(code):
        return *odd, (_INTRUSION if odd[0] is About.ALARM else ""), ""
    if code[0] in _KINDS and (ending := _ENDINGS.get(code[1])):
        return *ending, (_KINDS[code[0]] if ending[0] is About.ALARM else ""), ""
    return About.UNKNOWN, False, "", ""
