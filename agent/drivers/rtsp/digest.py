"""The answer to a camera's WWW-Authenticate: digest (RFC 2617, RFC 7616) and nothing else. Pure.

Basic would hand the password to whoever stands in the line and asks for it so. Flow: describe.py and relay.py, told
401 -> here -> the value of `Authorization`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

_PARAMETER: Final = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')

_HASHES: Final[dict[str, Callable[[bytes], str]]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
"""The best comes last."""


class Challenge(Struct, frozen=True, kw_only=True):
    """What a device asks for."""

    realm: str = ""
    nonce: str = ""
    opaque: str | None = None
    algorithm: str = "MD5"
    session: bool = False
    auth: bool = False  # qop=auth is offered
    stale: bool = False  # the nonce of before is old, the login is not refused


def challenges(values: Iterable[str]) -> list[Challenge]:
    """What of these WWW-Authenticate values can be answered, the best first."""
    found = [each for value in values if (each := _challenge(value))]
    order = list(_HASHES)
    return sorted(found, key=lambda each: -order.index(each.algorithm))


def answer(
    challenge: Challenge, method: str, uri: str, *, user: str, password: str, cnonce: str, count: int = 1
) -> str:  # RFC 7616 section 3.4
    """The value of `Authorization`; `count`: how often this nonce was used, with this time. Never to be shown."""

    def hashed(*parts: str) -> str:
        return _HASHES[challenge.algorithm](":".join(parts).encode())

    who = hashed(user, challenge.realm, password)
    if challenge.session:
        who = hashed(who, challenge.nonce, cnonce)
    what = hashed(method, uri)
    middle = (challenge.nonce, f"{count:08x}", cnonce, "auth") if challenge.auth else (challenge.nonce,)
    fields = {
        "username": user,
        "realm": challenge.realm,
        "nonce": challenge.nonce,
        "uri": uri,
        "response": hashed(who, *middle, what),
    }
    if challenge.opaque is not None:
        fields["opaque"] = challenge.opaque
    told = ", ".join(f'{name}="{_quoted(value)}"' for name, value in fields.items())
    if challenge.algorithm != "MD5" or challenge.session:
        told += f", algorithm={challenge.algorithm}{'-sess' if challenge.session else ''}"
    if challenge.auth:
        told += f', qop=auth, nc={count:08x}, cnonce="{cnonce}"'
    elif challenge.session:
        told += f', cnonce="{cnonce}"'
    return f"Digest {told}"


def _challenge(value: str) -> Challenge | None:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    given = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    algorithm = given.get("algorithm", "MD5").upper()
    session = algorithm.endswith("-SESS")
    algorithm = algorithm.removesuffix("-SESS")
    if algorithm not in _HASHES or "nonce" not in given:
        return None
    qops = {each.strip().lower() for each in given.get("qop", "").split(",")}
    return Challenge(
        realm=given.get("realm", ""),
        nonce=given["nonce"],
        opaque=given.get("opaque"),
        algorithm=algorithm,
        session=session,
        auth="auth" in qops,
        stale=given.get("stale", "").lower() == "true",
    )


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
