"""What the run before told and has not ended: given to the minds that judge it, ended where nobody does any more. Pure.

Flow: ReportingState -> here -> `Mind`; or findings that end it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from agent.detectors import custody, fascia, loitering, presence, vehicle, video
from agent.detectors.faults import NAMES
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.site.schema import Area, Camera, Site

PICTURE_KINDS: Final = frozenset(f"camera.{name}" for name in NAMES)
AREA_KINDS: Final = frozenset(
    {
        loitering.LOITERING,
        presence.AFTER_HOURS,
        presence.RESTRICTED,
        presence.POST_UNATTENDED,
        presence.CROWD,
        custody.SINGLE_PERSON,
        custody.LEFT_ALONE,
        custody.UNATTENDED,
        fascia.FASCIA_CHANGED,
        vehicle.ABSENT,
    }
)
OURS: Final = PICTURE_KINDS | AREA_KINDS | {video.VIDEO_LOSS}
"""Every condition that minds begin and end."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that stands: what was told, and of what."""

    kind: str
    source: str


def told_of(active: Iterable[tuple[str, str]]) -> tuple[Told, ...]:
    """Those of minds among all (kind, source) that stand."""
    return tuple(Told(kind=kind, source=source) for kind, source in active if kind in OURS)


def orphans(told: Iterable[Told], site: Site, now: Moment) -> tuple[Finding, ...]:
    """The ends of what nobody judges any more: it would stand for ever."""
    judged = {(kind, f"camera/{camera.id}") for camera in site.camera for kind in of_camera(camera)}
    judged |= {(kind, f"area/{area.id}") for area in site.area for kind in of_area(area)}
    facts = {"reason": "no longer in the site file"}
    return tuple(
        Finding(kind=each.kind, source=each.source, phase=Phase.ENDED, at=now, facts=facts)
        for each in told
        if (each.kind, each.source) not in judged
    )


def of_camera(camera: Camera) -> frozenset[str]:
    """The conditions of a camera itself."""
    return frozenset({video.VIDEO_LOSS}) | (PICTURE_KINDS if "picture" in camera.watch else frozenset())


def of_area(area: Area) -> Iterator[str]:
    """The conditions that an area's rules begin."""
    yield from [loitering.LOITERING] if area.loitering_after is not None else []
    yield from [presence.AFTER_HOURS] if area.after_hours else []
    yield from [presence.RESTRICTED] if area.restricted else []
    yield from [presence.POST_UNATTENDED] if area.post_empty_after is not None else []
    yield from [presence.CROWD] if area.crowd_over is not None else []
    yield from custody.KINDS.values() if area.two_people_while is not None else []
    yield from [fascia.FASCIA_CHANGED] if area.fascia else []
    yield from [vehicle.ABSENT] if area.truck_while is not None else []
