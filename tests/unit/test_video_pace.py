"""When an eye decodes and looks: twice a second while something stirs, seldom while not, at once when it begins."""

from __future__ import annotations

from collections.abc import Iterable

from agent.video.pace import Do, Pace

FRAME_MS = 200
GOP = 10


def told(pace: Pace, frames: Iterable[int], *, stirs: bool, size: int = 500, waited_ms: float = 150.0) -> list[Do]:
    """Tell of frames at 5 a second, a key frame every 2 s, and of each look that follows."""
    done = []
    for number in frames:
        key = number % GOP == 0
        do = pace.packet(number * FRAME_MS, 5000 if key else size, key=key, waited_ms=waited_ms)
        if do is Do.LOOK:
            pace.looked(number * FRAME_MS, stirs=stirs)
        done.append(do)
    return done


def quiet_one() -> Pace:
    """A minute in which nothing stirs."""
    pace = Pace(2.0, 2.0)
    told(pace, range(300), stirs=False)
    assert pace.quiet
    return pace


def test_busy_is_twice_a_second() -> None:
    """Every packet is decoded, and 2 of 5 a second are looked at, however the frames fall."""
    done = told(Pace(2.0, 2.0), range(300), stirs=True)
    assert done.count(Do.LOOK) in range(118, 123)
    assert Do.KEEP not in done


def test_a_key_picture_is_looked_at_and_costs_no_look_more() -> None:
    """Whatever the phase, each key frame is seen (a frozen sensor shows there), and the next looks wait."""
    pace, looks, keys = Pace(2.0, 2.0), 0, 0
    for number in range(3, 303):
        at_ms, key = number * FRAME_MS, number % GOP == 0
        do = pace.packet(at_ms, 500, key=key, waited_ms=150)
        if do is Do.LOOK or (key and pace.key_picture(at_ms)):
            pace.looked(at_ms, stirs=True)
            looks, keys = looks + 1, keys + key
    assert keys == 30
    assert looks <= 126


def test_a_stream_of_key_frames_alone_is_not_looked_at_more_often() -> None:
    """Each picture is coded by itself: one a second is seen for that, no more."""
    pace = Pace(2.0, 2.0)
    seen = sum(pace.key_picture(at_ms) for at_ms in range(0, 10_000, FRAME_MS))
    assert seen == 10


def test_quiet_is_key_frames_only() -> None:
    """After some seconds without a stir, nothing but key frames is decoded."""
    done = told(quiet_one(), range(300, 600), stirs=False)
    assert done.count(Do.LOOK) == 30
    assert done.count(Do.KEEP) == 270


def test_quiet_is_never_more_often_than_was_asked_for() -> None:
    """A key frame a second does not double the work."""
    pace = quiet_one()
    looks = 0
    for number in range(300, 600):
        do = pace.packet(number * FRAME_MS, 500, key=number % 5 == 0, waited_ms=150)
        looks += do is Do.LOOK
        if do is Do.LOOK:
            pace.looked(number * FRAME_MS, stirs=False)
    assert looks == 30


def test_a_larger_packet_wakes_at_once() -> None:
    """Movement makes packets larger: the eye looks at that very packet."""
    pace = quiet_one()
    assert pace.packet(301 * FRAME_MS, 1500, key=False, waited_ms=150) is Do.LOOK
    assert not pace.quiet


def test_a_noisy_stream_does_not_wake_for_ever() -> None:
    """Being woken for nothing makes the next waking harder; a true stir is found by the next key frame."""
    pace = quiet_one()
    woken = 0
    for number in range(301, 3301):
        quiet = pace.quiet
        size = 1500 if number % 50 == 7 else 500
        do = pace.packet(number * FRAME_MS, size, key=number % GOP == 0, waited_ms=150)
        woken += quiet and not pace.quiet
        if do is Do.LOOK:
            pace.looked(number * FRAME_MS, stirs=False)
    assert woken <= 20
    assert pace.quiet


def test_seldom_key_frames_are_no_clock() -> None:
    """With 20 s between key frames, a quiet camera is still looked at every 2 s."""
    pace = Pace(2.0, 2.0)
    looks = []
    for number in range(600):
        do = pace.packet(number * FRAME_MS, 500, key=number % 100 == 0, waited_ms=150)
        if do is Do.LOOK:
            looks.append(number)
            pace.looked(number * FRAME_MS, stirs=False)
    assert pace.quiet
    assert max(later - earlier for earlier, later in zip(looks[-20:], looks[-19:], strict=False)) <= 36


def test_what_lay_waiting_is_not_looked_at() -> None:
    """Newest frame wins: of ten packets that lay there, only the last, for which it waited, is looked at."""
    pace = Pace(2.0, 2.0)
    told(pace, range(20), stirs=True)
    done = [pace.packet(20 * FRAME_MS + 600, 500, key=False, waited_ms=0.1) for _ in range(9)]
    assert done == [Do.DECODE] * 9
    assert pace.packet(20 * FRAME_MS + 620, 500, key=False, waited_ms=30) is Do.LOOK


def test_an_eye_that_falls_behind_leaves_out_pictures() -> None:
    """Where packets lie there for longer than a second, only key frames are decoded until it has come up."""
    pace = Pace(2.0, 2.0)
    told(pace, range(20), stirs=True)
    done = told(pace, range(20, 60), stirs=True, waited_ms=0.1)
    assert done[8:].count(Do.DECODE) <= 3
    assert Do.LOOK in done[8:]
    assert Do.DECODE in told(pace, range(60, 64), stirs=True)
