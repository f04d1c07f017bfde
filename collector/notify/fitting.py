"""Text messages in their length: how many a text takes, and long names cut until it takes two. Pure.

GSM 03.38 has 160 characters a message (153 in one of several), everything else 70 (67). Links, codes and levels are
never cut. Flow: wording.py -> here.
"""

from collections.abc import Callable, Mapping
from typing import Final

MOST_SEGMENTS: Final = 2

_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWO: Final = frozenset("^{}\\[~]|€\f")
"""Characters that take two places."""

CUT_FIRST: Final = ("headline", "unit", "site", "what", "holder", "next")
"""Fields that are shortened, in this order."""
SHORTEST: Final = {"site": 6, "what": 6}
"""Characters left of what must stay readable; the others may go altogether."""


def segments(text: str) -> int:
    """How many text messages carry it."""
    if all(each in _GSM or each in _GSM_TWO for each in text):
        places, alone, together = sum(2 if each in _GSM_TWO else 1 for each in text), 160, 153
    else:
        places, alone, together = len(text.encode("utf-16-le", "replace")) // 2, 70, 67
    return 1 if places <= alone else -(-places // together)


def fit(draw: Callable[[Mapping[str, str]], str], fields: Mapping[str, str], most: int = MOST_SEGMENTS) -> str:
    """The text of `draw`, its names cut until it takes `most` messages; as short as names allow where it never does."""
    cut = dict(fields)
    text = draw(cut)
    for name in CUT_FIRST:
        whole = cut.get(name, "")
        length = len(whole)
        while segments(text) > most and length > SHORTEST.get(name, 0):
            length -= 1
            cut[name] = _cut(whole, length)
            text = draw(cut)
    return text


def _cut(text: str, length: int) -> str:
    return text[: length - 2].rstrip() + ".." if length > 2 else ""
