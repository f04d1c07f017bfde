"""What each request takes: read strictly, held against the site file that the box works with where one is here. Pure.

Pictures from the past are looked at for a purpose that somebody wrote down (DOMAIN 5): it stands in the request's row
and in the journal, and does not travel. Flow: requests.py -> here -> arguments, or why not.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from collector.orders.boxes import Addressee, needs_signed
from collector.orders.refusing import NotDoneError
from collector.times import wire_ms
from protocol.ids import is_id
from protocol.timestamps import TIME_PATTERN

PURPOSE: Final = "purpose"
LONGEST: Final = timedelta(seconds=120)
"""Of a clip that is asked for (docs/eyes.md 7)."""
MIN_PURPOSE, MAX_PURPOSE = 4, 200

_PRESET: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TIME: Final = re.compile(TIME_PATTERN)
_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "announce": frozenset({"announcement"}),
    "health": frozenset(),
    "still": frozenset({"camera"}),
    "preset": frozenset({"camera", "preset"}),
    "clip": frozenset({"camera", "from", "to", PURPOSE}),
    "playback": frozenset({"camera", "from", "to", PURPOSE}),
}


def read_request(to: Addressee, action: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a request.

    Raises:
        NotDoneError: not complete, not of the right form, or nothing of the kind is at the site.
    """
    if set(args) != _NAMES[action]:
        raise NotDoneError("purpose_missing" if _NAMES[action] - set(args) == {PURPOSE} else "malformed_args")
    if action == "announce":
        return _announcement(to, args["announcement"])
    if "camera" in args:
        _check_camera(to, args["camera"])
    if action == "preset" and not (isinstance(args["preset"], str) and _PRESET.fullmatch(args["preset"])):
        raise NotDoneError("malformed_args")
    if PURPOSE in args:
        _check_span(args["from"], args["to"])
        _check_purpose(args[PURPOSE])
    return dict(args)


def sent_of(args: Mapping[str, Any]) -> dict[str, Any]:
    """What of it travels to the box."""
    return {name: value for name, value in args.items() if name != PURPOSE}


def _announcement(to: Addressee, name: object) -> dict[str, Any]:
    if not isinstance(name, str):
        raise NotDoneError("malformed_args")
    if name not in {each.id for each in needs_signed(to).site.announcement}:
        raise NotDoneError("no_such_announcement")
    return {"announcement": name}


def _check_camera(to: Addressee, name: object) -> None:
    if not isinstance(name, str) or not is_id(name):
        raise NotDoneError("malformed_args")
    if to.signed is not None and name not in {each.id for each in to.signed.site.camera}:
        raise NotDoneError("no_such_camera")


def _check_span(since: object, until: object) -> None:
    if not all(isinstance(each, str) and _TIME.fullmatch(each) for each in (since, until)):
        raise NotDoneError("malformed_args")
    try:
        length_ms = wire_ms(str(until)) - wire_ms(str(since))
    except ValueError:
        raise NotDoneError("malformed_args") from None
    if length_ms <= 0:
        raise NotDoneError("malformed_args")
    if length_ms > LONGEST // timedelta(milliseconds=1):
        raise NotDoneError("span_too_long", limit=LONGEST // timedelta(seconds=1))


def _check_purpose(text: object) -> None:
    if not isinstance(text, str) or not MIN_PURPOSE <= len(text.strip()) <= MAX_PURPOSE or not text.isprintable():
        raise NotDoneError("purpose_missing")
