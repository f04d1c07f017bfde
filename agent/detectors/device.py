"""A device does not answer, and answers again. Pure; one table. When to give a device up is its driver's judgement."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Signal, State

OFFLINE: Final = "device.offline"


class Stage(StrEnum):
    """What was told."""

    FINE = "fine"
    OFFLINE = "offline"


TABLE: Final[Mapping[tuple[Stage, State], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.FINE, State.ONLINE): (Stage.FINE, None),
        (Stage.FINE, State.OFFLINE): (Stage.OFFLINE, Phase.RAISED),
        (Stage.FINE, State.UNKNOWN): (Stage.FINE, None),  # a recorder whose login waits: neither here nor away
        (Stage.OFFLINE, State.ONLINE): (Stage.FINE, Phase.ENDED),
        (Stage.OFFLINE, State.OFFLINE): (Stage.OFFLINE, None),
        (Stage.OFFLINE, State.UNKNOWN): (Stage.OFFLINE, None),
    }
)


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.FINE


def observe(state: DeviceState, signal: Signal) -> tuple[DeviceState, tuple[Finding, ...]]:
    """What this word of the driver changes."""
    stage, phase = TABLE[state.stage, signal.state]
    if phase is None:
        return DeviceState(stage=stage), ()
    finding = Finding(
        kind=OFFLINE,
        source=signal.point,
        phase=phase,
        at=signal.at,
        facts={"cause": signal.cause} if signal.cause else {},
        because=(because(signal.point, signal.state, signal.at, signal.cause),),
    )
    return DeviceState(stage=stage), (finding,)
