"""Walk tests: whatever happened in one, box and centre build the same record of it, and nothing stops the builder."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from protocol import acceptance
from protocol.acceptance import AcceptanceError, Closing, ListedPoint, Result
from protocol.messages import Event
from tests.walks import PaperWalk

CLOSING = Closing(finished="2026-11-21T03:00:00.000Z", installer="li-na")
_names = st.text(max_size=64)
_points = st.lists(
    st.builds(ListedPoint, id=st.from_regex(r"(door|zone)/[a-z0-9]{1,8}", fullmatch=True), name=_names),
    max_size=40,
    unique_by=lambda point: point.id,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(points=_points, data=st.data(), seed=st.integers(0, 2**16))
def test_any_order_gives_the_same_bytes(points: list[ListedPoint], data: st.DataObject, seed: int) -> None:
    """Shuffled, doubled, and among other tests' events: the record is that of the events as they were written."""
    walk = PaperWalk(points=points)
    steps = st.tuples(st.sampled_from(points), st.sampled_from([Result.PASSED, Result.FAILED, None]))
    done: dict[str, Result] = {}
    for point, result in data.draw(st.lists(steps, max_size=30)) if points else []:
        walk.point(point.id, result)
        if result is not None:
            done[point.id] = result
    record = acceptance.record_from(walk.events, walk.test, CLOSING)
    assert {point.id: point.result for point in record.points} == {
        point.id: done.get(point.id, Result.UNTESTED) for point in points
    }
    other = PaperWalk(points=points, test="019aa43a-0000-7000-8000-00000000000f", box="0755-999-a")
    shuffled = [*walk.events, *walk.events, *other.events]
    random.Random(seed).shuffle(shuffled)
    again = acceptance.record_from(shuffled, walk.test, CLOSING)
    assert acceptance.record_bytes(again) == acceptance.record_bytes(record)


@given(data=st.data())
def test_no_facts_stop_the_builder(data: st.DataObject) -> None:
    """Whatever a box puts into its facts, there is a record or an AcceptanceError, never anything else."""
    walk = PaperWalk()
    walk.point("door/outer")
    number = data.draw(st.integers(0, len(walk.events) - 1))
    facts: dict[str, Any] = dict(walk.events[number].facts)
    facts[data.draw(st.sampled_from([*facts, "finished", "signatures"]))] = data.draw(_json)
    walk.alter(number, facts=facts, kind=data.draw(st.sampled_from(sorted(acceptance.KINDS))))
    events: list[Event] = [msgspec.structs.replace(each) for each in walk.events]
    for closing in (CLOSING, None):
        with suppress(AcceptanceError):
            record = acceptance.record_from(events, walk.test, closing)
            assert acceptance.read_record(acceptance.record_bytes(record)) == record
