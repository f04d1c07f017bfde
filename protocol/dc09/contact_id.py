"""Contact ID inside a frame (`ADM-CID`): `#account|QEEE GG CCC`. Pure.

Q is 1 for new or opening, 3 for over or closing, 6 for still so; EEE the event, GG the partition, CCC zone or user
(SIA DC-05 with the abbreviations of DC-09, annex H). The tables say what each event is about.
"""

import re
from typing import Final

from protocol.dc09.reports import About, ContentError, Report, number

_DATA: Final = re.compile(
    rb"(?:#?[0-9A-Fa-f]{3,16})?\|?(?P<q>[136]) ?(?P<event>[0-9B-F]{3}) (?P<group>[0-9A-F]{2}) (?P<point>[0-9A-F]{3})"
)
_LETTERS: Final = {"1": "E", "3": "R", "6": "P"}
_QUALIFIERS: Final = {letter: q for q, letter in _LETTERS.items()}

_INTRUSION, _HOLD_UP, _DURESS, _FIRE = "zone.intrusion", "zone.hold_up", "zone.duress", "zone.fire"

_ALARMS: Final = {
    **dict.fromkeys((100, 101, 103), _HOLD_UP),  # somebody needs help: the nearest that the desk knows
    **dict.fromkeys((*range(110, 119), 151, 158, 162), _FIRE),
    **dict.fromkeys((120, 122, 123, 126, 129), _HOLD_UP),
    **dict.fromkeys((121, 124, 125), _DURESS),
    **dict.fromkeys((*range(130, 137), 138, 139, 140, 146, 150, 155, 374, 423), _INTRUSION),
}
_TAMPERS: Final = frozenset({137, 144, 145, 316, 317, 341, 383, 461})
_TROUBLES: Final = frozenset({147, 156, 370, 371, 372, 373, 375, 376, 380, 381, 382, 389})
_BYPASSES: Final = frozenset(range(570, 578))
_MOVES: Final = frozenset({400, 401, 402, 403, 404, 405, 407, 408, 409, 451, 452})
_STAYS: Final = frozenset({441, 442, 444})
_TESTS: Final = frozenset({601, 602, 603, 604, 605, 606, 607, 609, 611, 613, 614, 615})
_NOTES: Final = frozenset(
    {406, *range(411, 417), *range(421, 437), *range(450, 467), *range(621, 627), 629, 630, 631, 632}
) - {423, 432, 451, 452, 461}
_TOPICS: Final = {301: "mains", 342: "mains", 302: "battery", 309: "battery", 311: "battery", 350: "line", 351: "line"}


def parse_contact_id(data: bytes) -> Report:
    """The statement of an `ADM-CID` frame.

    Raises:
        ContentError: not written so.
    """
    found = _DATA.fullmatch(data.strip())
    if found is None:
        raise ContentError("not written as Contact ID")
    qualifier, event, group, point = (found[name].decode("ascii") for name in ("q", "event", "group", "point"))
    restored = qualifier == "3"
    code = _LETTERS[qualifier] + event
    number_of = int(event) if event.isdecimal() else 0
    area, zone = number(group), number(point)
    if number_of in _MOVES or number_of in _STAYS:
        # 441 is an arming whichever way it is said; the others are openings when new and closings when over.
        about = About.CLOSING if restored or number_of in _STAYS else About.OPENING
        if qualifier == "6":
            about = About.NOTE  # it is still so
        return Report(code=code, about=about, area=area, user=zone, stay=number_of in _STAYS)
    zone = "" if zone == "0" else zone
    about, kind = _about(number_of)
    user = zone if number_of == 461 or kind == _DURESS else ""
    topic = _TOPICS.get(number_of, event) if about is About.FAULT else ""
    return Report(code=code, about=about, kind=kind, restored=restored, zone=zone, area=area, user=user, topic=topic)


def contact_id(code: str, *, area: int = 0, point: int = 0, account: str = "") -> bytes:
    """The data of an `ADM-CID` frame; `code` is like `E130` or `R401`."""
    head = f"#{account}|" if account else ""
    return f"{head}{_QUALIFIERS[code[0]]}{code[1:]} {area:02d} {point:03d}".encode("ascii")


def _about(event: int) -> tuple[About, str]:
    if kind := _ALARMS.get(event):
        return About.ALARM, kind
    for members, about in (
        (_TAMPERS, About.TAMPER),
        (_TROUBLES, About.TROUBLE),
        (_BYPASSES, About.BYPASS),
        (_TESTS, About.TEST),
        (_NOTES, About.NOTE),
    ):
        if event in members:
            return about, ""
    faulty = 102 <= event < 400 or 500 <= event < 570 or event in {432, 608, 627}
    return (About.FAULT if faulty else About.UNKNOWN), ""
