"""What the guard remembers across restarts, and how it fits a later run: another clock, another site file. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, Protocol, TypeVar

import msgspec

from agent import outputs
from agent.arming import keeping
from agent.arming.keeping import SavedArming
from agent.config.watched import outputs_of
from agent.detectors import device, forced, held_open, interlock, key_override, output_refused
from agent.detectors.device import DeviceState
from agent.detectors.forced import ForcedState
from agent.detectors.held_open import HeldOpenState
from agent.detectors.interlock import InterlockState
from agent.detectors.key_override import KeyState
from agent.detectors.output_refused import OutputState
from agent.findings import Finding, Phase
from agent.outputs import Pulse
from agent.points import Known
from agent.signals import Moment
from protocol.site.schema import Site

T = TypeVar("T")


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What last let a door be opened, and until when it did so."""

    by: str
    at: Moment


class SavedGuard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the guard remembers across restarts; `msgspec.json` encodes and decodes it."""

    points: Mapping[str, Known] = {}
    interlocks: Mapping[str, InterlockState] = {}
    forced: Mapping[str, ForcedState] = {}
    held_open: Mapping[str, HeldOpenState] = {}
    keys: Mapping[str, KeyState] = {}
    devices: Mapping[str, DeviceState] = {}
    outputs: Mapping[str, OutputState] = {}
    pulses: Mapping[str, Pulse] = {}
    releases: Mapping[str, Release] = {}
    arming: SavedArming = SavedArming()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Which parts of a site each detector judges."""

    forced: frozenset[str]
    held_open: frozenset[str]
    keys: frozenset[str]
    interlocks: frozenset[str]
    devices: frozenset[str]
    outputs: frozenset[str]  # as points: `lock/outer`, `output/hall`


def judged_of(site: Site) -> Judged:
    """What the detectors judge at this site."""
    occupied = {door for each in site.interlock if each.occupied_by for door in each.doors}
    return Judged(
        forced=frozenset(door.id for door in site.door if door.lock or door.exit_button),
        held_open=frozenset(door.id for door in site.door if door.held_open_after is not None),
        keys=frozenset(door.id for door in site.door if door.mechanical_key and door.id in occupied),
        interlocks=frozenset(each.id for each in site.interlock),
        devices=frozenset(each.id for of in (site.io, site.panel, site.recorder) for each in of),
        outputs=frozenset(
            (
                *(f"lock/{door.id}" for door in site.door if door.lock),
                *(f"output/{each.id}" for each in outputs_of(site)),
            )
        ),
    )


def orphans(saved: SavedGuard, site: Site, judged: Judged, now: Moment) -> tuple[Finding, ...]:
    """Conditions of what a new site file no longer has judged: they end, or they would stand for ever."""
    told = (
        *_told(saved.forced, judged.forced, "door/"),
        *_told(saved.held_open, judged.held_open, "door/"),
        *_told(saved.keys, judged.keys, "door/"),
        *_told(saved.interlocks, judged.interlocks, "interlock/"),
        *_told(saved.devices, judged.devices, "device/"),
        *_told(saved.outputs, judged.outputs, ""),
    )
    facts = {"reason": "no longer in the site file"}
    ended = tuple(Finding(kind=kind, source=source, phase=Phase.ENDED, at=now, facts=facts) for kind, source in told)
    return ended + keeping.orphans(saved.arming, site, now)


_KINDS: Final[Mapping[StrEnum, str]] = {
    forced.Stage.BROKEN_OPEN: forced.FORCED,
    held_open.Stage.HELD: held_open.HELD_OPEN,
    key_override.Stage.OVERRIDDEN: key_override.KEY_OVERRIDE,
    interlock.Stage.BREACH: interlock.DUAL_OPEN,
    interlock.Stage.RELEASED: interlock.EMERGENCY_RELEASE,
    device.Stage.OFFLINE: device.OFFLINE,
    output_refused.Stage.REFUSED: output_refused.OUTPUT_REFUSED,
}
"""The stages that stand for a told condition, and its kind."""


class _Staged(Protocol):
    @property
    def stage(self) -> StrEnum: ...


def _told(states: Mapping[str, _Staged], judged: frozenset[str], prefix: str) -> list[tuple[str, str]]:
    gone = ((name, state.stage) for name, state in states.items() if name not in judged)
    return [(_KINDS[stage], f"{prefix}{name}") for name, stage in gone if stage in _KINDS]


def carried(saved: SavedGuard, now: Moment, same_boot: bool) -> SavedGuard:
    """What was remembered, on the monotonic clock of now."""

    def moved(struct: T, field: str) -> T:
        moment = getattr(struct, field)
        if moment is None:
            return struct
        return msgspec.structs.replace(struct, **{field: moment.carried(now, same_boot)})  # type: ignore[type-var]

    return msgspec.structs.replace(
        saved,
        points={name: moved(each, "since") for name, each in saved.points.items()},
        interlocks={name: moved(each, "since") for name, each in saved.interlocks.items()},
        held_open={name: moved(each, "since") for name, each in saved.held_open.items()},
        outputs={point: moved(each, "since") for point, each in saved.outputs.items()},
        releases={name: moved(each, "at") for name, each in saved.releases.items()},
        pulses=outputs.carried(saved.pulses, now, same_boot),
        arming=keeping.carried(saved.arming, now, same_boot),
    )


def still_known(saved: Mapping[str, T], known: Iterable[str]) -> dict[str, T]:
    """What was remembered of things that the site file still names."""
    names = set(known)
    return {name: state for name, state in saved.items() if name in names}
