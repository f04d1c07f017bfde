"""The box's identity folder on a disk that refuses: nothing half is left, least of all of a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.identity_files import IdentityFilesError, identity_files


def test_a_key_that_cannot_be_put_in_place_leaves_no_copy(tmp_path: Path) -> None:
    """Something in the way of the file: it is told, and no second file with the key's bytes stays beside it."""
    (tmp_path / "identity" / "signing.key").mkdir(parents=True)
    with identity_files(tmp_path) as files, pytest.raises(IdentityFilesError, match="nothing was changed"):
        files.write("signing.key", b"the bytes of a key", 0o600)
    assert [path.name for path in (tmp_path / "identity").iterdir()] == ["signing.key"]
