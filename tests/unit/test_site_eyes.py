"""The site file's part for cameras: the full example is sound, and every way to get it wrong is named with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.settings import Fault, SettingsError
from protocol.site.polygons import area, polygon_fault
from protocol.site.reading import read_site
from protocol.texts import texts_for

EXAMPLE = Path(__file__).parents[1] / "data" / "0755-031-eyes.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
VAULT = "[[0.1, 0.2], [0.9, 0.2], [0.9, 0.95], [0.1, 0.95]]\ntwo_people"
BOWTIE = "[[0.1, 0.2], [0.9, 0.95], [0.9, 0.2], [0.1, 0.95]]\ntwo_people"
LINE = "[[0.1, 0.2], [0.5, 0.2], [0.9, 0.2]]\ntwo_people"
MASK = "[[0.0, 0.0], [0.2, 0.0], [0.2, 0.3]]"
SECOND = "rtsp://192.0.2.20:554/Streaming/Channels/802"
THIRD_RULES = 'restricted = true\nbay = true\ntruck_while = "cash-door"\n'

WRONG = [
    # (what, old, new, where, sentence)
    ("no stream", SECOND, "192.0.2.20", "[[camera]] 08", "address must be an address like \"rtsp://"),
    ("a stream as a service", '"192.0.2.23"', '"rtsp://192.0.2.23/stream2"', "[[camera]] 03",
     'address is that of a stream: then protocol = "rtsp"'),
    ("a web page", SECOND, "http://192.0.2.20/802", "[[camera]] 08", "address must be an address like \"rtsp://"),
    ("a password", "rtsp://192.0.2.20:554/Streaming/Channels/802", "rtsp://admin:hunter2@192.0.2.20/8", "[[camera]] 08",
     "address holds a name or a password"),
    ("a hidden password", "Channels/802", "x?user=admin&password=hunter2", "[[camera]] 08",
     "address holds a name or a password"),
    ("a port", "192.0.2.20:554/Streaming/Channels/802", "192.0.2.20:99999/x", "[[camera]] 08", "outside 1 to 65535"),
    ("a stream twice", "Channels/802", "Channels/702", "[[camera]] 08", "address is that of [[camera]] 07 already"),
    ("a stream beside the stream", f'"{SECOND}"', f'"{SECOND}"\nstream = "rtsp://192.0.2.20/9"', "[[camera]] 08",
     "stream is said, but address is the stream already"),
    ("a password in the stream", 'address = "192.0.2.23"', 'address = "192.0.2.23"\nstream = "rtsp://a:hunter2@b/c"',
     "[[camera]] 03", "stream holds a name or a password"),
    ("a channel twice", '"nvr1/7"', '"nvr1/3"', "[[camera]] 07", "channel nvr1/3 is that of [[camera]] 03 already"),
    ("hours of no recorder", 'recorder = "nvr1/3"\n', "", "[[camera]] 03", "records_on_alarm is said, but no recorder"),
    ("hours of nothing", '"20:00-08:00"', '"20:00-20:00"', "[[camera]] 03", "records_on_alarm must name two real"),
    ("a mask that crosses", MASK, "[[0.0, 0.0], [0.2, 0.3], [0.2, 0.0], [0.0, 0.3]]", "[[camera]] 03",
     "mask[0] crosses itself"),
    ("a mask of nothing", MASK, "[[0.0, 0.0], [0.2, 0.0], [0.2, 0.0]]", "[[camera]] 03", "mask[0] has nothing inside"),
    ("a word twice", '["picture", "people"]', '["people", "people"]', "[[camera]] 03", '"people" is named twice'),
    ("a door that is shown", '"door/outer"', '"door/outr"', "[[camera]] 03", 'door "outr" is not defined; did you'),
    ("an output that is shown", '"output/hall"', '"output/hal"', "[[camera]] 03", 'output "hal" is not'),
    ("a device that is shown", '"device/nvr1"', '"device/nvr"', "[[camera]] 03", 'device "nvr" is not'),
    ("what is no source", '"door/outer"', '"outer"', "[[camera]] 03", "shows must name what events are about"),
    ("a source twice", '"output/hall"', '"door/outer"', "[[camera]] 03", '"door/outer" is named twice'),
    ("an input of nobody", '"03/input/1"', '"04/input/1"', "[[zone]] yard-gate", 'camera "04" is not defined'),
    ("an input of a stream", '"03/input/1"', '"07/input/1"', "[[zone]] yard-gate", "[[camera]] 07 tells no inputs"),
    ("an area that crosses", VAULT, BOWTIE, "[[area]] vault-room", "polygon crosses itself"),
    ("an area of nothing", VAULT, LINE, "[[area]] vault-room", "polygon has nothing inside"),
    ("an announcement", 'speak = "leave"', 'speak = "leav"', "[[area]] atm-hall", 'announcement "leav" is not'),
    ("nothing to speak about", 'loitering_after = "120s"\n', "", "[[area]] atm-hall",
     "speak is said, but no loitering_after"),
    ("nothing to speak with", "[loudspeaker]\n", "", "[[area]] atm-hall", "speak is said, but no [loudspeaker]"),
    ("a wait for nothing", 'speak = "leave"\n', "", "[[area]] atm-hall", "speak_wait is said, but no speak"),
    ("a partition", 'partition = "cash"', 'partition = "csh"', "[[area]] counter", 'partition "csh" is not defined'),
    ("a partition for nothing", 'after_hours = true\npartition = "cash"', 'partition = "cash"', "[[area]] counter",
     "partition is said, but no after_hours"),
    ("a crowd of nothing", "crowd_over = 8\n", "", "[[area]] atm-hall", "crowd_after is said, but no crowd_over"),
    ("a grace for nothing", 'two_people_while = "vault"\n', "", "[[area]] vault-room",
     "grace is said, but no two_people"),
    ("a door to come in by", 'tailgating_at = "outer"', 'tailgating_at = "outr"', "[[area]] vault-room",
     'door "outr" is not'),
    ("a door that releases nobody", 'tailgating_at = "outer"', 'tailgating_at = "vault"', "[[area]] vault-room",
     "nobody knows who was let in"),
    ("a truck's door", 'truck_while = "cash-door"', 'truck_while = "cash"', "[[area]] bay", 'door "cash" is not'),
    ("no rule", THIRD_RULES, "", "[[area]] bay", "no rule: nothing is watched in it"),
    ("nobody looks for people", 'recorder = "nvr1/8"\nwatch = ["people"]', 'recorder = "nvr1/8"', "[[area]] bay",
     'restricted needs "people" in watch of [[camera]] 08'),
    ("nobody looks at the picture", '["picture", "people"]', '["people"]', "[[area]] atm-1",
     'fascia needs "picture" in watch of [[camera]] 03'),
    ("days of pictures", 'keep = "180d"', 'keep = "29d"', "[evidence]", "keep must be from 30d to 730d"),
    ("days of routine", 'keep_routine = "30d"', 'keep_routine = "1h"', "[evidence]", "keep_routine must be from 1d"),
    ("a long clip", 'before = "10s"', 'before = "2m"', "[evidence]", "before must be from 0s to 1m"),
    ("a longer clip", 'after = "20s"', 'after = "3m"', "[evidence]", "after must be from 0s to 2m"),
    ("no clip", 'before = "10s"\nafter = "20s"', 'before = "0s"\nafter = "0s"', "[evidence]", "make no clip"),
    ("a big disk", "disk_gb = 40", "disk_gb = 4000", "[evidence]", "disk_gb must be"),
]  # fmt: skip


def faults(text: str) -> tuple[Fault, ...]:
    """What is wrong with this file."""
    with pytest.raises(SettingsError) as caught:
        read_site(text, EXAMPLE.name)
    return tuple(caught.value.faults)


def test_the_full_example_is_sound() -> None:
    """Every key of docs/eyes.md 3 stands in it and is read."""
    site = read_site(TEXT, EXAMPLE.name)
    assert [camera.protocol for camera in site.camera] == ["onvif", "rtsp", "rtsp"]
    assert site.area[2].grace.total_seconds() == 15
    assert site.evidence.upload_kbps == 4000


@pytest.mark.parametrize(("old", "new", "where", "sentence"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_each_fault_is_one_sentence_at_its_line(old: str, new: str, where: str, sentence: str) -> None:
    """What is wrong, where, in both languages; no password is ever repeated."""
    assert old in TEXT, old
    found = faults(TEXT.replace(old, new, 1))
    told = [fault.told(texts_for("en")) for fault in found]
    assert [line for line in told if f": {where}: " in line and sentence in line], told
    for fault in found:
        chinese = fault.told(texts_for("zh-CN"))
        assert re.search(r"[\u4e00-\u9fff]", chinese), chinese
        assert "hunter2" not in chinese
    assert "hunter2" not in "".join(told)


def test_after_hours_needs_somebody_who_knows_the_hours() -> None:
    """Without a partition and without opening hours nobody knows when it is closed; a post neither."""
    text = re.sub(r"\[opening\].*?\n\n", "", TEXT, flags=re.DOTALL)
    told = [str(fault) for fault in faults(text)]
    assert any("[[area]] atm-hall: after_hours needs a partition, or [opening]" in line for line in told)
    assert any("[[area]] counter: post_empty_after is said, but no [opening]" in line for line in told)


def test_where_pictures_go_needs_a_port() -> None:
    """`centre.evidence` is an address like the brokers'."""
    centre = '\n[centre]\nbox = "0755-031-a"\nbrokers = ["centre-a:8883"]\nevidence = "centre-a"\n'
    (fault,) = faults(TEXT + centre)
    assert "[centre]: evidence needs a port" in str(fault)


@pytest.mark.parametrize(
    "polygon",
    [
        ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
        ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)),  # closed by hand
        ((0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),  # a notch
        ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0)),  # a corner on a side
    ],
)
def test_sound_polygons_are_taken(polygon: tuple[tuple[float, float], ...]) -> None:
    """Notches, corners on a side and a repeated first corner are fine."""
    assert polygon_fault(polygon) == ""


@pytest.mark.parametrize(
    "polygon",
    [
        ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)),
        ((0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)),  # back along its own side
        ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.0, 1.0)),  # touches itself
        ((0.2, 0.2), (0.2, 0.2), (0.2, 0.2)),
        (),
    ],
)
def test_twisted_and_empty_polygons_are_not(polygon: tuple[tuple[float, float], ...]) -> None:
    """What has no inside that a person would mean is a fault."""
    assert polygon_fault(polygon)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=3, unique=True),
)
def test_a_triangle_is_sound_exactly_when_it_holds_something(corners: list[tuple[int, int]]) -> None:
    """Three corners never cross; they are refused only when they lie on one line."""
    triangle = tuple((x / 20, y / 20) for x, y in corners)
    assert bool(polygon_fault(triangle)) is (abs(area(triangle)) < 1e-9)
