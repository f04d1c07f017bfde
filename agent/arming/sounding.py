"""When sirens and buzzers sound, and when they end. Pure; it moves them by the pulses of `agent/outputs.py` alone.

A siren sounds for the kinds that the site file names, never for a hold-up or duress, and five minutes at most. It ends
early by `silence`, or once everything that it sounds for was reset, by disarming or by order. What is no zone's alarm
(a door's) ends by its time or by `silence`. A new alarm starts it anew.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from agent import outputs
from agent.arming.zones import LATCHING, NEVER_SOUND
from agent.findings import Finding, Phase
from agent.outputs import Pulses
from agent.signals import Moment, State
from protocol.site.schema import Buzzer, Siren

LONGEST: Final = timedelta(minutes=5)

Sounding = Mapping[str, tuple[str, ...]]
"""Sirens, by point, and what each sounds for: `kind source`."""


def begun(
    sirens: Iterable[Siren], findings: Iterable[Finding], sounding: Sounding, pulses: Pulses, now: Moment
) -> tuple[Sounding, Pulses]:
    """Start what these findings are to be heard by. What is told again starts a siren only that is silent."""
    found = [each for each in findings if each.phase in {Phase.RAISED, Phase.AGAIN} and each.kind not in NEVER_SOUND]
    sounds = dict(sounding)
    for siren in sirens:
        point = f"output/{siren.id}"
        for finding in found:
            holds = point in pulses and pulses[point].stage is outputs.Stage.HOLDING
            if finding.kind not in siren.on or (finding.phase is Phase.AGAIN and holds):
                continue
            until = now.after(min(siren.sound_for, LONGEST))
            pulses = outputs.start(pulses, point, State.ON, State.OFF, until)
            cause = f"{finding.kind} {finding.source}"
            sounds[point] = tuple(dict.fromkeys((*sounds.get(point, ()), cause)))
    return sounds, pulses


def over(alarming: frozenset[str], sounding: Sounding, pulses: Pulses, now: Moment) -> tuple[Sounding, Pulses]:
    """End the sirens of which everything was reset; forget those that ended by themselves."""
    sounds: dict[str, tuple[str, ...]] = {}
    for point, causes in sounding.items():
        left = tuple(cause for cause in causes if cause in alarming or cause.partition(" ")[0] not in LATCHING)
        if not left:
            pulses = outputs.stop(pulses, point, now)
        elif point in pulses and pulses[point].stage is outputs.Stage.HOLDING:
            sounds[point] = left
    return sounds, pulses


def silenced(sirens: Iterable[Siren], pulses: Pulses, now: Moment) -> Pulses:
    """End every siren."""
    for siren in sirens:
        pulses = outputs.stop(pulses, f"output/{siren.id}", now)
    return pulses


def buzzing(
    buzzers: Iterable[Buzzer], waiting: Mapping[str, Moment], held: tuple[str, ...], pulses: Pulses, now: Moment
) -> tuple[tuple[str, ...], Pulses]:
    """Have buzzers sound while their partitions wait, and no longer. `held`: those that sound for it already."""
    sounds: list[str] = []
    for buzzer in buzzers:
        point = f"output/{buzzer.id}"
        ends = [until for name, until in waiting.items() if not buzzer.partitions or name in buzzer.partitions]
        until = max(ends, key=lambda end: end.mono_ms, default=None)
        if until is not None and until.mono_ms > now.mono_ms:
            pulses = outputs.start(pulses, point, State.ON, State.OFF, until)
            sounds.append(point)
        elif point in held:
            pulses = outputs.stop(pulses, point, now)
    return tuple(sounds), pulses
