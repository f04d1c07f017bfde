"""Whoever took over the agent's user lays links in its folder and waits for root: he gets no file, and none is written.

Row by row what root does there: claim the folder, enrol, renew, keep a walk test's record, read the site file.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.acceptance.keeping import OpenWalk, keep_open, keep_record
from agent.claim import LOCK_NAME, claim
from agent.identity_files import PUBLIC, IdentityFilesError, identity_files
from agent.site_store import SiteStore

ANOTHER_USER = 12_345
TEST = "019af6a5-0000-7000-8000-000000000000"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of root's with one file in it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "shadow").write_bytes(b"root:")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The agent's folder, its user's if root runs this test."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder, ANOTHER_USER, ANOTHER_USER)
    return folder


def _untouched(elsewhere: Path) -> bool:
    (only,) = elsewhere.iterdir()
    return only.read_bytes() == b"root:" and only.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("target", ["shadow", "not-there"])
def test_a_lock_that_is_a_link_gives_no_file_away(state: Path, elsewhere: Path, target: str) -> None:
    """Root claims the folder and gives the lock to the agent's user; through a link that would be any file."""
    (state / LOCK_NAME).symlink_to(elsewhere / target)
    with pytest.raises(OSError, match="symbolic links"):
        claim(state)
    assert _untouched(elsewhere)


def test_a_lock_with_another_name_gives_no_file_away(state: Path, elsewhere: Path) -> None:
    """A hard link is no link to follow: whoever has two names may be anybody's."""
    (state / LOCK_NAME).hardlink_to(elsewhere / "shadow")
    with pytest.raises(OSError, match="Too many links"):
        claim(state)
    assert _untouched(elsewhere)


def test_a_records_folder_that_is_a_link_is_not_written_through(state: Path, elsewhere: Path) -> None:
    """The record of a walk test that root signed lands in the agent's folder or nowhere."""
    (state / "acceptance").symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        keep_record(state, "2026-11-21T02:13:49.000Z", b"{}")
    (state / "acceptance.json.new").symlink_to(elsewhere / "shadow")
    keep_open(state, OpenWalk(test=TEST))
    assert _untouched(elsewhere)
    assert not (state / "acceptance.json").is_symlink()


def test_an_identity_that_becomes_a_link_is_not_written_through(state: Path, elsewhere: Path) -> None:
    """Even while root is at work there: the folder that was opened is the one that is written."""
    with identity_files(state) as files:
        (state / "identity").rename(state / "moved")
        (state / "identity").symlink_to(elsewhere)
        files.write("box.pem", b"chain", PUBLIC)
    assert _untouched(elsewhere)
    assert (state / "moved" / "box.pem").read_bytes() == b"chain"
    with pytest.raises(IdentityFilesError), identity_files(state):
        pass


def test_a_site_file_that_is_a_link_is_not_read(state: Path, elsewhere: Path) -> None:
    """`agent site show` as root shows nobody a file of root's."""
    (state / "site").mkdir()
    (state / "site" / "current.json").symlink_to(elsewhere / "shadow")
    with pytest.raises(OSError, match="symbolic links"):
        SiteStore(state).current()
