"""What an ONVIF device answered, as plain dictionaries, lists and texts, read with suspicion. Pure.

`client.py` turns the library's objects into these; nothing below may assume that a field is there or of its kind. Texts
are cut, lists are cut. Flow: client -> here -> facts.py, streams.py, topics.py, recordings.py.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

MAX_TEXT: Final = 128
MAX_LIST: Final = 256
"""Of what a device lists: profiles, presets, recordings, messages; more is left out."""


def field(answer: object, *path: str) -> Any:
    """What stands at `path` of nested dictionaries; None where nothing does."""
    for name in path:
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(name)
    return answer


def items(answer: object) -> list[Any]:
    """The entries of a list, or the one entry where a device sent one; never more than MAX_LIST."""
    if answer is None:
        return []
    if isinstance(answer, (list, tuple)):
        return list(answer[:MAX_LIST])
    return [answer]


def text(answer: object, limit: int = MAX_TEXT) -> str:
    """A text as a person may see it: printable, cut; also that of an element which carries attributes."""
    if isinstance(answer, Mapping):
        answer = answer.get("_value_1")
    if not isinstance(answer, (str, int, float)) or isinstance(answer, bool):
        return ""
    return "".join(letter for letter in str(answer)[:limit] if letter.isprintable()).strip()


def number(answer: object) -> int | None:
    """A whole number of ordinary size; None where it is none."""
    if isinstance(answer, bool) or not isinstance(answer, (int, float, str)):
        return None
    try:
        value = float(answer)
        return int(value) if abs(value) < 2**40 else None
    except (ValueError, OverflowError):
        return None


def truth(answer: object) -> bool | None:
    """What devices write for yes and no; None where it is neither."""
    if isinstance(answer, bool):
        return answer
    word = text(answer).lower()
    if word in _YES:
        return True
    return False if word in _NO else None


_YES: Final = frozenset({"true", "1", "on", "active", "yes", "high"})
_NO: Final = frozenset({"false", "0", "off", "inactive", "no", "low"})


def moment(answer: object) -> datetime | None:
    """A date and time in UTC; one without a zone is UTC, as ONVIF asks for. None where it is none that can be."""
    if isinstance(answer, str):
        try:
            answer = datetime.fromisoformat(answer[:40])
        except ValueError:
            return None
    if not isinstance(answer, datetime):
        return None
    try:
        return answer.replace(tzinfo=UTC) if answer.tzinfo is None else answer.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def first(answers: Iterable[Any]) -> Any:
    """The first that is not None."""
    return next((each for each in answers if each is not None), None)
