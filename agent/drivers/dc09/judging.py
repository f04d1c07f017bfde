"""Who sent these bytes, may they be believed, and what is answered once they are kept. Pure.

One table says which answer each verdict has (`ANSWERS`). An account with a key is believed only what is enciphered with
it and bears a time; of anything else that claims to be it, what it said is told and not acted on. Flow: receiver.py ->
here -> meaning.py -> the disk -> the answer.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.drivers.dc09.config import PanelWiring
from agent.drivers.dc09.keys import PanelKey
from protocol.dc09.body import Body, in_window, parse_body
from protocol.dc09.cipher import BLOCK, CipherError, opened
from protocol.dc09.contact_id import parse_contact_id
from protocol.dc09.frames import Frame, FrameDamagedError, HeaderError, decode_frame
from protocol.dc09.replies import Reply
from protocol.dc09.reports import About, ContentError, Report
from protocol.dc09.sia_dcs import parse_sia_dcs

DIGEST_BYTES: Final = 8
"""Of what a frame says: two frames of one panel and one sequence number within minutes are told apart by it."""

_LINK_TESTS: Final = frozenset({"NULL", "XNM"})
_OURS: Final = frozenset({"ACK", "NAK", "DUH", "RSP"})


class Word(StrEnum):
    """What a frame is."""

    SOUND = "sound"
    DRIFTED = "drifted"  # its time lies outside the window
    DAMAGED = "damaged"
    ANSWER = "answer"  # what receivers say: nobody's business here
    HEADER = "header"
    UNKNOWN_ACCOUNT = "unknown_account"
    PENDING = "secret_pending"  # an account whose key we do not have yet
    UNUSABLE = "secret_unusable"  # an account whose secret is no key
    PLAIN = "plain"  # in clear from an account with a key
    WRONG_KEY = "wrong_key"
    NO_TIME = "no_time"
    UNKNOWN_ID = "unknown_id"
    CONTENT = "content"
    COPIED = "copied"  # enciphered blocks that were used before (memory.py)
    FORGED = "forged"  # its padding is not as this panel's: somebody changed blocks on the way (memory.py)


ANSWERS: Final[Mapping[Word, Reply | None]] = MappingProxyType(
    {
        Word.SOUND: Reply.ACK,
        Word.DRIFTED: Reply.NAK,
        Word.DAMAGED: None,
        Word.ANSWER: None,
        Word.HEADER: Reply.DUH,
        Word.UNKNOWN_ACCOUNT: Reply.DUH,
        Word.PENDING: None,  # it tries on, here or at its other receiver, until the key has come
        Word.UNUSABLE: None,
        Word.PLAIN: Reply.DUH,
        Word.WRONG_KEY: Reply.DUH,
        Word.NO_TIME: Reply.DUH,
        Word.UNKNOWN_ID: Reply.DUH,
        Word.CONTENT: Reply.DUH,
        Word.COPIED: Reply.DUH,
        Word.FORGED: Reply.DUH,
    }
)

LOGIN: Final = frozenset(
    {Word.PLAIN, Word.WRONG_KEY, Word.NO_TIME, Word.PENDING, Word.UNUSABLE, Word.COPIED, Word.FORGED}
)
"""The panel's key is at fault, or somebody pretends to be it."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A panel and the key that it was given; `key` is a word where it cannot be had."""

    panel: PanelWiring
    key: PanelKey | str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one frame is."""

    word: Word
    frame: Frame
    panel: PanelWiring | None = None
    key: PanelKey | None = None  # what the answer is enciphered with
    reports: tuple[Report, ...] = ()
    proven: bool = False  # enciphered with the account's key
    off_s: float | None = None  # its time against ours; None: it bears none
    digest: str = ""
    tail: str = ""  # the last block of what was enciphered
    padded_in_text: bool = False  # what stands in front of what is said, in an enciphered frame
    legible: bool = True  # what is said is text throughout: a block changed on the way turns to chance

    @property
    def taken(self) -> bool:
        """Whether it is believed to be the panel's, and understood."""
        return self.word in {Word.SOUND, Word.DRIFTED}

    @property
    def events(self) -> bool:
        """Whether it says more than that the panel is there."""
        return self.taken and self.frame.id not in _LINK_TESTS


def judge(data: bytes, accounts: Mapping[str, Account], now: datetime) -> Verdict:
    """What these bytes are, one frame from line feed to carriage return."""
    try:
        frame = decode_frame(data)
    except FrameDamagedError:
        return Verdict(word=Word.DAMAGED, frame=Frame(id=""))
    except HeaderError as error:
        return Verdict(word=Word.HEADER, frame=Frame(id="", sequence=error.sequence))
    if frame.id in _OURS:
        return Verdict(word=Word.ANSWER, frame=frame)
    account = accounts.get(frame.account)
    if account is None:
        return Verdict(word=Word.UNKNOWN_ACCOUNT, frame=frame, reports=_overheard(frame))
    refused, body, key, padding = _opened(frame, account)
    if refused is not None:
        return Verdict(word=refused, frame=frame, panel=account.panel, reports=_overheard(frame))
    verdict = _read(frame, body, account.panel, key, now)
    return msgspec.structs.replace(verdict, padded_in_text=key is not None and _is_text(padding))


def _opened(frame: Frame, account: Account) -> tuple[Word | None, Body, PanelKey | None, bytes]:
    key = account.key
    if isinstance(key, str):
        return Word(key), Body(), None, b""
    if key is None:
        # Enciphered, and we have no key for it: it might as well be another's.
        return (Word.WRONG_KEY if frame.encrypted else None), parse_body(frame.body), None, b""
    if not frame.encrypted:
        return Word.PLAIN, Body(), None, b""
    try:
        padding, clear = opened(frame.body, key.value)
    except CipherError:
        return Word.WRONG_KEY, Body(), None, b""
    body = parse_body(clear)
    if body.sent is None:
        return (Word.NO_TIME if body.readable else Word.WRONG_KEY), Body(), None, b""
    # The first block is padding throughout, also where a mark came about in it by chance.
    return None, body, key, (padding + clear)[: max(len(padding), BLOCK)]


def _read(frame: Frame, body: Body, panel: PanelWiring, key: PanelKey | None, now: datetime) -> Verdict:
    off_s = (body.sent - now).total_seconds() if body.sent else None
    word = Word.SOUND if body.sent is None or in_window(body.sent, now) else Word.DRIFTED
    reports: tuple[Report, ...] = ()
    if frame.id not in _LINK_TESTS:
        try:
            reports = _said(frame.id, body.data)
        except KeyError:
            word = Word.UNKNOWN_ID
        except ContentError:
            word = Word.CONTENT
    said = hashlib.sha256(b"%s\n%s\n%s" % (frame.id.encode(), body.data, b"\n".join(body.extended)))
    return Verdict(
        word=word,
        frame=frame,
        panel=panel,
        key=key,
        reports=reports,
        proven=key is not None,
        off_s=off_s,
        digest=said.hexdigest()[: 2 * DIGEST_BYTES],
        tail=frame.body[-2 * BLOCK :].decode("ascii").upper() if key else "",
        legible=key is None or all(_is_text(each) for each in (body.data, *body.extended)),
    )


def _is_text(data: bytes) -> bool:
    """Sixteen bytes of chance, which a changed block becomes, are text once in millions."""
    try:
        return data.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _said(id_: str, data: bytes) -> tuple[Report, ...]:
    """Raises: KeyError: no id that we read; ContentError: not written as its id says."""
    if id_ == "SIA-DCS":
        return parse_sia_dcs(data)
    if id_ == "ADM-CID":
        return (parse_contact_id(data),)
    raise KeyError(id_)


def _overheard(frame: Frame) -> tuple[Report, ...]:
    """What a frame that is not believed says, so that people are told of it; only what stands there in clear."""
    if frame.encrypted:
        return ()
    try:
        reports = _said(frame.id, parse_body(frame.body).data)
    except (KeyError, ContentError):
        return ()
    return tuple(each for each in reports if each.about not in {About.TEST, About.NOTE})
