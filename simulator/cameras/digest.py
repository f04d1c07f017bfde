"""Digest authentication as cameras do it (RFC 2069, and RFC 7616's `qop=auth`), for RTSP and HTTP. Pure.

The server's side: what to ask for and whether an answer is right. Flow: rtsp.py and http.py -> here.
"""

import hmac
import re
from hashlib import md5
from typing import Final

REALM: Final = "simulated camera"
_FIELD: Final = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def challenge(nonce: str, *, qop: bool) -> str:
    """The value of `WWW-Authenticate`."""
    ending = ', qop="auth", algorithm=MD5' if qop else ""
    return f'Digest realm="{REALM}", nonce="{nonce}"{ending}'


def is_right(header: str, method: str, *, user: str, password: str, nonce: str) -> bool:
    """Whether `Authorization: header` proves the password for this method and the nonce that we gave."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "digest":
        return False
    fields = {name: quoted or plain for name, quoted, plain in _FIELD.findall(rest)}
    if fields.get("username") != user or fields.get("realm") != REALM or fields.get("nonce") != nonce:
        return False
    one = _md5(f"{user}:{REALM}:{password}")
    two = _md5(f"{method}:{fields.get('uri', '')}")
    names = ("nonce", "nc", "cnonce", "qop") if "qop" in fields else ("nonce",)
    middle = ":".join(fields.get(name, "") for name in names)
    return hmac.compare_digest(_md5(f"{one}:{middle}:{two}").encode(), fields.get("response", "").encode())


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
