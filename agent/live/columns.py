"""Text in columns of a terminal, where a Chinese character takes two: how wide, how high, cut to fit. Pure.

Flow: rows of `showing.py` -> here -> lines that a screen of 80 by 24 has room for.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

CUT: Final = "…"
NARROWEST: Final = 12
"""What is left of a name at least, however narrow the screen."""
GAP: Final = 2


def width(text: str) -> int:
    """Columns that `text` takes."""
    return sum(map(_columns, text))


def height(text: str, screen: int) -> int:
    """Lines that `text` takes on a screen of so many columns."""
    lines, at = 1, 0
    for letter in text:
        if at + _columns(letter) > screen:
            lines, at = lines + 1, 0
        at += _columns(letter)
    return lines


def fitted(text: str, columns: int) -> str:
    """`text` in exactly so many columns: filled up, or cut with a mark."""
    if width(text) <= columns:
        return text + " " * (columns - width(text))
    kept, at = "", 0
    for letter in text:
        if at + _columns(letter) > columns - GAP:
            break
        kept, at = kept + letter, at + _columns(letter)
    return kept + CUT + " " * (columns - 1 - at)


def widths(rows: Iterable[tuple[str, ...]], screen: int | None) -> tuple[int, ...]:
    """How wide each column is. On a narrow screen the first one (ids) is left out, then the second (names) cut."""
    found = [max(map(width, column)) + GAP for column in zip(*rows, strict=True)]
    if screen is not None and sum(found) > screen:
        found[0] = 0
        found[1] = max(NARROWEST, min(found[1], screen - sum(found[2:])))
    return tuple(found)


def _columns(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
