"""When the frames of a clip are shown, and files written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.video.media import MediaError, check_size, film, open_file, shown_at, write_clip, write_masked
from agent.video.ring import Format, Packet
from agent.video.taking import written
from agent.video.words import Loss
from tests.hostile_cameras import drawn, units

FORM = Format(codec="h264", width=320, height=180, extradata=b"", ticks=90_000)


def packets(count: int = 20) -> list[Packet]:
    """A drawn scene, encoded, at 5 frames a second."""
    return [
        Packet(
            at_ms=1000 + number * 200,
            key=number % 10 == 0,
            data=b"".join(b"\0\0\0\1" + nal for nal in unit),
            ticks=77 + number * 18_000,
            format=FORM,
        )
        for number, unit in enumerate(units(drawn(count)))
    ]


def test_a_clip_is_what_was_sent(tmp_path: Path) -> None:
    """Remuxed: as many frames, at their times, and it starts before it is whole (the index comes first)."""
    path = tmp_path / "x.part"
    write_clip(packets(), path)
    seen = [(round(at_s, 2), picture.width) for at_s, picture in film(path)]
    assert seen == [(round(number * 0.2, 2), 320) for number in range(20)]
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_masks_are_burned_in(tmp_path: Path) -> None:
    """Encoded anew: what is masked is black in every frame."""
    path = tmp_path / "x.part"

    def cover(frame):  # type: ignore[no-untyped-def]
        frame = frame.copy()
        frame[:90, :160] = 0
        return frame

    write_masked(packets(), path, cover)
    pictures = [picture.bgr() for _, picture in film(path)]
    assert len(pictures) == 20
    assert all(picture[:80, :150].max() < 24 for picture in pictures)
    assert all(picture[100:, 170:].mean() > 50 for picture in pictures)


def test_a_cameras_own_times_are_believed_as_long_as_they_keep_to_arrival() -> None:
    """Jitter of arrival is taken out; times that jump, stand still or are missing are not believed."""
    base = packets(10)
    late = [replace(each, at_ms=each.at_ms + (30 if number % 2 else 0)) for number, each in enumerate(base)]
    steady = [number * 18_000 for number in range(10)]
    assert shown_at(late) == steady
    assert shown_at([replace(late[0], ticks=None), *late[1:]])[2:] == [each + 2700 for each in steady[2:]]
    arrived = [(each.at_ms - 1000) * 90 for each in late]
    still = [replace(each, ticks=5) for each in late]
    months = [*late[:5], *(replace(each, ticks=(each.ticks or 0) + 10**12) for each in late[5:])]
    for lying in (still, months):
        assert shown_at(lying) == arrived


def test_times_always_go_on() -> None:
    """Frames that came at once, or backwards, still follow each other."""
    together = [replace(each, at_ms=1000, ticks=None) for each in packets(5)]
    assert shown_at(together) == [0, 1, 2, 3, 4]


def test_what_is_no_video_is_said_to_be_none(tmp_path: Path) -> None:
    """Text, nothing, and no file; the error holds no path."""
    (tmp_path / "secret.mp4").write_text("words " * 1000)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("secret.mp4", "empty.mp4", "none.mp4"):
        with pytest.raises(MediaError) as found:
            open_file(tmp_path / name)
        assert found.value.cause in (Loss.BROKEN, Loss.ENDED)
        assert "secret" not in str(found.value)


@pytest.mark.parametrize(
    ("width", "height", "cause"), [(4097, 10, Loss.TOO_LARGE), (10, 10_000, Loss.TOO_LARGE), (0, 0, Loss.BROKEN)]
)
def test_sizes_have_a_limit(width: int, height: int, cause: Loss) -> None:
    """4096 x 4096."""
    check_size(4096, 4096)
    with pytest.raises(MediaError) as found:
        check_size(width, height)
    assert found.value.cause is cause


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Its hash and size are those of what lies there, for its owner's eyes only; a failure leaves nothing."""
    made = written(tmp_path / "x", lambda path: path.write_bytes(b"abc"))
    assert (made.sha256[:8], made.size) == ("ba7816bf", 3)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600

    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        written(tmp_path / "y", fails)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x"]
