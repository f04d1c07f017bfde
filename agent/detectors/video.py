"""A camera sends no picture. Pure; one table.

Told as `camera.video_loss` after LOSS without a new frame, with its cause; it ends with the first picture. An eye that
says nothing at all is as blind as one that says why. Refused logins are judged in `login.py`.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment, State

VIDEO_LOSS: Final = "camera.video_loss"

LOSS: Final = timedelta(seconds=5)
MUTE: Final = timedelta(seconds=15)
"""An eye that looks says so every 5 s at the least."""

BEGINS: Final = timedelta(seconds=60)
"""So long nobody needs to have said anything of a camera at the start."""

CHILD: Final = "child"
SILENT: Final = "silent"


class Stage(StrEnum):
    """What was told."""

    FINE = "fine"
    LOST = "lost"


class Seen(StrEnum):
    """What shows now."""

    PICTURE = "picture"
    GAP = "gap"  # none, for less than LOSS; or none was there yet
    LOSS = "loss"


TABLE: Final[Mapping[tuple[Stage, Seen], tuple[Stage, Phase | None]]] = MappingProxyType(
    {
        (Stage.FINE, Seen.PICTURE): (Stage.FINE, None),
        (Stage.FINE, Seen.GAP): (Stage.FINE, None),
        (Stage.FINE, Seen.LOSS): (Stage.LOST, Phase.RAISED),
        (Stage.LOST, Seen.PICTURE): (Stage.FINE, Phase.ENDED),
        (Stage.LOST, Seen.GAP): (Stage.LOST, None),
        (Stage.LOST, Seen.LOSS): (Stage.LOST, None),
    }
)


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """That no picture comes, and why."""

    cause: str
    detail: str = ""
    at: Moment


class VideoState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered between observations."""

    stage: Stage = Stage.FINE
    began: Moment | None = None
    pictured: Moment | None = None  # the latest picture
    since: Moment | None = None  # no picture since then; None: one comes, or nothing was heard yet
    cause: str = ""
    detail: str = ""

    @property
    def sees(self) -> bool:
        """Whether pictures come."""
        return self.pictured is not None and self.since is None


def standing(kinds: frozenset[str]) -> VideoState:
    """The state in which these kinds were told and have not ended."""
    return VideoState(stage=Stage.LOST if VIDEO_LOSS in kinds else Stage.FINE)


def observe(
    state: VideoState, camera: str, heard: Lost | Moment | None, now: Moment
) -> tuple[VideoState, tuple[Finding, ...]]:
    """What a word of the eye changes: the moment of a picture, that none comes, or nothing but time (None)."""
    state = _taken(state, heard, now)
    stage, phase = TABLE[state.stage, _seen(state, now)]
    findings = (_finding(camera, phase, state, now),) if phase is not None else ()
    return msgspec.structs.replace(state, stage=stage), findings


def _taken(state: VideoState, heard: Lost | Moment | None, now: Moment) -> VideoState:
    if isinstance(heard, Moment):
        return msgspec.structs.replace(state, pictured=heard, since=None, cause="", detail="")
    if heard is not None:
        since = state.since or state.pictured or heard.at
        return msgspec.structs.replace(state, since=since, cause=heard.cause, detail=heard.detail)
    if state.pictured and state.since is None and now.since(state.pictured) >= MUTE:
        return msgspec.structs.replace(state, since=state.pictured, cause=CHILD)
    if state.since is None and state.began and not state.pictured and now.since(state.began) >= BEGINS:
        return msgspec.structs.replace(state, since=state.began, cause=SILENT)
    return state if state.began else msgspec.structs.replace(state, began=now)


def _seen(state: VideoState, now: Moment) -> Seen:
    if state.since is None:
        return Seen.PICTURE if state.pictured else Seen.GAP
    return Seen.LOSS if now.since(state.since) >= LOSS else Seen.GAP


def _finding(camera: str, phase: Phase, state: VideoState, now: Moment) -> Finding:
    point = f"camera/{camera}"
    facts = {name: value for name, value in (("cause", state.cause), ("detail", state.detail)) if value}
    shown = State.ONLINE if state.sees else State.OFFLINE
    since = (state.pictured if state.sees else state.since) or now
    row = because(point, shown, since, state.cause)
    return Finding(kind=VIDEO_LOSS, source=point, phase=phase, at=now, facts=facts, because=(row,))
