"""Where the models that find people are looked for, and which of them lie there and are what is pinned.

What is used was read and checked as a whole: nobody can change it between. Looks at files, changes none, fetches
nothing. Flow: server.py, models_words.py -> here -> protocol/people_models.py.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.people_models import MODELS, Model, fault
from protocol.texts import Said, SaidError, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

CACHE: Final = "models"
"""Of the state folder: what was fetched, and what the installer's kit brought."""

DATA: Final = "BRANCHWATCH_DATA"


class ModelsError(SaidError):
    """There is no model to look with; the message says where was looked, and what was refused where anything was."""

    refused = False


class AllRefusedError(ModelsError):
    """There are only files that are not what they must be."""

    refused = True


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder in which models are looked for; `given`: by whom, in one word."""

    given: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Found:
    """A model that is what it must be: its bytes, checked."""

    model: Model
    place: Place
    xml: bytes
    weights: bytes

    @property
    def title(self) -> str:
        """As looks and events name it."""
        return self.model.title

    @property
    def folder(self) -> Path:
        """Where it was found."""
        return self.place.folder


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A file that lies where a model should and is not it."""

    model: Model
    place: Place
    file: Path
    reason: Said


def places(given: Path | None, state: Path, environment: Mapping[str, str] = os.environ) -> tuple[Place, ...]:
    """The folders, in the order in which they are looked into (docs/eyes.md 6)."""
    data = environment.get(DATA)
    named = (
        ("given", given),
        (DATA, Path(data) / "models" if data else None),
        ("installed", state / CACHE),
    )
    return tuple(Place(given=word, folder=folder) for word, folder in named if folder is not None)


def look(where: Sequence[Place], names: Sequence[str]) -> Iterator[Found | Refused]:
    """All that lie there, the best first: by name, then by place, then by precision."""
    for name in names:
        for place in where:
            for model in MODELS[name]:
                found = _looked_at(model, place)
                if found is not None:
                    yield found


def find_model(
    where: Sequence[Place], names: Sequence[str], tell: Callable[[Refused], None] = lambda _refused: None
) -> Found:
    """The best one; what was refused before it was found is told.

    Raises:
        ModelsError: there is none, or only others than they should be.
    """
    refused: list[Refused] = []
    for each in look(where, names):
        if isinstance(each, Found):
            return each
        refused.append(each)
        tell(each)
    if refused:
        raise AllRefusedError(
            N_("no people model: {file} {reason}. Next step: branchwatch agent models --get"),
            file=refused[0].file,
            reason=refused[0].reason,
        )
    raise ModelsError(
        N_("no people model in {folders}. Next step: branchwatch agent models --get"),
        folders=", ".join(str(place.folder) for place in where),
    )


def _looked_at(model: Model, place: Place) -> Found | Refused | None:
    read: list[bytes] = []
    for pinned in model.files:
        path = next((path for path in model.paths(place.folder, pinned) if path.is_file()), None)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                content = file.read(pinned.size + 1)
            reason = fault(pinned, content)
        except OSError as error:
            reason = said(N_("cannot be read: {reason}"), reason=system_said(error))
        if reason is not None:
            return Refused(model=model, place=place, file=path, reason=reason)
        read.append(content)
    return Found(model=model, place=place, xml=read[0], weights=read[1])
