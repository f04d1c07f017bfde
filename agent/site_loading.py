"""What an enrolled box starts with: the bundle in force out of its folder, or the one before it where that is damaged.

Reads files, decides nothing about trust (`site_judging.py`). Flow: state folder -> here -> `agent run`, `agent site`.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.identity import BoxIdentity, load_pins
from agent.identity_reading import IdentityError
from agent.secrets import Secrets
from agent.site_judging import Knows, SignedSite, SiteRefusedError, in_force
from agent.site_store import CURRENT, SiteStore
from protocol.certificates import Trust
from protocol.site.schema import Site
from protocol.texts import Said, SaidError, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class SiteLoadError(SaidError):
    """There is no bundle to work with; the message names the folder and the next step."""


class NoSiteError(SiteLoadError):
    """There never was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The bundle to work with; `damaged`: the one in force cannot be used, this is the one before it.

    `before`: the site that it took the place of, where that can still be read.
    """

    signed: SignedSite
    damaged: bool = False
    before: Site | None = None


def knows_of(identity: BoxIdentity, state: Path) -> Knows:
    """What the box of this folder judges bundles with. Without the kit's pins no first bundle is taken."""
    pins: frozenset[str] = frozenset()
    with suppress(IdentityError):  # they do not count any more once a bundle is in force
        pins = load_pins(state)
    secrets = Secrets(identity.box, {}, frozenset(), identity.keys)
    trust = Trust(identity.root)
    return Knows(trust=trust, box=identity.box, site=identity.site, pins=pins, opens=secrets.opens)


def load_site(store: SiteStore, knows: Knows) -> Loaded:
    """The bundle in force, or the one before it.

    Raises:
        NoSiteError: there is none.
        SiteLoadError: there is none that can be used.
    """
    (current, fault), (previous, _) = _read(store.current), _read(store.previous)
    if current is None and fault is None and previous is None:
        raise NoSiteError(
            N_("{folder} holds no site bundle; next step: branchwatch agent site apply FILE"),
            folder=store.folder.parent,
        )
    if signed := _usable(current, knows, previous):
        older = _usable(previous, knows, None)
        return Loaded(signed=signed, before=older.site if older else None)
    if signed := _usable(previous, knows, None):
        return Loaded(signed=signed, damaged=True)
    raise SiteLoadError(
        N_("{file} cannot be used ({reason}), nor the one before it; next step: branchwatch agent site apply FILE"),
        file=store.folder / CURRENT,
        reason=fault or said(N_("damaged, or of another box")),
    )


def _read(read: Callable[[], bytes | None]) -> tuple[bytes | None, Said | None]:
    try:
        return read(), None
    except OSError as error:
        return None, system_said(error)


def _usable(document: bytes | None, knows: Knows, before: bytes | None) -> SignedSite | None:
    try:
        return in_force(document, knows, before) if document is not None else None
    except SiteRefusedError:
        return None
