"""Small parts of the enrolment: the next box's id, the site file's line, the record read on, images of codes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from provisioning.enrolment.lines import lines_after
from provisioning.enrolment.qr import ImageError, save_image, terminal_lines
from provisioning.enrolment.replacing import ReplaceError, next_box, write_box
from provisioning.inventory.editing import EditError


@pytest.mark.parametrize(
    ("old", "new"),
    [("0755-031-a", "0755-031-b"), ("0755-031-z", "0755-031-aa"), ("vault", "vault-b"), ("x-az", "x-ba")],
)
def test_the_next_box_of_a_site(old: str, new: str) -> None:
    """The letter after; a second letter after z; a letter where there was none."""
    assert next_box(old, lambda box: False) == new


def test_an_id_that_somebody_had_is_left_out() -> None:
    """Ids are never used again; and one that does not fit is told."""
    assert next_box("0755-031-a", {"0755-031-b", "0755-031-c"}.__contains__) == "0755-031-d"
    with pytest.raises(ReplaceError):
        next_box("a" * 32, lambda box: False)


def test_only_the_one_line_of_the_site_file_changes(tmp_path: Path) -> None:
    """Comments, quotes, blanks and the same words further down stay as they are, and so do the file's rights."""
    file = tmp_path / "site.toml"
    before = (
        '# box = "0755-031-a" was here\nid = "0755-031"\nbox  =  \'0755-031-a\' # ours\n\n[x]\nbox = "0755-031-a"\n'
    )
    file.write_text(before)
    file.chmod(0o640)
    write_box(file, "0755-031-b")
    assert file.read_text() == before.replace("'0755-031-a'", '"0755-031-b"')
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_site_that_named_no_box_names_one_then(tmp_path: Path) -> None:
    """Left out, a site's box is its id with -a; the next one must be written, before the first table."""
    file = tmp_path / "site.toml"
    file.write_text('id = "0755-031"  # ours\n\n[[io]]\nid = "io1"\n')
    write_box(file, "0755-031-b")
    assert tomllib.loads(file.read_text()) == {"id": "0755-031", "box": "0755-031-b", "io": [{"id": "io1"}]}
    assert "# ours" in file.read_text()


def test_a_file_that_cannot_be_changed_is_left_alone(tmp_path: Path) -> None:
    """Not there, and no TOML: one sentence each."""
    with pytest.raises(ReplaceError):
        write_box(tmp_path / "nowhere.toml", "0755-031-b")
    file = tmp_path / "site.toml"
    file.write_text("box = ")
    with pytest.raises(EditError):
        write_box(file, "0755-031-b")
    assert file.read_text() == "box = "


def _record(path: Path, count: int) -> list[bytes]:
    lines = [b'{"v":1,"seq":%d,"facts":"%s"}\n' % (seq, b"x" * (seq % 300)) for seq in range(1, count + 1)]
    path.write_bytes(b"".join(lines))
    return lines


@pytest.mark.parametrize("after", [0, 1, 2, 777, 1998, 1999, 2000, 5000])
def test_the_record_is_read_on_from_any_line(tmp_path: Path, after: int) -> None:
    """The lines behind a number, as they stand, found without reading all of it."""
    lines = _record(tmp_path / "record", 2000)
    assert lines_after(tmp_path / "record", after, 10**9) == b"".join(lines[after:])


def test_whole_lines_within_the_limit(tmp_path: Path) -> None:
    """What does not fit is asked for next; a line that is being written is left out."""
    path = tmp_path / "record"
    lines = _record(path, 2000)
    found = lines_after(path, 10, 5000)
    assert 4000 < len(found) <= 5000
    assert b"".join(lines[10:]).startswith(found)
    with path.open("ab") as file:
        file.write(b'{"v":1,"seq":2001,"fa')
    assert lines_after(path, 1999, 5000) == lines[1999]


def test_images_of_a_code(tmp_path: Path) -> None:
    """PNG and SVG, for their owner only; a terminal's lines are all as wide; another ending is refused."""
    link = "branchwatch:enrol?v=1&site=0755-031&box=0755-031-a&at=192.0.2.7:8443&code=" + "A" * 48
    for name, start in (("code.png", b"\x89PNG"), ("code.SVG", b"<?xml")):
        save_image(link, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert len({len(line) for line in terminal_lines(link)}) == 1
    with pytest.raises(ImageError):
        save_image(link, tmp_path / "code.jpg")
