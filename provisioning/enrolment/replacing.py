"""A new box for a site: the next id, written into the site's file. Ids are never used again (WIRE 1.4).

Flow: `provision replace` -> here; what is to be done after it, the word tells.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from protocol.ids import is_id
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.inventory.editing import Change, with_changes
from provisioning.keeping import write_whole
from provisioning.refusal import RefusedError

_LETTERS: Final = re.compile(r"(.*)-([a-z]{1,3})")
_MAX_FILE_BYTES: Final = 1024 * 1024


class ReplaceError(RefusedError):
    """Nothing was replaced; the message says why."""


def next_box(old: str, taken: Callable[[str], bool]) -> str:
    """The id after `old` that nobody ever had: `-b` after `-a`, `-aa` after `-z`.

    Raises:
        ReplaceError: there is no such id of 32 characters.
    """
    match = _LETTERS.fullmatch(old)
    stem, letters = (match[1], match[2]) if match else (old, "a")
    while True:
        letters = _after(letters)
        box = f"{stem}-{letters}"
        if not is_id(box):
            raise ReplaceError(
                N_('"{old}" leaves no room for another id; write one into the site file by hand'), old=old
            )
        if not taken(box):
            return box


def write_box(path: Path, new: str) -> None:
    """Put `new` into a site's file as its box; every other byte stays.

    Raises:
        ReplaceError: it cannot be read or written.
        EditError: it cannot be changed without changing more.
    """
    try:
        content = path.read_bytes()[: _MAX_FILE_BYTES + 1].decode()
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise ReplaceError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    text = with_changes(content, [Change(key="box", value=new)], str(path))
    try:
        write_whole(path, text.encode(), mode)
    except OSError as error:
        raise ReplaceError(
            N_("{path} cannot be written: {reason}; nothing was changed"), path=path, reason=system_said(error)
        ) from None


def _after(letters: str) -> str:
    if letters[-1] != "z":
        return letters[:-1] + chr(ord(letters[-1]) + 1)
    return (_after(letters[:-1]) if len(letters) > 1 else "a") + "a"
