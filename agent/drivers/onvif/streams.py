"""Which of a camera's streams is looked at, and under which address it is really to be had. Pure.

A camera behind a router names its own inner address: the host that a person wrote into the site file wins always, so
that no device sends us, and our login, elsewhere. Flow: facts.py -> here -> the asker, which tells the eye's keeper.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from agent.drivers.onvif.facts import Profile

MIN_WIDTH: Final = 320
"""People are found and faults judged in pictures at least so wide."""

MAX_URL: Final = 500
RTSP_PORT: Final = 554


def chosen(profiles: Sequence[Profile], stream: str) -> tuple[Profile, ...]:
    """The profiles of the camera's first picture, best first, for `sub` or `main`.

    Sub: the smallest at least MIN_WIDTH wide, then the wider ones, then the narrower. What is no video (JPEG) and what
    says no size comes last.
    """
    if not profiles:
        return ()
    own = [each for each in profiles if each.source == profiles[0].source]
    return tuple(sorted(own, key=lambda each: _rank(each, stream)))


def reachable(uri: str, host: str) -> str | None:
    """The stream's address at `host`: port, path and question as the device says; name and password left out.

    None: it is no address of a stream.
    """
    parts = _split(uri)
    if parts is None or parts.scheme not in {"rtsp", "rtsps"}:
        return None
    port = f":{parts.port}" if parts.port is not None else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{bracketed(host)}{port}{parts.path or '/'}{query}"


def service_at(uri: str, host: str, port: int) -> str | None:
    """A service's address at the host and port that we were given.

    A device that names our host may name another port of it; one that names another host is behind a router, and what
    is forwarded to it is the port that we know.
    """
    parts = _split(uri)
    if parts is None or parts.scheme not in {"http", "https"}:
        return None
    own = (parts.hostname or "").lower() == host.lower() and parts.scheme == "http"
    query = f"?{parts.query}" if parts.query else ""
    return f"http://{bracketed(host)}:{(parts.port or 80) if own else port}{parts.path or '/'}{query}"


def bracketed(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def no_password(uris: Iterable[str]) -> tuple[str, ...]:
    """Addresses as a person may see them."""
    return tuple(shown for uri in uris if (parts := _split(uri)) and (shown := parts.geturl()))


def _split(uri: str) -> SplitResult | None:
    """The parts of an address without user and password; None where it is none, or holds what no address may."""
    if len(uri) > MAX_URL or any(not letter.isprintable() or letter.isspace() for letter in uri):
        return None
    try:
        parts = urlsplit(uri)
        if not parts.hostname or (parts.port is not None and parts.port == 0):
            return None
    except ValueError:
        return None
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="", scheme=parts.scheme.lower())


def _rank(profile: Profile, stream: str) -> tuple[int, int, int]:
    no_video = int(profile.codec in {"JPEG", "MJPEG"})
    area = profile.width * profile.height
    if not area:
        return no_video, 3, 0
    if stream == "main":
        return no_video, 0, -area
    narrow = profile.width < MIN_WIDTH
    return no_video, int(narrow), -area if narrow else area
