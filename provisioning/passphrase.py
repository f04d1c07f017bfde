"""Where a passphrase comes from: typed at the terminal, unseen, or read from a file descriptor.

Never from an argument or the environment: both can be read by every process of the same user, and stay in histories.
Flow: command.py -> here -> keeping.py, which asks only when a key needs it.
"""

import getpass
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Final

from protocol.texts import Texts, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.refusal import RefusedError

SHORTEST: Final = 12
"""Characters of a new passphrase. scrypt makes each guess dear; three or four words of a list are beyond reach."""

MAX_BYTES: Final = 1024

Ask = Callable[[], bytes]


class PassphraseError(RefusedError):
    """There is none, or it will not do. Never holds it."""


def no_passphrase() -> bytes:
    """For callers that know of none.

    Raises:
        PassphraseError: always.
    """
    raise PassphraseError(N_("this key needs a passphrase, and nobody is there to ask for it"))


def passphrase_from(descriptor: int | None, say: Texts, of: Path | None = None) -> Ask:
    """Asks once, when first called: `descriptor`, or the terminal if that is None; `of` names the key there."""
    known: list[bytes] = []

    def ask() -> bytes:
        if not known:
            prompt = say("Passphrase: ") if of is None else say("Passphrase of {path}: ").format(path=of)
            known.append(_typed(prompt) if descriptor is None else _read(descriptor))
        return known[0]

    return ask


def new_passphrase(descriptor: int | None, say: Texts) -> bytes:
    """A passphrase to lock a new authority with; typed twice at the terminal.

    Raises:
        PassphraseError: too short, or typed differently the second time.
    """
    if descriptor is not None:
        chosen = _read(descriptor)
    else:
        chosen = _typed(say("New passphrase: "))
        if _typed(say("The same again: ")) != chosen:
            raise PassphraseError(N_("the two passphrases differ; nothing was made"))
    if len(chosen.decode()) < SHORTEST:
        raise PassphraseError(N_("the passphrase is shorter than {count} characters; nothing was made"), count=SHORTEST)
    return chosen


def _typed(prompt: str) -> bytes:
    # getpass would fall back to standard input, where what is typed can be seen.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise PassphraseError(
            N_("there is no terminal to ask for the passphrase at; give it by --passphrase-fd")
        ) from None
    try:
        return _same_everywhere(getpass.getpass(prompt))
    except EOFError:
        raise PassphraseError(N_("no passphrase was typed")) from None


def _read(descriptor: int) -> bytes:
    """The first line that comes out of `descriptor`."""
    text = b""
    try:
        while b"\n" not in text and len(text) <= MAX_BYTES and (part := os.read(descriptor, MAX_BYTES)):
            text += part
    except OSError as error:
        raise PassphraseError(
            N_("no passphrase can be read from descriptor {number}: {reason}"),
            number=descriptor,
            reason=system_said(error),
        ) from None
    line = text.partition(b"\n")[0].removesuffix(b"\r")
    if len(line) > MAX_BYTES:
        raise PassphraseError(N_("the passphrase is longer than {count} bytes"), count=MAX_BYTES)
    try:
        return _same_everywhere(line.decode())
    except UnicodeDecodeError:
        raise PassphraseError(N_("the passphrase is no UTF-8 text")) from None


def _same_everywhere(text: str) -> bytes:
    """One spelling of the characters (NFC), whatever the keyboard or the file made of them."""
    return unicodedata.normalize("NFC", text).encode()
