"""The console's API as this machine asks it (docs/guarding.md 4.4). The one file that knows httpx.

Every wait and every answer has a limit; redirects are not followed and proxies of the environment not used, so that a
token goes where it was meant to go and nowhere else. Flow: `settings.py` -> here -> typed answers of `drafts.py`.
"""

import ssl
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import msgspec

from ordering.drafts import MAX_PAGES, AnswerError, Draft, Drafts, NamedPoint, NamedPoints
from ordering.reading import printable
from ordering.refusal import InputError, RefusedError, UnreachedError
from ordering.settings import Access
from protocol.messages import Approval, encode
from protocol.texts import Said, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.uploads import MAX_CLIP_BYTES

T = TypeVar("T")

CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
WHOLE_S: Final = 60.0
"""A whole answer, however slowly its parts drip in."""
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""A page of orders, each with the keys of its roster."""
FILE_S: Final = 600.0
"""A clip of the largest size over a line of 4 Mbit/s."""
MAX_SAID: Final = 400
"""Characters of the centre's own words that are shown."""


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    faults: list[dict[str, str]] = []


class Console:
    """Asks with one person's token, in the language of whoever reads the answers."""

    def __init__(self, access: Access, language: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        headers = {
            "Accept-Encoding": "identity",  # what is packed has no limit before it is unpacked
            "Authorization": f"Bearer {access.token}",
            "Accept": "application/json",
            "Accept-Language": language,
            "User-Agent": "branchwatch-order",
        }
        self.address = access.address
        self._client = httpx.Client(
            base_url=access.address,
            headers=headers,
            verify=_tls(access.ca),
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def draft(self, asked: Mapping[str, Any]) -> Draft:
        """Have an order drafted."""
        return self.ask("POST", "/api/v1/orders", Draft, asked)

    def order(self, order: str) -> Draft:
        """How an order stands."""
        return self.ask("GET", f"/api/v1/orders/{order}", Draft)

    def orders(self) -> tuple[Draft, ...]:
        """The newest orders."""
        return self.ask("GET", "/api/v1/orders", Drafts).items

    def points(self, site: str) -> tuple[NamedPoint, ...]:
        """Every point of a site, page after page."""
        path = f"/api/v1/sites/{site}/points?limit=500"
        page = self.ask("GET", path, NamedPoints)
        found = list(page.items)
        for _ in range(MAX_PAGES):
            if page.next is None:
                break
            page = self.ask("GET", f"{path}&cursor={page.next}", NamedPoints)
            found.extend(page.items)
        return tuple(found)

    def approve(self, approval: Approval) -> Draft:
        """Bring an approval."""
        body = msgspec.json.decode(encode(approval))
        return self.ask("POST", f"/api/v1/orders/{approval.order}/approvals", Draft, body)

    def withdraw(self, order: str) -> Draft:
        """Take an order back that was not sent yet."""
        return self.ask("POST", f"/api/v1/orders/{order}/withdraw", Draft, {})

    def ask(self, method: str, path: str, wanted: type[T], body: object = None) -> T:
        """One question and its typed answer.

        Raises:
            UnreachedError: no answer, or the centre cannot answer now.
            InputError: the centre does not know what was named, or takes no such thing.
            RefusedError: it says no, or answers something else than it should.
        """
        status, content = self._ask(method, path, body)
        if status >= 300:
            raise self._no(status, content, judged=path.endswith("/approvals"))
        try:
            return msgspec.json.decode(content, type=wanted)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AnswerError(why=printable(str(error), MAX_SAID)) from None

    def known(self, path: str, wanted: type[T]) -> T | None:
        """The same of something that may not be there yet: None then."""
        status, content = self._ask("GET", path, None)
        if status == 404:
            return None
        if status >= 300:
            raise self._no(status, content, judged=False)
        try:
            return msgspec.json.decode(content, type=wanted)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AnswerError(why=printable(str(error), MAX_SAID)) from None

    def fetch(self, path: str, take: Callable[[bytes], object], digest: str) -> None:
        """A file's bytes, as they come; only those whose hash is the one that was told.

        Raises:
            UnreachedError: no answer, or it ends early.
            RefusedError: it says no, or sends something else.
        """
        found, size = sha256(), 0
        ends = self._clock() + FILE_S
        try:
            with self._client.stream("GET", path) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise self._no(answer.status_code, answer.content[:MAX_ANSWER_BYTES], judged=False)
                for part in answer.iter_raw():
                    size += len(part)
                    if size > MAX_CLIP_BYTES or self._clock() > ends:
                        raise AnswerError(why=f"> {MAX_CLIP_BYTES} bytes")
                    found.update(part)
                    take(part)
        except httpx.HTTPError as error:
            raise UnreachedError(
                N_("{address} does not answer: {reason}."), address=self.address, reason=_why(error)
            ) from None
        if found.hexdigest() != digest:
            raise AnswerError(why="sha256")

    def _ask(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        try:
            ends = self._clock() + WHOLE_S
            with self._client.stream(method, path, json=body) as answer:
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise AnswerError(why="Content-Encoding")
                content = b""
                for part in answer.iter_raw():
                    if self._clock() > ends:
                        raise httpx.ReadTimeout("")
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        raise AnswerError(why=f"> {MAX_ANSWER_BYTES} bytes")
                return answer.status_code, content
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnreachedError(
                N_(
                    "{address} does not answer: {reason}. Nothing was done. Is the address right, and is the centre "
                    "running?"
                ),
                address=self.address,
                reason=_why(error),
            ) from None
        except httpx.HTTPError as error:
            raise UnreachedError(
                N_(
                    "{address} does not answer: {reason}. What became of it is not known; look with: "
                    "branchwatch order list"
                ),
                address=self.address,
                reason=_why(error),
            ) from None

    def _no(self, status: int, content: bytes, *, judged: bool) -> Exception:
        """What a refusal means for the person; `judged`: the centre looked at a signature, not at what was typed."""
        told = _told(content) or f"HTTP {status}"
        if status >= 500:
            return UnreachedError(N_("{address} cannot do it now: {said}"), address=self.address, said=told)
        if status in {400, 404, 422} and not judged:
            return InputError(N_("the centre does not take it: {said}"), said=told)
        return RefusedError(N_("the centre says no: {said}"), said=told)


def _told(content: bytes) -> str:
    """What a problem says (RFC 9457), in the reader's language; empty where it says nothing."""
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    faults = "; ".join(f"{each.get('place', '')}: {each.get('detail', '')}" for each in problem.faults[:5])
    colon = ": " if problem.title.isascii() else "："
    return printable(colon.join(filter(None, [problem.title, problem.detail, faults])), MAX_SAID)


def _why(error: httpx.HTTPError) -> Said | str:
    """What stopped a question: the system's or the certificate's own words, if there are any."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return said(
                "its certificate does not hold ({why}); name the bank's authority by --ca", why=cause.verify_message
            )
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
            return system_said(cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return said("no answer within {seconds} s", seconds=round(ANSWER_S))
    return printable(str(error) or type(error).__name__, MAX_SAID)


def _tls(ca: Path | None) -> ssl.SSLContext:
    """The system's own list of authorities, or the bank's one."""
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise InputError(N_("{path} holds no certificate in PEM"), path=ca) from None
    except OSError as error:
        raise InputError(N_("{path} cannot be read: {reason}"), path=ca, reason=system_said(error)) from None
