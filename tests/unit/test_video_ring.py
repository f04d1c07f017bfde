"""The ring of packets: bounded in seconds and bytes, and every clip out of it begins with a key frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.video.ring import OVERHEAD, Format, Packet, Ring

FORM = Format(codec="h264", width=640, height=360, extradata=b"", ticks=90_000)


def packet(number: int, *, key: bool | None = None, size: int = 100, form: Format = FORM) -> Packet:
    """One of 5 a second; a key frame every 2 s."""
    whole = number % 10 == 0 if key is None else key
    return Packet(at_ms=number * 200, key=whole, data=bytes(size), ticks=number * 18_000, format=form)


def filled(count: int, seconds: float = 10.0, most: int = 1 << 20) -> Ring:
    """A ring that saw so many."""
    ring = Ring(seconds, most)
    for number in range(count):
        ring.add(packet(number))
    return ring


def test_it_holds_its_seconds_and_at_most_one_run_more() -> None:
    """Of 100 s it keeps the last 10 to 12."""
    span = filled(500).span()
    assert span is not None
    assert 10_000 <= span[1] - span[0] <= 12_000


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5000)), max_size=200))
def test_it_never_holds_more_than_its_bytes(packets: list[tuple[bool, int]]) -> None:
    """Whatever comes; and what it holds begins with a key frame."""
    ring = Ring(1000, 20_000)
    for number, (key, size) in enumerate(packets):
        ring.add(packet(number, key=key, size=size))
        assert ring.bytes <= 20_000
        kept = ring.between(-1, 1 << 40)
        assert not kept or kept[0].key
        assert ring.bytes == sum(len(each.data) + OVERHEAD for each in ring.newest(len(ring)))


def test_a_clip_begins_with_the_key_frame_before_it() -> None:
    """From 3.1 s to 5 s: the key frame at 2 s, to the packet at 5 s."""
    clip = filled(100, seconds=60).between(3100, 5000)
    assert clip[0].key
    assert (clip[0].at_ms, clip[-1].at_ms) == (2000, 5000)


def test_a_clip_is_of_one_format() -> None:
    """Where the picture changed its size in the middle, the later part is given."""
    ring = filled(20, seconds=60)
    other = replace(FORM, width=320)
    for number in range(20, 40):
        ring.add(packet(number, form=other))
    clip = ring.between(0, 1 << 40)
    assert {each.format for each in clip} == {other}
    assert clip[0].key


def test_nothing_is_kept_before_the_first_key_frame() -> None:
    """It could not be shown."""
    ring = Ring(10, 10_000)
    ring.add(packet(1))
    assert len(ring) == 0
    assert ring.between(0, 1000) == []


def test_the_newest_run_is_from_its_key_frame_on() -> None:
    """What must be decoded to see the newest picture; and it can be taken back."""
    ring = filled(26)
    assert [each.at_ms for each in ring.run()] == [4000, 4200, 4400, 4600, 4800, 5000]
    ring.forget_run()
    assert ring.span() == (0, 3800)
