"""Where the passphrase of a key file comes from: typed at the terminal, unseen, or the first line of a file.

Never from an argument, nor from the environment itself, which names only the file. Flow: `order_words.py` -> here.
"""

import getpass
import os
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ordering.refusal import InputError
from ordering.settings import read_file
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

FILE_VARIABLE: Final = "BRANCHWATCH_KEY_PASSPHRASE_FILE"
MAX_BYTES: Final = 1024
SHORTEST: Final = 12
"""Characters of a new passphrase; scrypt makes each guess dear."""


def asks(environment: Mapping[str, str], say: Texts) -> Callable[[Path], bytes]:
    """What asks for the passphrase of a key file.

    The asking raises InputError where there is neither a file nor a terminal.
    """

    def ask(key: Path) -> bytes:
        if named := environment.get(FILE_VARIABLE):
            return _first_line(Path(named))
        return _typed(say("Passphrase of {path}: ").format(path=key))

    return ask


def new_passphrase(environment: Mapping[str, str], say: Texts) -> bytes:
    """A passphrase for a new key, typed twice at the terminal.

    Raises:
        InputError: too short, or typed differently the second time.
    """
    if named := environment.get(FILE_VARIABLE):
        chosen = _first_line(Path(named))
    else:
        chosen = _typed(say("New passphrase: "))
        if _typed(say("The same again: ")) != chosen:
            raise InputError(N_("the two passphrases differ; nothing was made"))
    if len(chosen.decode()) < SHORTEST:
        raise InputError(N_("the passphrase is shorter than {count} characters; nothing was made"), count=SHORTEST)
    return chosen


def _typed(prompt: str) -> bytes:
    # getpass would fall back to standard input, where what is typed can be seen.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise InputError(
            N_("there is no terminal to ask for the passphrase at; name a file that holds it in {variable}"),
            variable=FILE_VARIABLE,
        ) from None
    try:
        return _same_everywhere(getpass.getpass(prompt))
    except EOFError:
        raise InputError(N_("no passphrase was typed")) from None


def _first_line(path: Path) -> bytes:
    try:
        return _same_everywhere(read_file(path, MAX_BYTES).partition(b"\n")[0].removesuffix(b"\r").decode())
    except UnicodeDecodeError:
        raise InputError(N_("{path} holds no passphrase: its first line is no UTF-8 text"), path=path) from None


def _same_everywhere(text: str) -> bytes:
    """One spelling of the characters (NFC), whatever the keyboard or the file made of them."""
    return unicodedata.normalize("NFC", text).encode()
