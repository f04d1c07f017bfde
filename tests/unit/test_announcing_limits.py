"""Announcements: how many are let through, and in which voice a text is read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.announcing.limits import CHINESE, ENGLISH, MOST, WITHIN, Announced, admit, voice_of
from tests.branch import moment

WITHIN_MS = 1000 * int(WITHIN.total_seconds())


@given(st.lists(st.integers(0, WITHIN_MS), max_size=60))
def test_never_more_than_six_in_ten_minutes(waits: list[int]) -> None:
    """Whatever is asked when: any ten minutes hold six at most, and one that is refused takes no room."""
    announced: Announced = ()
    let_through: list[int] = []
    at_ms = 0
    for wait_ms in waits:
        at_ms += wait_ms // 8
        held = sum(at_ms - each < WITHIN_MS for each in let_through)
        admitted = admit(announced, moment(at_ms))
        assert (admitted is not None) is (held < MOST)
        if admitted is not None:
            announced = admitted
            let_through.append(at_ms)


def test_the_voice_follows_the_script() -> None:
    """Any Chinese character makes it the Chinese voice, which reads English words too."""
    assert [voice_of(text) for text in ("请离开", "请 leave", "Leave now. 2 min", "é", "𠮷")] == [
        *(CHINESE, CHINESE, ENGLISH, ENGLISH, CHINESE)
    ]
