"""Footage through the mind of one camera, looked at as its eye would: twice a second of the clip, as fast as it goes.

Runs in the command's own process, which is not the agent: here, and only here, the mind and the libraries of pictures
meet. Flow: replay_words.py -> here: media -> looking -> `Mind` -> findings.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from agent.eyes.mind import Mind
from agent.findings import Finding, Phase
from agent.people.inference import Finder, ModelError
from agent.people.models import Found
from agent.replaying.branch import Branch, Said, moment
from agent.video.looking import Looking
from agent.video.media import film
from agent.video.vision import Frame, resized
from agent.video.words import Box, EyeSettings, Learn
from protocol.site.schema import Camera, Site
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LOOKS_A_SECOND: Final = 2.0


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, and when in the clip."""

    at_s: float
    finding: Finding

    @property
    def begins(self) -> bool:
        """Whether it tells of something, not of its end."""
        return self.finding.phase is not Phase.ENDED


class LearnError(SaidError):
    """There is no picture where one should be learned from."""


class Model:
    """The people model, asked in this process."""

    def __init__(self, found: Found) -> None:
        """Load it.

        Raises:
            ModelError: it cannot be read.
        """
        self._finder = Finder(found.xml, found.weights)
        self._title = found.title

    def find(self, frame: Frame) -> tuple[tuple[Box, ...], str] | None:
        """Who is in the picture."""
        try:
            return self._finder.find(resized(frame, self._finder.width, self._finder.height)), self._title
        except ModelError:
            return None

    def close(self) -> None:
        """Nothing is kept open."""


def replay(
    site: Site,
    camera: Camera,
    video: Path,
    said: Said,
    model: Model | None,
    *,
    since_s: float = 0.0,
    until_s: float | None = None,
    learn_s: float | None = None,
    reached: Callable[[float], None] = lambda _at_s: None,
    unlearned: Callable[[], None] = lambda: None,
) -> Iterator[Happened]:
    """What the rules of this camera find in a clip. `reached` is told how far it is, at each look;
    `unlearned` is called at the end where no picture of the clip could be learned as what it should look like.

    `learn_s`: the picture at that time is how the camera's picture and its fascias should look.

    Raises:
        MediaError: the clip cannot be read.
        LearnError: the clip ends before `learn_s`.
    """
    areas = [area for area in site.area if area.camera == camera.id]
    settings = EyeSettings(
        camera=camera.id,
        picture="picture" in camera.watch,
        people="people" in camera.watch,
        ring_s=1,
        ring_bytes=1,
        references="",
        masks=camera.mask,
        fascias={area.id: area.polygon for area in areas if area.fascia},
    )
    looking = Looking(settings, model)
    if learn_s is not None:
        learned = next(film(video, learn_s), None)
        if learned is None:
            raise LearnError(N_("{file} ends before --learn"), file=video)
        looking.refer(learned[1].bgr())
    mind, branch = Mind(camera, areas, ()), Branch(site, said)
    due_s, number = since_s, 0
    for at_s, picture in film(video, since_s, until_s):
        if at_s < due_s:
            continue
        due_s += (math.floor((at_s - due_s) * LOOKS_A_SECOND) + 1) / LOOKS_A_SECOND
        number += 1
        now = moment(said, at_s)
        look, _ = looking.look(picture.bgr(), now.mono_ms, number, quiet=False, key=picture.key)
        thought = mind.hear(look, branch.at(at_s), now)
        for message in thought.tell:
            if isinstance(message, Learn):
                looking.told(message)
        for finding in thought.findings:
            yield Happened(at_s=at_s, finding=finding)
        reached(at_s)
    if settings.picture and looking.reference is None:
        unlearned()
