"""What is remembered of arming across restarts, and how it fits a later run: another clock, another site file. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from agent.arming import hours, latches, partitions, told
from agent.arming.hours import HoursState
from agent.arming.latches import ZoneState
from agent.arming.partitions import PartitionState
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.site.schema import Site

GONE: Final = "no longer in the site file"


class SavedArming(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that arming remembers."""

    partitions: Mapping[str, PartitionState] = {}
    zones: Mapping[str, ZoneState] = {}
    hours: HoursState = HoursState()
    sounding: Mapping[str, tuple[str, ...]] = {}
    """Sirens, by point, and what each sounds for: `kind source`."""
    buzzing: tuple[str, ...] = ()
    """Buzzers, by point, that a delay or a warning has sound."""


def carried(saved: SavedArming, now: Moment, same_boot: bool) -> SavedArming:
    """What was remembered, on the monotonic clock of now."""
    return msgspec.structs.replace(
        saved,
        partitions={name: partitions.carried(each, now, same_boot) for name, each in saved.partitions.items()},
        zones={name: latches.carried(each, now, same_boot) for name, each in saved.zones.items()},
        hours=hours.carried(saved.hours, now, same_boot),
    )


def orphans(saved: SavedArming, site: Site, now: Moment) -> tuple[Finding, ...]:
    """Conditions of zones and partitions that a new site file no longer has: they end, or they would stand for ever."""
    zones, named = {each.id for each in site.zone}, {each.id for each in site.partition}
    gone = [
        (kind, f"zone/{name}")
        for name, state in saved.zones.items()
        if name not in zones
        for kind in latches.told(state)
    ]
    gone += [
        (told.ARM_FAILED, f"partition/{name}")
        for name, state in saved.partitions.items()
        if name not in named and state.failed
    ]
    return tuple(
        Finding(kind=kind, source=source, phase=Phase.ENDED, at=now, facts={"reason": GONE}) for kind, source in gone
    )
