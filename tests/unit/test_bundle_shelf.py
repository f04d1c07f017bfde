"""The folder of bundles: a batch is whole or not there, whatever ends the command; versions on paper time."""

from __future__ import annotations

import fcntl
import os
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocol.bundle import Bundle
from protocol.timestamps import format_time
from provisioning.bundles.compiling import Past, Wanted, in_force, next_bundle
from provisioning.bundles.shelf import ShelfError, open_shelf
from tests.bundles import BOX, SITE, Bureau, person, roster, settings
from tests.ledgers import NOW

BATCH = {("0755-031-a", 2): b"one", ("0755-032-a", 1): b"two"}
BUREAU = Bureau()


def _files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_batch_is_given_out_kept_and_ends_what_waited(tmp_path: Path) -> None:
    """Newest, history and waiting are three places; what is overtaken waits no more."""
    with open_shelf(tmp_path) as shelf:
        shelf.put({}, {"0755-031-a": b"old", "0755-033-a": b"other"})
        shelf.put(BATCH, {"0755-034-a": b"new"}, ["0755-033-a"])
        assert shelf.versions("0755-031-a") == [2]
    assert _files(tmp_path) == {
        "0755-031-a.json": b"one",
        "0755-032-a.json": b"two",
        "history/0755-031-a-2.json": b"one",
        "history/0755-032-a-1.json": b"two",
        "waiting/0755-034-a.json": b"new",
    }


def test_a_box_named_like_anothers_version_is_another_box(tmp_path: Path) -> None:
    """`outlet` in version 12 and `outlet-12` share no file and no number."""
    with open_shelf(tmp_path) as shelf:
        shelf.put({("outlet", 12): b"a", ("outlet-12", 3): b"b"}, {})
        assert (shelf.versions("outlet"), shelf.versions("outlet-12")) == ([12], [3])


@pytest.mark.parametrize("steps", range(8))
def test_a_batch_that_was_interrupted_is_completed(tmp_path: Path, steps: int) -> None:
    """After its commit a batch may be cut off between any two files: the next command finds all of it."""
    with open_shelf(tmp_path / "whole") as shelf:
        shelf.put(BATCH, {"0755-034-a": b"new"})
    with open_shelf(tmp_path / "cut") as shelf:
        shelf.put({}, {"0755-031-a": b"old"})
        shelf._commit(BATCH, {"0755-034-a": b"new"})
        moved = 0
        batch = tmp_path / "cut" / ".batch"
        for folder in ("history", "waiting", "."):
            for path in sorted((batch / folder).glob("*.json")):
                if moved < steps:
                    (tmp_path / "cut" / folder).mkdir(exist_ok=True)
                    path.replace(tmp_path / "cut" / folder / path.name)
                    moved += 1
    with open_shelf(tmp_path / "cut"):
        pass
    found = _files(tmp_path / "cut")
    if steps < 4:  # the file that ends the wait was not moved by hand
        assert found == _files(tmp_path / "whole")
    assert {name: found[name] for name in _files(tmp_path / "whole")} == _files(tmp_path / "whole")


def test_what_was_not_committed_is_gone(tmp_path: Path) -> None:
    """A command that ended before its batch was whole leaves nothing but rubbish, which the next one takes away."""
    growing = tmp_path / ".growing-x"
    (growing / "history").mkdir(parents=True)
    (growing / "0755-031-a.json").write_bytes(b"half")
    with open_shelf(tmp_path) as shelf:
        assert shelf.newest("0755-031-a") is None
    assert list(tmp_path.iterdir()) == []


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """Two people building at once would use one number twice."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ShelfError, match="in use"), open_shelf(tmp_path):
        pass
    os.close(descriptor)
    with open_shelf(tmp_path):
        pass


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    """One sentence with the place."""
    (tmp_path / "bundles").write_text("")
    with pytest.raises(ShelfError, match="bundles cannot be written"), open_shelf(tmp_path / "bundles"):
        pass


def _wanted(**changes: object) -> Wanted:
    wanted = Wanted(
        site=SITE,
        box=BOX,
        settings=settings(),
        people=roster().people,
        pins=tuple(BUREAU.pins),
        roster_days=30,
    )
    return replace_dataclass(wanted, changes)


def replace_dataclass(wanted: Wanted, changes: dict[str, object]) -> Wanted:
    """The same with some fields changed."""
    fields = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
    return Wanted(**(fields | changes))


def _next(wanted: Wanted, newest: Bundle | None, days: float, *, new_roster: bool = False) -> Bundle | None:
    past = Past(newest=newest, in_force=(newest,), highest=newest.version if newest else 0)
    return next_bundle(wanted, past, lambda *_: None, NOW + timedelta(days=days), new_roster=new_roster)


def _first() -> Bundle:
    first = _next(_wanted(), None, 0)
    assert first is not None
    return first


def test_a_roster_lives_two_thirds_of_its_time_before_it_is_made_anew() -> None:
    """Nothing changed: no new version for twenty days of thirty, then one with a new roster."""
    first = _first()
    assert _next(_wanted(), first, 19.9) is None
    renewed = _next(_wanted(), first, 20.1)
    assert renewed is not None
    assert (renewed.version, renewed.roster.version) == (2, 2)
    assert renewed.roster.not_after == format_time(NOW + timedelta(days=50.1))


def test_a_roster_is_kept_where_nobody_of_it_changed() -> None:
    """A camera's change leaves the roster's version and end; a person's change does not."""
    first = _first()
    changed = settings()
    changed["camera"][0]["address"] = "192.0.2.99"
    second = _next(_wanted(settings=changed), first, 1)
    assert second is not None
    assert second.roster == first.roster
    third = _next(_wanted(people=(person("li-na", 7),)), first, 1)
    assert third is not None
    assert (third.roster.version, third.roster.people[0].id) == (2, "li-na")
    anew = _next(_wanted(), first, 1, new_roster=True)
    assert anew is not None
    assert anew.roster.version == 2


def test_a_roster_that_outlives_a_shorter_rule_is_made_anew() -> None:
    """The bank shortens its rosters' lives: the old end counts no more."""
    assert _next(_wanted(roster_days=7), _first(), 1) is not None


def test_a_bundle_counts_as_in_force_until_its_follower_is_thirty_days_old() -> None:
    """Cut off boxes may have an older one; a box that is not enrolled may have none at all."""
    at = [format_time(NOW - timedelta(days=days)) for days in (90, 40, 10, 1)]
    bundles = [replace(BUREAU.bundle(number), at=each) for number, each in enumerate(at, start=1)]
    enrolled = [each.version if each else None for each in in_force(bundles, NOW, enrolled=True)]
    assert enrolled == [4, 3, 2]
    assert in_force(bundles, NOW, enrolled=False)[-1] is None
    assert in_force([], NOW, enrolled=True) == (None,)
