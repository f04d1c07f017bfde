"""The people models of a kit, out of a folder laid out as the release: each file is the pinned one, or there is no kit.

Flow: kit_words.py -> here -> protocol/people_models.py; install.sh puts them where the agent looks.
"""

from pathlib import Path
from typing import Final

from protocol.people_models import MODELS, Model, fault
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.refusal import RefusedError

FOLDER: Final = "models"
"""Of the kit, and of the box's state folder."""


class KitModelsError(RefusedError):
    """These models go into no kit; the message says why."""


def kit_models(folder: Path) -> dict[str, bytes]:
    """Path in the kit -> content: of each model the quicker precision that lies there.

    Raises:
        KitModelsError: there is none, or a file is not the pinned one.
    """
    found: dict[str, bytes] = {}
    for models in MODELS.values():
        model = next((model for model in models if _places(model, folder)), None)
        if model is not None:
            found |= _contents(model, _places(model, folder))
    if not found:
        raise KitModelsError(
            N_("{folder} holds no people model; it must hold NAME/PRECISION/NAME.xml and .bin, as the release does"),
            folder=folder,
        )
    return found


def _places(model: Model, folder: Path) -> list[Path]:
    """Of both its files; none unless both are there."""
    places = [next((path for path in model.paths(folder, pinned) if path.is_file()), None) for pinned in model.files]
    return [place for place in places if place is not None] if None not in places else []


def _contents(model: Model, places: list[Path]) -> dict[str, bytes]:
    found = {}
    for pinned, path in zip(model.files, places, strict=True):
        try:
            with path.open("rb") as file:
                content = file.read(pinned.size + 1)
        except OSError as error:
            raise KitModelsError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
        reason = fault(pinned, content)
        if reason is not None:
            raise KitModelsError(N_("{path} {reason}; it goes into no kit"), path=path, reason=reason)
        found[f"{FOLDER}/{model.flat(pinned)}"] = content
    return found
