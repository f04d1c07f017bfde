"""The one-time code that an installer types on the box (docs/trust.md 5.1), and the URI that carries it in a QR image.

30 bytes: version, secret, the pin of the boxes' issuer, checksum; 48 characters of RFC 4648 base32 in twelve groups of
four. A slip is found here, before anything is sent, and the group that looks wrong is named. Pure; the secret comes in
as an argument and stands in no message of an error. Flow: `provision token` -> paper, QR, kit file -> `agent enrol`.
"""

import re
import unicodedata
from base64 import b32decode, b32encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import msgspec

from protocol.ids import is_id
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

CODE_VERSION: Final = 1
SECRET_BYTES: Final = 10
PIN_BYTES: Final = 16
_CHECKSUM_BYTES: Final = 3
_CODE_BYTES: Final = 1 + SECRET_BYTES + PIN_BYTES + _CHECKSUM_BYTES
CODE_CHARACTERS: Final = 48
GROUP: Final = 4

MAX_TYPED_CHARACTERS: Final = 2048
"""A code with blanks, or its URI; more was never a code."""

MAX_ADDRESS_CHARACTERS: Final = 255 + 8
"""A host name and a port."""

_START: Final = f"branchwatch:enrol?v={CODE_VERSION}&"
_PAIR: Final = re.compile(r"(site|box|at|code)=([A-Za-z0-9.:\[\]-]+)")
"""Nothing in it ever needs to be escaped, so nothing is."""
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_FOLDED: Final = str.maketrans("018", "OIB")
_SEPARATORS: Final = "-‐‑‒–—―−_.·、"


class CodeError(SaidError):
    """What was typed is no code; `group` counts the groups of four from 1 where one of them looks wrong."""

    def __init__(self, text: str, /, group: int | None = None, **values: object) -> None:
        self.group = group
        super().__init__(text, group=group, **values)


class EnrolmentCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code's parts. Not to be shown: the secret is in it."""

    secret: bytes
    pin: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES or len(self.pin) != PIN_BYTES:
            raise ValueError("a code has 10 bytes of secret and 16 bytes of pin")

    def __repr__(self) -> str:
        return "EnrolmentCode(…)"


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A code with what travels beside it: for which site and box, and where the enrolment answers."""

    site: str
    box: str
    at: str
    code: EnrolmentCode


def encode_code(code: EnrolmentCode) -> str:
    """The 48 characters, without blanks."""
    head = bytes([CODE_VERSION]) + code.secret + code.pin
    return b32encode(head + _checksum(head)).decode("ascii")


def grouped(text: str) -> tuple[str, ...]:
    """The code's groups of four, as they are printed."""
    return tuple(text[i : i + GROUP] for i in range(0, len(text), GROUP))


def decode_code(typed: str) -> EnrolmentCode:
    """The code that somebody typed: case, blanks, dashes and full-width letters do not matter; 0, 1, 8 are O, I, B.

    Raises:
        CodeError: it is none; nothing that was typed stands in the message.
    """
    if len(typed) > MAX_TYPED_CHARACTERS:
        raise CodeError(N_("this is no enrolment code: it is too long"))
    text = _folded(typed)
    for index, letter in enumerate(text):
        if letter not in _ALPHABET:
            group = index // GROUP + 1
            raise CodeError(N_("group {group} of the code holds a character that no code has"), group=group)
    if len(text) != CODE_CHARACTERS:
        if (odd := _odd_group(typed)) is not None:
            raise CodeError(
                N_("group {group} of the code has not four characters, and the code has {count} and not 48"),
                group=odd,
                count=len(text),
            )
        raise CodeError(
            N_("the code has {count} characters; it must have 48, in twelve groups of four"), count=len(text)
        )
    raw = b32decode(text)
    if not _holds(raw):
        raise _slip(text)
    if raw[0] != CODE_VERSION:
        raise CodeError(
            N_("the code is of version {version}, which this program does not know; install the newer one"),
            version=raw[0],
        )
    secret, pin = raw[1 : 1 + SECRET_BYTES], raw[1 + SECRET_BYTES : -_CHECKSUM_BYTES]
    return EnrolmentCode(secret=secret, pin=pin)


def invitation_uri(invitation: Invitation) -> str:
    """What the QR image and the kit file hold."""
    code = encode_code(invitation.code)
    return f"{_START}site={invitation.site}&box={invitation.box}&at={invitation.at}&code={code}"


def is_invitation(typed: str) -> bool:
    """Whether somebody gave the whole URI instead of the code alone."""
    return ":" in typed


def read_invitation(uri: str) -> Invitation:
    """The invitation in a URI.

    Raises:
        CodeError: it is none, or its code is none.
    """
    faulty = CodeError(N_("this is no enrolment link of Branchwatch"))
    uri = uri.strip()
    if len(uri) > MAX_TYPED_CHARACTERS or not uri.startswith(_START):
        raise faulty
    pairs = [_PAIR.fullmatch(text) for text in uri.removeprefix(_START).split("&")]
    said = {pair[1]: pair[2] for pair in pairs if pair is not None}
    if len(said) != len(pairs) or len(said) != 4:
        raise faulty
    if not (is_id(said["site"]) and is_id(said["box"]) and len(said["at"]) <= MAX_ADDRESS_CHARACTERS):
        raise faulty
    return Invitation(site=said["site"], box=said["box"], at=said["at"], code=decode_code(said["code"]))


def _checksum(head: bytes) -> bytes:
    return sha256(head).digest()[:_CHECKSUM_BYTES]


def _holds(raw: bytes) -> bool:
    return raw[-_CHECKSUM_BYTES:] == _checksum(raw[:-_CHECKSUM_BYTES])


def _folded(typed: str) -> str:
    # NFKC: an input method for Chinese may write full-width letters and digits.
    plain = unicodedata.normalize("NFKC", typed).upper().translate(_FOLDED)
    return "".join(letter for letter in plain if not letter.isspace() and letter not in _SEPARATORS)


def _odd_group(typed: str) -> int | None:
    """The first of the groups, as they were typed, that has not four characters; None where none stands out."""
    spaced = "".join(" " if letter in _SEPARATORS else letter for letter in unicodedata.normalize("NFKC", typed))
    lengths = [len(group) for group in spaced.split()]
    wrong = [number for number, length in enumerate(lengths, start=1) if length != GROUP]
    return wrong[0] if len(wrong) == 1 and len(lengths) in (11, 12, 13) else None


def _slip(text: str) -> CodeError:
    """One wrong letter, or two that changed places, can be found: by chance another place fits in 1 of 10,000."""
    places = {index for index, other in _neighbours(text) if _holds(b32decode(other))}
    groups = {index // GROUP + 1 for index in places}
    if len(groups) == 1:
        return CodeError(N_("the code has a slip; look at group {group} again"), group=groups.pop())
    return CodeError(N_("the code has a slip in more than one place; compare every group of four"))


def _neighbours(text: str) -> Iterator[tuple[int, str]]:
    for index, letter in enumerate(text):
        for other in _ALPHABET:
            if other != letter:
                yield index, text[:index] + other + text[index + 1 :]
        if index + 1 < len(text) and text[index + 1] != letter:
            yield index, text[:index] + text[index + 1] + letter + text[index + 2 :]
