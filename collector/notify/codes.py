"""Six-digit codes as people send them back, and when an address has guessed too often. Pure.

Flow: answers.py -> here.
"""

import re
import unicodedata
from typing import Final

MOST_WRONG: Final = 5
CLOSED_MS: Final = 10 * 60_000
"""For so long after the last wrong code an address answers nothing."""
LONGEST: Final = 500

_CODE: Final = re.compile(r"(?<!\d)\d{6}(?!\d)")


def code_of(text: str) -> str | None:
    """The one six-digit code of a reply; None where there is none or more than one.

    Full-width digits and codes typed with blanks between are what telephones send.
    """
    plain = unicodedata.normalize("NFKC", text[:LONGEST])
    plain = "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in plain)
    squeezed = plain.replace(" ", "").replace("-", "")
    found = {*_CODE.findall(plain)} or {*_CODE.findall(squeezed)}
    return found.pop() if len(found) == 1 else None


def is_closed(wrong: int, last_ms: int, now_ms: int) -> bool:
    """Whether an address sent too many wrong codes."""
    return wrong >= MOST_WRONG and now_ms - last_ms < CLOSED_MS


def wrong_after(wrong: int, last_ms: int, now_ms: int) -> int:
    """The count after one more; what is long ago is forgotten."""
    return 1 if now_ms - last_ms >= CLOSED_MS else wrong + 1
