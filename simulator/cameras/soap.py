"""SOAP 1.2 as ONVIF uses it: what is asked and by whom (WS-UsernameToken), how it is answered or refused. Pure.

Flow: http.py's body -> `parsed` -> the operations -> `answer` or `fault`.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMES: Final = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "ter": "http://www.onvif.org/ver10/error",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "trc": "http://www.onvif.org/ver10/recording/wsdl",
    "tse": "http://www.onvif.org/ver10/search/wsdl",
    "trp": "http://www.onvif.org/ver10/replay/wsdl",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tns1": "http://www.onvif.org/ver10/topics",
}
"""Prefixes as our answers declare them."""
PREFIXES: Final = {namespace: prefix for prefix, namespace in NAMES.items()}
_DECLARED: Final = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NAMES.items())
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
MAX_DURATION_S: Final = 86_400.0


class NotSoapError(ValueError):
    """What came is no SOAP request."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A WS-UsernameToken with a password digest (OASIS WSS 1.1, section 3.1)."""

    user: str
    digest: str
    nonce: bytes
    created: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation that is asked for, like `tds:GetDeviceInformation`."""

    name: str
    body: ElementTree.Element
    token: Token | None
    message: str  # its wsa:MessageID


def parsed(data: bytes) -> Call:
    """The call in an envelope.

    Raises:
        NotSoapError: it is none.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise NotSoapError("no document types")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - entities are refused above, the length by the server
    except (ElementTree.ParseError, ValueError) as error:
        raise NotSoapError(str(error)) from None
    body = next((each for each in root if _local(each) == "Body"), None)
    if body is None or not len(body):
        raise NotSoapError("no body")
    element = body[0]
    namespace = element.tag.partition("}")[0].removeprefix("{")
    return Call(
        name=f"{PREFIXES.get(namespace, '')}:{_local(element)}",
        body=element,
        token=_token(root),
        message=find(root, "MessageID"),
    )


def find(element: ElementTree.Element, name: str) -> str:
    """The text of the first element of that local name below this one; empty where there is none."""
    return next((each.text or "" for each in element.iter() if _local(each) == name), "").strip()


def proves(token: Token, *, user: str, password: str, now_s: float, tolerance_s: float) -> bool:
    """Whether the token was made with the password, and lately by our own clock."""
    try:
        created = datetime.fromisoformat(token.created)
    except ValueError:
        return False
    created = created.replace(tzinfo=created.tzinfo or UTC)
    if abs(created.timestamp() - now_s) > tolerance_s or token.user != user:
        return False
    # WSS UsernameToken Profile 1.1, 3.1: Base64(SHA-1(nonce + created + password)).
    made = sha1(token.nonce + token.created.encode() + password.encode(), usedforsecurity=False).digest()
    return hmac.compare_digest(base64.b64encode(made), token.digest.encode())


def answer(call: Call, inner: str) -> bytes:
    """The envelope of an answer; `inner` stands inside `...Response`."""
    related = f"<wsa:RelatesTo>{escape(call.message)}</wsa:RelatesTo>" if call.message else ""
    return _envelope(f"<{call.name}Response>{inner}</{call.name}Response>", header=related)


def fault(subcode: str, reason: str, *, sender: bool = True) -> bytes:
    """The envelope of a refusal, like `ter:NotAuthorized`."""
    code = "s:Sender" if sender else "s:Receiver"
    return _envelope(
        f"<s:Fault><s:Code><s:Value>{code}</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
    )


def time_text(at_s: float) -> str:
    """As xs:dateTime."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_of(text: str) -> float | None:
    """An xs:dateTime in seconds since 1970; None where it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def duration_s(text: str, otherwise: float, *, minutes_are_seconds: bool = False) -> float:
    """An xs:duration in seconds, at most a day; `otherwise` where it is none."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return otherwise
    days, hours, minutes, seconds = (float(each or 0) for each in found.groups())
    minute = 1 if minutes_are_seconds else 60
    return min(MAX_DURATION_S, days * 86_400 + hours * 3600 + minutes * minute + seconds)


def _envelope(body: str, header: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {_DECLARED}>'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _token(root: ElementTree.Element) -> Token | None:
    token = next((each for each in root.iter() if _local(each) == "UsernameToken"), None)
    if token is None:
        return None
    try:
        nonce = base64.b64decode(find(token, "Nonce"), validate=True)
    except ValueError:
        return None
    return Token(
        user=find(token, "Username"), digest=find(token, "Password"), nonce=nonce, created=find(token, "Created")
    )


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
