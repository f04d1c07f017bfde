"""What an agent needs for its evidence, joined out of the site file. Decides nothing. Flow: app.py -> here."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agent.clocks import Reading
from agent.evidence.calling import EVIDENCE_PORT
from agent.evidence.evidence import Evidence, Hands
from agent.evidence.folder import Shelf
from agent.evidence.playing import Player
from agent.evidence.promises import PROMISES_KEY, OpenPromises
from agent.evidence.promising import plan_of
from agent.evidence.stock import Stock, limits_of
from agent.evidence.uploading import Destination, Uploader
from agent.eyes.eyes import ring_of
from agent.identity import BoxIdentity
from agent.seeing import Seeing
from agent.signals import Moment
from agent.watch import Watch
from protocol.site.addresses import parse_address
from protocol.site.schema import Site


def promises_of(site: Site, saved: Mapping[str, bytes], now: Moment, *, same_boot: bool) -> OpenPromises:
    """What this box owes; the watch stores it."""
    return OpenPromises(plan_of(site), saved.get(PROMISES_KEY), now, same_boot)


def evidence_of(
    site: Site,
    state: Path,
    promises: OpenPromises,
    watch: Watch,
    seeing: Seeing,
    *,
    reading: Callable[[], Reading],
    identity: Callable[[], BoxIdentity],
    address: str | None,
) -> Evidence | None:
    """The evidence of one run; None where a box has no cameras, and never had.

    `address`: where the centre takes pictures; None: they stay on the box.
    """
    shelf = Shelf(state)
    if not site.camera and not promises.owed and not shelf.path.exists():
        return None
    uploaders: list[Uploader] = []
    stock = Stock(
        shelf,
        limits_of(site.evidence),
        reading,
        watch.tell,
        way=lambda: any(each.way for each in uploaders),
    )
    names = frozenset(camera.id for camera in site.camera)
    hands = Hands(
        cameras=seeing.eyes,
        names=names,
        ring=ring_of(site),
        reading=reading,
        take=lambda findings: watch.take(findings=findings),
        turn=seeing.asker.preset,
        player=Player(site, seeing.asker.playback, seeing.logins, lambda: reading().moment),
    )
    evidence = Evidence(shelf, stock, promises, hands)
    if address is not None:
        host, port = parse_address(address, EVIDENCE_PORT)
        to = Destination(host=host, port=port, kbps=site.evidence.upload_kbps, identity=identity)
        uploaders.append(Uploader(to, shelf, reading, evidence.over_with))
        evidence.upload_by(uploaders[0])
    return evidence
