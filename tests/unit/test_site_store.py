"""The folder of site bundles: byte for byte, the old one kept, nothing half-written, nobody else's eyes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent.site_store import SiteStore
from protocol.limits import MAX_BUNDLE_BYTES


def test_a_commit_keeps_the_one_before(tmp_path: Path) -> None:
    """Byte for byte, each the owner's alone; the folder too."""
    store = SiteStore(tmp_path)
    assert (store.current(), store.previous()) == (None, None)
    store.commit(b"one", keep=None)
    store.commit(b"two", keep=b"one")
    assert (store.current(), store.previous()) == (b"two", b"one")
    store.commit(b"three", keep=b"two")
    assert (store.current(), store.previous()) == (b"three", b"two")
    assert sorted(path.name for path in store.folder.iterdir()) == ["current.json", "previous.json"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (store.folder, *store.folder.iterdir())}
    assert modes == {0o700, 0o600}


def test_after_a_damaged_one_the_good_one_stays_the_one_before(tmp_path: Path) -> None:
    """The box fell back to the one before: what it takes next must not make the damaged one its way back."""
    store = SiteStore(tmp_path)
    store.commit(b"one", keep=None)
    store.commit(b"two", keep=b"one")
    (store.folder / "current.json").write_bytes(b"t")
    store.commit(b"three", keep=b"one")
    assert (store.current(), store.previous()) == (b"three", b"one")


def test_a_write_that_was_cut_off_is_in_nobodys_way(tmp_path: Path) -> None:
    """A temporary file of a killed process, even a link to somewhere else, is thrown away, never followed."""
    store = SiteStore(tmp_path)
    store.commit(b"one", keep=None)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    (store.folder / "current.json.new").symlink_to(elsewhere)
    (store.folder / "previous.json.new").write_bytes(b"half")
    store.commit(b"two", keep=b"one")
    assert (store.current(), store.previous(), elsewhere.read_bytes()) == (b"two", b"one", b"mine")


def test_a_folder_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Whoever took over the agent's user must not have root write elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        SiteStore(tmp_path).commit(b"one", keep=None)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_document_is_handed_in_once_and_answered(tmp_path: Path) -> None:
    """An old answer is gone before a new question is asked; an answered document is not taken again."""
    store = SiteStore(tmp_path)
    store.hand_in(b"one")
    assert (store.handed_in(), store.answered()) == (b"one", None)
    store.answer(b"done")
    assert (store.handed_in(), store.answered()) == (None, b"done")
    store.hand_in(b"two")
    assert (store.handed_in(), store.answered()) == (b"two", None)
    store.take_back()
    assert store.handed_in() is None
    store.take_back()


def test_what_lies_there_is_read_up_to_its_limit(tmp_path: Path) -> None:
    """One byte more than a bundle may have, so that the judgement sees that it is too large."""
    store = SiteStore(tmp_path)
    store.hand_in(b"x" * (MAX_BUNDLE_BYTES + 500))
    assert len(store.handed_in() or b"") == MAX_BUNDLE_BYTES + 1
