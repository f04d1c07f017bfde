"""Models, clips and their truth for tests: what `BRANCHWATCH_DATA` names, or a skip that says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def data_folder() -> Path:
    """The folder of models and clips; the test that asks is skipped where there is none."""
    named = os.environ.get("BRANCHWATCH_DATA", "")
    if not (named and (Path(named) / "models").is_dir()):
        pytest.skip("BRANCHWATCH_DATA names no folder with models and clips")
    return Path(named)
