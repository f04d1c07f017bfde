"""People models in the installer's kit: the pinned files, or no kit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from protocol.people_models import DEFAULT, MODELS
from provisioning.kit.checking import check_kit
from provisioning.kit.models import KitModelsError, kit_models
from provisioning.kit.writing import models_kib
from tests.kits import paper_office
from tests.ledgers import NOW
from tests.people_data import data_folder

QUICK = MODELS[DEFAULT][0]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the release's folder."""
    return Path(shutil.copytree(data_folder() / "models", tmp_path / "models", copy_function=shutil.copyfile))


def test_a_kit_takes_the_quicker_precision_of_each_model(models: Path) -> None:
    """Four files in one folder, named as the agent looks for them; where only FP16 lies, that."""
    expected = {f"models/{kind[0].flat(pinned)}" for kind in MODELS.values() for pinned in kind[0].files}
    assert kit_models(models).keys() == expected
    shutil.rmtree(models / QUICK.name / QUICK.precision)
    assert {path for path in kit_models(models) if "2004-FP16." in path} == {
        f"models/{MODELS[DEFAULT][1].flat(pinned)}" for pinned in MODELS[DEFAULT][1].files
    }


def test_a_kit_with_models_is_whole(models: Path, tmp_path: Path) -> None:
    """Signed and checked like every other file, and asked room for."""
    office = paper_office(NOW)
    parts = {**office.parts, **kit_models(models)}
    office.parts = parts
    kit = office.kit(tmp_path / "stick")
    check_kit(kit, office.root, NOW)
    size = sum((kit / path).stat().st_size for path in parts if path.startswith("models/"))
    assert size / 1024 <= models_kib(parts) < size / 1024 + 5
    assert f"models_kib={models_kib(parts)}\n" in (kit / "kit.txt").read_text()


def test_a_changed_model_goes_into_no_kit(models: Path) -> None:
    """It is named."""
    file = models / QUICK.name / QUICK.precision / QUICK.weights.name
    file.write_bytes(b"x" * QUICK.weights.size)
    with pytest.raises(KitModelsError, match=f"{QUICK.weights.name} has another SHA-384"):
        kit_models(models)


def test_a_folder_without_models_is_told_so(tmp_path: Path) -> None:
    """With what it should look like; half a model is none."""
    half = tmp_path / QUICK.name / QUICK.precision / QUICK.xml.name
    half.parent.mkdir(parents=True)
    half.write_bytes(b"<?xml version='1.0'?>")
    with pytest.raises(KitModelsError, match="holds no people model; it must hold NAME/PRECISION"):
        kit_models(tmp_path)
