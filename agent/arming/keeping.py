"""What is remembered of arming across restarts, and how it fits a later run: another clock, another site file. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from agent.arming import hours, latches, partitions, told
from agent.arming.hours import HoursState, Standing
from agent.arming.latches import ZoneState
from agent.arming.partitions import PartitionState
from agent.arming.table import Mode, Stage
from agent.arming.zones import RULES
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.site.schema import Site, Zone

GONE: Final = "no longer in the site file"
OTHER_TYPE: Final = "of another type in the site file"

_MORE: Final = tuple(
    Stage[name] for name in ("DISARMED", "ARMING", "TEST", "ARMED_STAY", "ARMED_AWAY", "ENTRY_DELAY", "ALARM")
)
"""Stages by how much they guard."""


class SavedArming(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that arming remembers."""

    partitions: Mapping[str, PartitionState] = {}
    members: Mapping[str, tuple[str, ...]] = {}
    """The zones of each partition, by the site file of that run."""
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


def guards(state: PartitionState) -> bool:
    """Whether it is armed, or about to be."""
    return partitions.standing(state) is not Standing.DISARMED


def rebuilt(modes: Mapping[str, str] | None, site: Site, now: Moment) -> SavedArming:
    """A memory in which these partitions are armed, each with its mode's word; None: all of the site's, away.

    Alarms and bypasses are not in it: a zone that is active acts again.
    """
    if modes is None:
        modes = dict.fromkeys((each.id for each in site.partition), Mode.AWAY.value)
    stages = {Mode.STAY.value: (Stage.ARMED_STAY, Mode.STAY)}
    armed = {}
    for name, word in modes.items():
        stage, mode = stages.get(word, (Stage.ARMED_AWAY, Mode.AWAY))
        armed[name] = PartitionState(stage=stage, mode=mode, since=now)
    members = {each.id: each.zones for each in site.partition}
    return SavedArming(partitions=armed, members={name: members[name] for name in armed if name in members})


def fitted(saved: SavedArming, site: Site) -> SavedArming:
    """What was remembered, as the site file of this run has it: what was armed is not disarmed by being named anew.

    A partition that is new stands as the most guarded of those that its zones come from.
    """
    known = {each.id: saved.partitions[each.id] for each in site.partition if each.id in saved.partitions}
    heirs: dict[str, tuple[str, ...]] = {}
    for each in site.partition:
        before = [name for name, zones in saved.members.items() if set(zones) & set(each.zones)]
        armed = [name for name in before if guards(saved.partitions[name])]
        if each.id not in saved.partitions and armed:
            most = max(armed, key=lambda name: _MORE.index(saved.partitions[name].stage))
            known[each.id] = _taken_over(saved.partitions[most], each.zones)
            heirs[most] = (*heirs.get(most, ()), each.id)
    for name, state in known.items():
        group = tuple(heir for other in state.together for heir in (other, *heirs.get(other, ())) if heir in known)
        known[name] = msgspec.structs.replace(state, together=group)
    zones = {each.id: _allowed(saved.zones[each.id], each) for each in site.zone if each.id in saved.zones}
    return msgspec.structs.replace(saved, partitions=known, zones=zones)


def orphans(saved: SavedArming, site: Site, now: Moment) -> tuple[Finding, ...]:
    """Conditions that a new site file leaves nobody to end: they end, or they would stand for ever; what it disarms."""
    fits = fitted(saved, site)
    zones, named = {each.id for each in site.zone}, {each.id for each in site.partition}
    gone = [
        (kind, f"zone/{name}", OTHER_TYPE if name in zones else GONE)
        for name, state in saved.zones.items()
        for kind in latches.told(state)
        if name not in zones or kind not in latches.told(fits.zones[name])
    ]
    gone += [
        (told.ARM_FAILED, f"partition/{name}", GONE)
        for name, state in saved.partitions.items()
        if name not in named and state.failed
    ]
    ended = (
        Finding(kind=kind, source=source, phase=Phase.ENDED, at=now, facts={"reason": reason})
        for kind, source, reason in gone
    )
    return (*ended, *_disarmed(saved, fits.partitions, site, now))


def _disarmed(saved: SavedArming, states: Mapping[str, PartitionState], site: Site, now: Moment) -> Iterator[Finding]:
    """Zones that were armed and are in no armed partition now: told where they are, or of a partition that is gone."""
    owners = {zone: each.id for each in site.partition for zone in each.zones}
    act_armed = {each.id for each in site.zone if RULES[each.type].when_armed}
    for name, state in saved.partitions.items():
        if not guards(state):
            continue
        members = saved.members.get(name, ())
        kept = {zone for zone in members if (heir := states.get(owners.get(zone, ""))) and guards(heir)}
        lost = [zone for zone in members if zone in act_armed - kept]
        if name not in states:
            yield from [told.disarmed_by_site(name, lost, state.stage, now)] if lost or not kept else []
            continue
        for place in dict.fromkeys(owners.get(zone, name) for zone in lost):
            there = [zone for zone in lost if owners.get(zone, name) == place]
            yield told.disarmed_by_site(place, there, state.stage, now)


def _taken_over(state: PartitionState, zones: tuple[str, ...]) -> PartitionState:
    """A partition's memory for another that has zones of it. What is told of the old one ends there."""
    state = msgspec.structs.replace(state, failed=False)
    if state.test:
        kept = tuple(zone for zone in state.test.zones if zone in zones)
        state = msgspec.structs.replace(state, test=msgspec.structs.replace(state.test, zones=kept))
    if state.stage is Stage.ENTRY_DELAY and state.first not in zones:  # another one tells of who came in
        stage = Stage.ARMED_STAY if state.mode is Mode.STAY else Stage.ARMED_AWAY
        state = msgspec.structs.replace(state, stage=stage, until=None, first="", first_row=None)
    return state


def _allowed(state: ZoneState, zone: Zone) -> ZoneState:
    """A zone of another type than before: what may not be bypassed or shut down is neither."""
    rule = RULES[zone.type]
    return msgspec.structs.replace(
        state, bypass=state.bypass if rule.bypass else None, shut=state.shut and rule.when_armed
    )
