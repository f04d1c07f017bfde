"""Logins of a site for tests: the real ledger and the real opening, under a key that seals nothing."""

from __future__ import annotations

from collections.abc import Callable

from agent.logins import Logins
from agent.secrets import Secrets
from agent.signals import Moment
from protocol.site.schema import Camera, Recorder, Site


class PlainKey:
    """A sealing key whose seals are the secrets themselves."""

    def open_secret(self, sealed: str, *, box: str, name: str) -> bytes:
        """What was sealed."""
        return sealed.encode()


def site_of(*, cameras: tuple[Camera, ...] = (), recorders: tuple[Recorder, ...] = ()) -> Site:
    """A site with nothing but cameras and recorders."""
    return Site(id="0755-031", name="x", unit="y", timezone="Asia/Shanghai", camera=cameras, recorder=recorders)


def logins_of(site: Site, secrets: dict[str, str], now: Callable[[], Moment], saved: bytes = b"") -> Logins:
    """The logins of a site by these secrets."""
    held = Secrets("box-1", secrets, frozenset(), PlainKey())
    return Logins(site, held, {"logins": saved} if saved else {}, now, same_boot=True)
