"""What the centre answers about an order (docs/guarding.md 4.4): believed for nothing that is signed. Pure.

Only `line` counts, and that is read by `reading.py`. The rest is for following, and for hints: which key of the roster
is whose. A wrong hint makes an approval that the box refuses, never one that says something else.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from ordering.refusal import RefusedError
from protocol.envelope import EnvelopeError, decode_base64url
from protocol.messages import EventId, Hash
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

ENDED: Final = frozenset({"executed", "refused", "withdrawn", "stale"})
"""States after which nothing more becomes of an order."""

MAX_KEYS: Final = 4000
MAX_LISTED: Final = 1000
MAX_PAGES: Final = 40
"""Of one list that is read whole, at most: 10 boxes' points in pages of 500."""

Short = Annotated[str, Meta(max_length=255)]
Long = Annotated[str, Meta(max_length=2048)]


class KeyHint(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the roster that the centre delivered, and whose it is."""

    person: Short
    id: Short
    kind: Short
    public_key: Long
    name: Short = ""
    rp_id: Short = ""
    origin: Long = ""
    credential: Long = ""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """An approval that the centre holds."""

    person: Short
    credential: Short = ""
    at: Short = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the box reported."""

    kind: Short
    at: Short = ""
    said: Long = ""
    facts: dict[str, Any] = {}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An order at the centre."""

    id: EventId
    state: Short
    line: Annotated[str, Meta(max_length=32 * 1024)] = ""
    site: Short = ""
    box: Short = ""
    action: Short = ""
    args: dict[str, Any] = {}
    by: Short | None = None
    at: Short | None = None
    needed: Annotated[int, Meta(ge=0, le=99)] = 1
    approvals: Annotated[tuple[Approved, ...], Meta(max_length=99)] = ()
    stale_at: Short | None = None
    outcome: Outcome | None = None
    you: Short = ""
    keys: Annotated[tuple[KeyHint, ...], Meta(max_length=MAX_KEYS)] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """Who approved, each once."""
        return tuple(dict.fromkeys(each.person for each in self.approvals))

    def exact_line(self) -> bytes:
        """The bytes that are to be signed.

        Raises:
            AnswerError: no base64url.
        """
        try:
            return decode_base64url(self.line.encode("ascii"))
        except (EnvelopeError, UnicodeEncodeError):
            raise AnswerError(why="line") from None


class Drafts(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them."""

    items: Annotated[tuple[Draft, ...], Meta(max_length=MAX_LISTED)]


class AskedWords(msgspec.Struct, frozen=True, kw_only=True):
    """A request for the reader."""

    state: Short = ""


class PieceWords(msgspec.Struct, frozen=True, kw_only=True):
    """A picture for the reader."""

    state: Annotated[str, Meta(max_length=512)] = ""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or clip as the centre knows it; `href` once it is there and may be looked at."""

    state: Short = ""
    sha256: Hash | None = None
    href: Annotated[str, Meta(pattern=r"^/api/v1/evidence/[a-z0-9/-]{1,120}\Z")] | None = None
    words: PieceWords = PieceWords()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the centre took it."""

    id: EventId
    state: Short = ""
    site: Short = ""
    box: Short = ""
    action: Short = ""
    outcome: Outcome | None = None
    words: AskedWords = AskedWords()


class AskedList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them."""

    items: Annotated[tuple[Asked, ...], Meta(max_length=MAX_LISTED)]


class NamedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point and what the centre calls it."""

    id: Annotated[str, Meta(max_length=131)]
    name: Annotated[str, Meta(max_length=512)] = ""


class NamedPoints(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the points of a site."""

    items: Annotated[tuple[NamedPoint, ...], Meta(max_length=MAX_LISTED)]
    next: Annotated[str, Meta(pattern=r"^[0-9]{1,7}\Z")] | None = None


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A key on the desk's list."""

    id: EventId


class AnswerError(RefusedError):
    """The centre answers something else than docs/guarding.md says."""

    def __init__(self, *, why: str) -> None:
        super().__init__(
            N_("the centre's answer cannot be used ({why}); is this program as new as the centre?"), why=why
        )
