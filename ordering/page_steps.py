"""What the local page shows and takes, for each of its two purposes; made anew for each reader's language.

`Approving` decides nothing but whether an answer fits the order that it shows; `Making` whether a new credential is one
that a roster can hold. Flow: `page_serving.py` -> here -> `signing.py`, `registering.py` -> the console.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from ordering.drafts import Draft
from ordering.reading import ReadOrder
from ordering.refusal import OrderingError
from ordering.registering import RP_ID, Made, read_made
from ordering.showing import Row, danger, does, rows
from ordering.signing import here, sign_with_assertion
from protocol.envelope import EnvelopeError, decode_base64url, encode_base64url
from protocol.messages import Approval
from protocol.texts import Said, Texts, said
from protocol.webauthn import Assertion

KEY_MS: Final = 120_000
"""So long may a person look for his security key."""

MAX_OFFERED: Final = 64
"""Credentials that a browser is offered; more than any person's, and what authenticators can still look through."""


class AnswerBodyError(Exception):
    """The page sent something that it never sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of an answer: a sentence, whether it was done, whether the page is at its end."""

    text: Said
    done: bool = False
    ended: bool = False


class Steps(Protocol):
    """A purpose of the page."""

    def view(self, texts: Texts) -> dict[str, Any]:
        """What is shown."""

    def answered(self, body: bytes) -> Step:
        """What a security key gave. May ask the console, so it may take its time. Raises: AnswerBodyError."""

    def declined(self) -> Step:
        """The person does not want to."""


class _Signed(msgspec.Struct, frozen=True, kw_only=True):
    credential: str
    client_data: str
    authenticator_data: str
    signature: str


class _Created(msgspec.Struct, frozen=True, kw_only=True):
    credential: str
    client_data: str
    authenticator_data: str
    public_key: str


@dataclass(kw_only=True)
class Approving:
    """One order, to be approved with a security key."""

    read: ReadOrder
    draft: Draft
    names: tuple[Row, ...]
    centre: tuple[Row, ...]
    now: Callable[[], datetime]
    approve: Callable[[Approval], Draft]
    after: Draft | None = field(default=None, init=False)

    def view(self, texts: Texts) -> dict[str, Any]:
        """The order, how far it weakens, and what a security key is asked."""
        look, grave = danger(self.read.args)
        offered = self._offered()
        lead = said("Read it. If it is what you mean to approve, plug in your security key and press the button.")
        if not offered:
            lead = said(
                "The centre names no security key in the box's roster that was registered on a machine like this one. "
                "Next step: branchwatch order register, or approve with --key FILE"
            )
        place = said("Site {site} · box {box}", site=self.read.site or "?", box=self.read.order.box)
        told = [(row.centre, *row.told(texts)) for row in (*rows(self.read, self.now()), *self.centre)]
        return {
            **_words(texts, title=said("Approve an order"), lead=lead, place=place),
            "headline": does(self.read.args).told(texts),
            "names": "".join(row.told(texts)[1] for row in self.names),
            "danger": grave.told(texts),
            "look": look.value,
            "sign": said("Approve with security key").told(texts) if offered else "",
            "decline": said("Do not approve").told(texts),
            "foot": _FOOT.told(texts),
            "rows": [{"name": name, "value": value, "centre": centre} for centre, name, value in told],
            "key": {
                "make": False,
                "challenge": encode_base64url(self.read.digest).decode("ascii"),
                "rp_id": RP_ID,
                "allow": offered,
                "timeout_ms": KEY_MS,
            },
        }

    def answered(self, body: bytes) -> Step:
        """The approval, if the answer is one, brought to the centre."""
        signed = _body(body, _Signed)
        assertion = Assertion(
            client_data=_bytes(signed.client_data),
            authenticator_data=_bytes(signed.authenticator_data),
            signature=_bytes(signed.signature),
        )
        try:
            approval = sign_with_assertion(self.read, signed.credential, assertion, self.draft.keys)
            self.after = self.approve(approval)
        except OrderingError as error:
            return Step(text=error.said)
        if self.after.state == "draft":
            text = said(
                "Approved. {count} of {needed} people have; the order waits for another. You can close this page.",
                count=len(self.after.people),
                needed=self.after.needed,
            )
            return Step(text=text, done=True, ended=True)
        return Step(text=said("Approved. The order is on its way. You can close this page."), done=True, ended=True)

    def declined(self) -> Step:
        """The end, with nothing signed."""
        return Step(text=said("Not approved. Nothing was signed. You can close this page."), ended=True)

    def _offered(self) -> list[str]:
        hints = here(self.draft.keys)
        own = [each for each in hints if each.person == self.draft.you]
        return [each.credential for each in own or hints][:MAX_OFFERED]


@dataclass(kw_only=True)
class Making:
    """A new credential of this machine, to be registered."""

    challenge: bytes
    user: bytes
    name: str
    register: Callable[[Made], None]
    made: Made | None = field(default=None, init=False)

    def view(self, texts: Texts) -> dict[str, Any]:
        """What a new credential is asked."""
        lead = said("Plug in your security key and press the button. It will ask for its PIN or your finger.")
        return {
            **_words(texts, title=said("Register a security key for approving orders"), lead=lead, place=None),
            "headline": "",
            "names": "",
            "danger": "",
            "look": "",
            "sign": said("Register the security key").told(texts),
            "decline": said("Do not register").told(texts),
            "foot": said(
                "Afterwards the terminal shows a fingerprint: read it out at the offline machine's call."
            ).told(texts),
            "rows": [],
            "key": {
                "make": True,
                "challenge": encode_base64url(self.challenge).decode("ascii"),
                "rp_id": RP_ID,
                "user": encode_base64url(self.user).decode("ascii"),
                "name": self.name,
                "timeout_ms": KEY_MS,
            },
        }

    def answered(self, body: bytes) -> Step:
        """The new key, if it is one, brought to the desk's list."""
        created = _body(body, _Created)
        try:
            made = read_made(
                credential=created.credential,
                client_data=_bytes(created.client_data),
                authenticator_data=_bytes(created.authenticator_data),
                public_key=_bytes(created.public_key),
                challenge=self.challenge,
            )
            self.register(made)
        except OrderingError as error:
            return Step(text=error.said)
        self.made = made
        return Step(
            text=said("Registered. Its fingerprint: {groups}. You can close this page.", groups=made.spoken),
            done=True,
            ended=True,
        )

    def declined(self) -> Step:
        """The end, with nothing signed."""
        return Step(text=said("Nothing was registered. You can close this page."), ended=True)


_FOOT: Final = said(
    "This page comes from your own machine, not from the centre. What stands above is read from the very bytes that "
    "are signed; what only the centre says is marked so."
)


def _words(texts: Texts, *, title: Said, lead: Said, place: Said | None) -> dict[str, Any]:
    failed = said("That did not work. Is a security key of yours plugged in, and does it ask for PIN or finger?")
    gone = said("The command behind this page has ended. Look at the terminal.")
    return {
        "title": title.told(texts),
        "lead": lead.told(texts),
        "place": "" if place is None else place.told(texts),
        "failed": failed.told(texts),
        "gone": gone.told(texts),
    }


def _body(body: bytes, wanted: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AnswerBodyError from None


def _bytes(text: str) -> bytes:
    try:
        return decode_base64url(text.encode("ascii"))
    except (EnvelopeError, UnicodeEncodeError):
        raise AnswerBodyError from None
