"""AES-CBC with an initial vector of zeros, written in hexadecimal (SIA DC-09, section 5.4). Pure; keys are arguments.

In front of what is said stands padding that ends with `|`: at least sixteen bytes of chance, so that the constant
vector repeats nothing, and as many more as fill the last block. It has neither `|` nor a bracket.
"""

import re
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

KEY_BYTES: Final = frozenset({16, 24, 32})
"""AES-128, -192 and -256."""

BLOCK: Final = 16
PADDING: Final = 2 * BLOCK
"""Bytes of chance that `encrypt` takes: what it needs at most."""

_VECTOR: Final = bytes(BLOCK)
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{32})+")


class CipherError(Exception):
    """This is nothing that was enciphered with this key; the text says what is wrong and never what it is."""


def read_key(text: str) -> bytes:
    """A key from its hexadecimal text.

    Raises:
        CipherError: not 16, 24 or 32 bytes.
    """
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        raise CipherError("the key is not hexadecimal") from None
    if len(key) not in KEY_BYTES:
        raise CipherError("the key is not 16, 24 or 32 bytes long")
    return key


def encrypt(clear: bytes, key: bytes, chance: bytes) -> bytes:
    """`clear` as hexadecimal, padded with letters made of `chance` (PADDING bytes)."""
    mark = b"" if clear.startswith(b"]") else b"|"  # nothing is said: there is nothing to keep apart from the padding
    size = BLOCK + -len(mark + clear) % BLOCK
    padding = bytes(_LETTERS[each % len(_LETTERS)] for each in chance[:size])
    if len(padding) < size:
        raise ValueError(f"padding needs {size} bytes of chance")
    encryptor = Cipher(AES(key), CBC(_VECTOR)).encryptor()
    return (encryptor.update(padding + mark + clear) + encryptor.finalize()).hex().upper().encode("ascii")


def decrypt(body: bytes, key: bytes) -> bytes:
    """What was enciphered, without its padding; raises as `opened`."""
    return opened(body, key)[1]


def opened(body: bytes, key: bytes) -> tuple[bytes, bytes]:
    """The padding of what was enciphered, and what stands behind it.

    Raises:
        CipherError: not whole blocks in hexadecimal, or no padding: another key.
    """
    if not _HEX.fullmatch(body):
        raise CipherError("not whole blocks in hexadecimal")
    decryptor = Cipher(AES(key), CBC(_VECTOR)).decryptor()
    clear = decryptor.update(bytes.fromhex(body.decode("ascii"))) + decryptor.finalize()
    end = clear.find(b"]")
    if end < 0:
        raise CipherError("nothing that ends with a bracket: another key")
    mark = clear.find(b"|", 0, end)
    # Some panels pad with zeros and no mark; a link test has nothing to say, and may leave the mark out.
    behind = clear[mark + 1 :] if mark >= 0 else clear.lstrip(b"0")
    return clear[: len(clear) - len(behind)], behind
