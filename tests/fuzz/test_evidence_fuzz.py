"""Whatever the centre asks of pictures, and whatever lies in their folder: a word or a value, never a fault of ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.evidence.describing import decode_description
from agent.evidence.promising import Ask
from agent.evidence.requests import ACTIONS, LONGEST, Over, Preset, admit, read_wanted
from protocol.timestamps import format_time
from tests.branch import moment

SLOT = "019af6a5-0000-7000-8000-000000000001-1"
NOW = moment(10_000_000)
RING = timedelta(seconds=180)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
times = st.sampled_from(
    ["2026-11-21T05:00:00.000Z", "2026-11-21T05:00:10.000Z", "2026-13-41T99:00:00.000Z", "0001-01-01T00:00:00.000Z"]
)
values = st.one_of(anything, times, st.just("01"), st.lists(st.just(SLOT[:-2]), max_size=400))
ends = st.integers(-400_000, 200_000).map(lambda off_ms: format_time(moment(NOW.mono_ms + off_ms).wall))
spans = st.fixed_dictionaries({"camera": st.just("01"), "from": ends, "to": ends})
names = st.sampled_from(["camera", "from", "to", "preset", "events", "x"])
arguments = spans | st.dictionaries(names, values, max_size=6)


@given(st.sampled_from(sorted(ACTIONS)), arguments)
def test_a_request_is_something_whole_or_a_word(action: str, args: dict[str, Any]) -> None:
    """Nothing that the centre says breaks the box, and what is let through is within its limits."""
    wanted = read_wanted(action, args, frozenset({"01"}), RING, NOW)
    assert isinstance(wanted, str | Ask | Over | Preset)
    assert wanted != ""
    if isinstance(wanted, Ask) and wanted.since and wanted.until:
        assert timedelta(0) < wanted.until.wall - wanted.since.wall <= LONGEST
        assert wanted.until.mono_ms > wanted.since.mono_ms


@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from(["01", "02", ""]), st.integers(0, 2_000))))
def test_no_more_is_let_through_than_a_line_and_a_disk_can_bear(asked: list[tuple[str, str, int]]) -> None:
    """In any ten minutes 200 answers at most, however they are asked for."""
    state: Any = {}
    passed: list[int] = []
    now_ms = 0
    for action, camera, wait_ms in asked:
        now_ms += wait_ms
        after = admit(state, action, camera, moment(now_ms))
        if after is not None:
            state = after
            passed.append(now_ms)
        assert sum(now_ms - each < 600_000 for each in passed) <= 200


@given(st.binary(max_size=600) | anything.map(msgspec.json.encode))
@example(b"[" * 2000)
@example(b"null")
def test_a_description_is_one_or_is_refused(data: bytes) -> None:
    """What lies beside a picture is read strictly: a value error, and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
        decode_description(data, SLOT)
