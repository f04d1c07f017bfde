"""Reference pictures: learned when there is something to learn, kept by hash, refused when they were touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.video import shelf
from agent.video.learning import Learning
from agent.video.looking import Looking
from agent.video.reference_files import Description, Refused, listed
from agent.video.shelf import KEPT
from agent.video.words import EyeSettings, Learn, Learned, Look, Measures
from tests.picture_faults import Frame, black, drawn, infrared, live, moved, paper, snow

ROOM = drawn(7)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Watched:
    """One eye's looks at drawn pictures, half a second apart."""

    def __init__(self, folder: Path, fascias: Mapping[str, tuple[tuple[float, float], ...]] | None = None) -> None:
        settings = EyeSettings(
            camera="hall",
            picture=True,
            people=False,
            ring_s=10,
            ring_bytes=1_000,
            references=str(folder),
            fascias=dict(fascias or {}),
        )
        self.looking = Looking(settings, wall=lambda: NOW)
        self.looks = 0
        self.at_ms = 0
        self.last: Look | None = None

    def see(self, picture: Frame, times: int, step_ms: int = 500) -> list[Learned]:
        """So many looks at this scene; what was learned."""
        learned = []
        for _ in range(times):
            self.looks, self.at_ms = self.looks + 1, self.at_ms + step_ms
            frame = live(picture, self.looks)
            self.last, _ = self.looking.look(frame, self.at_ms, self.looks, quiet=False)
            learned += [self.looking.learned] if self.looking.learned else []
        return learned

    @property
    def version(self) -> int:
        """What the last look was compared with."""
        assert self.last is not None
        return self.last.reference


def test_a_quiet_picture_is_learned_and_told_with_its_hash(tmp_path: Path) -> None:
    """Within 15 s of quiet there is version 1: a file whose hash is what was told, for its owner only."""
    eye = Watched(tmp_path / "hall")
    (learned,) = eye.see(ROOM, 30)
    data = (tmp_path / "hall" / "1.png").read_bytes()
    assert learned.version == 1
    assert learned.sha256 == hashlib.sha256(data).hexdigest()
    assert (tmp_path / "hall" / "1.png").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "hall" / "1.json").read_text())["why"] == "first"
    assert eye.version == 1
    assert eye.last is not None
    assert (eye.last.measures.edges_kept or 0) > 0.9


@pytest.mark.parametrize("nothing", [black, paper, snow(0.5)])
def test_a_picture_that_shows_nothing_is_never_learned(tmp_path: Path, nothing: object) -> None:
    """A covered, black or noisy camera has no reference, however long it stays so, and even when one is asked for."""
    assert callable(nothing)
    eye = Watched(tmp_path / "hall")
    eye.looking.told(Learn(now=True))
    assert eye.see(nothing(ROOM, 1), 40) == []
    assert eye.version == 0


def test_nothing_is_learned_while_the_picture_is_judged_faulty(tmp_path: Path) -> None:
    """Once told that it is faulty, an eye learns nothing new; told that it is sound, it does."""
    eye = Watched(tmp_path / "hall")
    eye.looking.told(Learn(fault=True))
    assert eye.see(ROOM, 40) == []
    eye.looking.told(Learn(fault=False))
    assert [each.version for each in eye.see(ROOM, 20)] == [1]


def test_a_person_may_ask_although_the_camera_is_judged_moved(tmp_path: Path) -> None:
    """After a camera was turned on purpose the next reference is learned when asked for, and not before."""
    eye = Watched(tmp_path / "hall")
    eye.see(ROOM, 30)
    turned = moved(0.2, 0.1)(ROOM, 0)
    eye.looking.told(Learn(fault=True))
    assert eye.see(turned, 40) == []
    eye.looking.told(Learn(now=True))
    assert [each.version for each in eye.see(turned, 60)] == [2]
    assert json.loads((tmp_path / "hall" / "2.json").read_text())["why"] == "asked"
    assert eye.last is not None
    assert eye.last.measures.corner_px == 0.0


def test_a_place_that_is_never_quiet_is_learned_without_those_who_walk_by(tmp_path: Path) -> None:
    """Somebody always walks through: after a minute the middle of several pictures is learned, and nobody is in it."""
    eye = Watched(tmp_path / "hall")
    learned = list[Learned]()
    for step in range(80):
        street = ROOM.copy()
        left = step * 83 % 560
        street[120:330, left : left + 70] = (30, 40, 160)
        learned += eye.see(street, 1, step_ms=1_000)
    assert [each.version for each in learned] == [1]
    kept, _ = shelf.read(tmp_path / "hall")
    assert abs(kept[0].picture.astype(int) - ROOM.astype(int)).max() < 40


def test_who_stands_at_the_machine_most_of_the_time_is_not_learned() -> None:
    """Customers stand at one place for 8 s of every 11: the moments between them are learned, not their middle."""
    learning, learned = Learning(), list[Frame]()
    standing = ROOM.copy()
    standing[120:330, 200:270] = (30, 40, 160)
    for at_ms in range(0, 90_000, 500):
        there = at_ms % 11_000 < 8_000
        measures = Measures(luma=100.0, luma_std=40.0, noise=1.0, chroma=10.0, motion=0.1 if there else 0.0)
        due = learning.due(standing if there else ROOM, measures, at_ms, quiet=not there, cells=(), known=frozenset())
        learned += [due[0]] if due and not learned else []
    (kept,) = learned
    assert (kept == ROOM).all()


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    """A new run compares with what the last one learned, from its first look on."""
    Watched(tmp_path / "hall").see(ROOM, 30)
    again = Watched(tmp_path / "hall")
    assert again.see(ROOM, 1) == []
    assert again.version == 1


@pytest.mark.parametrize("harm", ["flipped", "swapped", "cut", "gone", "no description", "description"])
def test_a_touched_file_is_refused_and_learned_anew(tmp_path: Path, harm: str) -> None:
    """Damaged, swapped, cut off or undescribed: it is not compared with; a new one is learned and says `damaged`."""
    folder = tmp_path / "hall"
    Watched(folder).see(ROOM, 30)
    picture, description = folder / "1.png", folder / "1.json"
    data = picture.read_bytes()
    match harm:
        case "flipped":
            picture.write_bytes(data[:2_000] + bytes([data[2_000] ^ 1]) + data[2_001:])
        case "swapped":
            picture.write_bytes(shelf.as_kept(drawn(3), 1, light="colour", why="first", at="x")[1])
        case "cut":
            picture.write_bytes(data[:1_000])
        case "gone":
            picture.unlink()
        case "no description":
            description.unlink()
        case "description":
            description.write_text("{")
    eye = Watched(folder)
    eye.see(ROOM, 1)
    assert eye.version == 0
    assert [each.version for each in eye.see(ROOM, 30)] == [2]
    assert json.loads((folder / "2.json").read_text())["why"] == "damaged"
    refused = [each for each in listed(folder) if isinstance(each, Refused)]
    assert [each.version for each in refused] == [1]


def test_infrared_gets_a_reference_of_its_own_and_day_comes_back_to_the_first(tmp_path: Path) -> None:
    """By night the same view is learned once; by day version 1 is compared with again, after a restart too."""
    eye = Watched(tmp_path / "hall")
    eye.see(ROOM, 30)
    night = infrared(ROOM, 5)
    assert [each.version for each in eye.see(night, 100, step_ms=1_000)] == [2]
    assert eye.version == 2
    eye.see(ROOM, 4)
    assert eye.version == 1
    again = Watched(tmp_path / "hall")
    again.see(night, 2)
    assert again.version == 2


def test_what_was_stuck_on_a_fascia_is_not_learned(tmp_path: Path) -> None:
    """Light that changed for good is learned anew; with a skimmer on the fascia nothing is."""
    folder = tmp_path / "hall"
    fascia = {"atm": ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))}
    Watched(folder).see(ROOM, 30)
    brighter = (ROOM * 0.6).astype(ROOM.dtype)
    skimmed = brighter.copy()
    skimmed[170:200, 300:360] = (70, 75, 70)
    skimmed[176:194, 312:348] = (15, 15, 15)
    eye = Watched(folder, fascia)
    eye.see(ROOM, 6, step_ms=5_000)
    assert eye.see(skimmed, 75, step_ms=10_000) == []
    assert [each.version for each in eye.see(brighter, 75, step_ms=10_000)] == [2]
    assert json.loads((folder / "2.json").read_text())["why"] == "light"


def test_only_the_newest_versions_stay(tmp_path: Path) -> None:
    """The folder does not grow; numbers go on, and the newest of each light is never what goes."""
    shelf.write(tmp_path, ROOM, light="grey", why="infrared", at="t")
    for _ in range(KEPT + 4):
        shelf.write(tmp_path, ROOM, light="colour", why="light", at="t")
    versions = [each.version for each in listed(tmp_path)]
    assert len(versions) == KEPT
    assert versions[0] == 1
    assert versions[-1] == KEPT + 5
    kept, refused = shelf.read(tmp_path)
    assert {each.description.light: each.description.version for each in kept} == {"colour": KEPT + 5, "grey": 1}
    assert refused == ()


def test_what_was_learned_before_a_camera_was_turned_is_of_the_past(tmp_path: Path) -> None:
    """A person asked for a new view: a night picture of the old one is compared with no more, after a restart too."""
    shelf.write(tmp_path, ROOM, light="grey", why="infrared", at="t")
    shelf.write(tmp_path, drawn(3), light="colour", why="asked", at="t")
    kept, _ = shelf.read(tmp_path)
    assert [each.description.version for each in kept] == [2]


def test_a_disk_that_is_full_stops_no_look(tmp_path: Path) -> None:
    """A picture that cannot be written is not learned; the eye goes on, and tries again a minute later."""
    (tmp_path / "hall").write_text("a file where the folder should be")
    eye = Watched(tmp_path / "hall")
    assert eye.see(ROOM, 40) == []
    (tmp_path / "hall").unlink()
    assert [each.version for each in eye.see(ROOM, 160)] == [1]


def test_strangers_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    """Files of other names are neither read nor a fault."""
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".1.png.new").write_text("x")
    shelf.write(tmp_path, ROOM, light="colour", why="first", at="t")
    assert [each.version for each in listed(tmp_path) if isinstance(each, Description)] == [1]
