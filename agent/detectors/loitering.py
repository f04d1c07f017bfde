"""Somebody stays in an area past its time. Pure; one table a person.

A stay is one track in the area; away for GONE, it is over. With a feed of an ATM's transactions the time counts anew
from each. Where the box may speak, it speaks first, looks again after `speak_wait`, and only then tells: the third
value that `observe` returns says that it shall speak now; `unspoken` takes back what could not be said.

    state, findings, speak = observe(state, sight, now)
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment

LOITERING: Final = "presence.loitering"

GONE: Final = timedelta(seconds=5)
"""A person who left for so long is gone."""


class Stage(StrEnum):
    """How far it went with one person."""

    STAYING = "staying"
    SPOKEN = "spoken"  # asked to leave
    TOLD = "told"


class Seen(StrEnum):
    """What shows of one person."""

    BRIEF = "brief"
    OVERDUE = "overdue"  # there for the limit
    DEAF = "deaf"  # still there, `speak_wait` after being spoken to; or nobody can speak


TABLE: Final[Mapping[tuple[Stage, Seen], Stage]] = MappingProxyType(
    {
        (Stage.STAYING, Seen.BRIEF): Stage.STAYING,
        (Stage.STAYING, Seen.OVERDUE): Stage.SPOKEN,
        (Stage.STAYING, Seen.DEAF): Stage.TOLD,
        (Stage.SPOKEN, Seen.BRIEF): Stage.STAYING,  # a transaction: the time counts anew
        (Stage.SPOKEN, Seen.OVERDUE): Stage.SPOKEN,
        (Stage.SPOKEN, Seen.DEAF): Stage.TOLD,
        (Stage.TOLD, Seen.BRIEF): Stage.STAYING,
        (Stage.TOLD, Seen.OVERDUE): Stage.TOLD,
        (Stage.TOLD, Seen.DEAF): Stage.TOLD,
    }
)


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """One person in the area."""

    since: Moment
    seen: Moment
    stage: Stage = Stage.STAYING
    spoken: Moment | None = None


class LoiteringState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stays: Mapping[int, Stay] = {}  # by track
    told: bool = False
    heard: bool = True  # what was said last could be said
    regained: Moment | None = None  # the first look after a start or after blindness


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an area."""

    area: str
    tracks: Mapping[int, Moment] | None  # who is in it now, and since when if new; None: nobody can be seen
    limit: timedelta
    model: str
    transactions: tuple[Moment, ...] | None = None  # at its machines, recent ones; None: nobody tells of them
    speak: bool = False
    speak_wait: timedelta = timedelta(0)


def observe(state: LoiteringState, sight: Sight, now: Moment) -> tuple[LoiteringState, tuple[Finding, ...], bool]:
    """What this look, or the passing of time, changes; True: speak to them now."""
    if sight.tracks is None:
        return state, (), False  # what stands goes on standing; stays go on counting when they are seen again
    stays: dict[int, Stay] = {}
    findings: list[Finding] = []
    told, heard, speak = state.told, state.heard, False
    regained = state.regained or now
    # What stood before nobody could see stands on with whoever is there when they are seen again.
    fresh = told and now.since(regained) < GONE
    for track in {**state.stays, **dict.fromkeys(sight.tracks)}:
        here = track in sight.tracks
        known = state.stays.get(track) or Stay(
            since=sight.tracks[track], seen=now, stage=Stage.TOLD if fresh else Stage.STAYING
        )
        if not here and now.since(known.seen) >= GONE:
            continue
        known = msgspec.structs.replace(known, seen=now) if here else known
        stage = known.stage
        if here:
            stage = TABLE[stage, _seen(known, state, sight, now)]
        if stage is Stage.TOLD and known.stage is not Stage.TOLD:
            findings.append(_raised(track, known, sight, Phase.AGAIN if told else Phase.RAISED, heard, now))
            told = True
        if stage is Stage.SPOKEN and known.stage is not Stage.SPOKEN:
            if not _just_spoken(state, sight, now):
                speak, heard = True, True
            known = msgspec.structs.replace(known, spoken=now)
        stays[track] = msgspec.structs.replace(known, stage=stage)
    if told and not fresh and not any(stay.stage is Stage.TOLD for stay in stays.values()):
        findings.append(_ended(sight, now))
        told = False
    return LoiteringState(stays=stays, told=told, heard=heard, regained=regained), tuple(findings), speak


def unspoken(state: LoiteringState) -> LoiteringState:
    """What was to be said could not be: nobody waits for an answer to it."""
    return msgspec.structs.replace(state, heard=False)


def standing(told: bool) -> LoiteringState:
    """The state in which it was told and has not ended, or was not."""
    return LoiteringState(told=told)


def blind(state: LoiteringState) -> LoiteringState:
    """Nobody was seen for long: who is seen next is somebody else for all that is known."""
    return LoiteringState(told=state.told)


def _seen(stay: Stay, state: LoiteringState, sight: Sight, now: Moment) -> Seen:
    since = _counted_from(stay, sight)
    if stay.stage is Stage.TOLD and since is stay.since:
        return Seen.DEAF
    if now.since(since) < sight.limit:
        return Seen.BRIEF
    if not sight.speak:
        return Seen.DEAF
    if stay.spoken is None or stay.stage is not Stage.SPOKEN:
        return Seen.OVERDUE
    return Seen.DEAF if not state.heard or now.since(stay.spoken) >= sight.speak_wait else Seen.OVERDUE


def _counted_from(stay: Stay, sight: Sight) -> Moment:
    """When it came, or the latest transaction since."""
    return max((stay.since, *(sight.transactions or ())), key=lambda moment: moment.mono_ms)


def _just_spoken(state: LoiteringState, sight: Sight, now: Moment) -> bool:
    """Whether everybody there has just heard it."""
    spoken = [stay.spoken for stay in state.stays.values() if stay.spoken]
    return state.heard and any(now.since(each) < sight.speak_wait for each in spoken)


def _raised(track: int, stay: Stay, sight: Sight, phase: Phase, heard: bool, now: Moment) -> Finding:
    point = f"area/{sight.area}"
    facts: dict[str, Any] = {
        "dwell_s": round(now.since(stay.since).total_seconds(), 1),
        "limit_s": sight.limit.total_seconds(),
        "track": track,
        "model": sight.model,
    }
    rows = [because(point, "occupied", stay.since, f"track {track}")]
    if stay.spoken is not None:
        facts["spoken_to"] = heard
        rows += [because(point, "spoken to", stay.spoken, f"track {track}")] if heard else []
    rows.append(because(point, "occupied", now, f"track {track}"))
    return Finding(kind=LOITERING, source=point, phase=phase, at=now, facts=facts, because=tuple(rows))


def _ended(sight: Sight, now: Moment) -> Finding:
    point = f"area/{sight.area}"
    row = because(point, "occupied" if sight.tracks else "empty", now)
    return Finding(
        kind=LOITERING, source=point, phase=Phase.ENDED, at=now, facts={"model": sight.model}, because=(row,)
    )
