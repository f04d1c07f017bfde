"""Invariant: whatever bytes arrive on whatever topic, the ingest never fails, and what is not authentic is set aside.

Random bytes, mutated envelopes of an honest box, and authentic envelopes around random content.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.ingest.received import Received
from collector.storage.records import Filter
from protocol.envelope import EnvelopeType
from protocol.kinds import Lane
from protocol.topics import Up
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre
from tests.ledgers import NOW

TYPES = {
    Up.EVENT: EnvelopeType.EVENTS,
    Up.BEAT: EnvelopeType.BEAT,
    Up.BIRTH: EnvelopeType.BIRTH,
    Up.DEATH: EnvelopeType.DEATH,
}
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def centre() -> Iterator[PaperCentre]:
    """One centre for all of it: what a bad message leaves behind must not hurt the next."""
    with tempfile.TemporaryDirectory() as folder:
        made = PaperCentre(folder=Path(folder), authority=Authority.create(now=NOW))
        yield made
        made.close()


@pytest.fixture(scope="module")
def box(centre: PaperCentre) -> Box:
    """An honest box that is known."""
    made = centre.box()
    centre.take(made.birth(), made.events(made.opened(Lane.URGENT)))
    return made


def taken(centre: PaperCentre) -> int:
    """How many envelopes were set aside, for whatever reason."""
    samples = [
        sample.value
        for metric in centre.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "branchwatch_rejections_total"
    ]
    return int(sum(samples))


@FUZZ
@given(topic=st.text(max_size=40), payload=st.binary(max_size=400))
def test_noise_is_set_aside(centre: PaperCentre, topic: str, payload: bytes) -> None:
    """Random bytes on random topics."""
    before = taken(centre)
    centre.take(Received(topic=topic, payload=payload, received_ms=0))
    assert taken(centre) == before + 1


@FUZZ
@given(up=st.sampled_from(list(Up)), payload=st.binary(max_size=400))
def test_noise_on_a_box_s_topic_is_set_aside(centre: PaperCentre, box: Box, up: Up, payload: bytes) -> None:
    """Random bytes where a box speaks."""
    before, events = taken(centre), own_events(centre)
    centre.take(box.message(up.value, payload))
    assert taken(centre) == before + 1
    assert own_events(centre) == events


@FUZZ
@given(data=st.data())
def test_a_changed_byte_is_never_believed(centre: PaperCentre, box: Box, data: st.DataObject) -> None:
    """Any single byte of an honest envelope replaced: no event, no alarm; set aside, or parked for a key unknown."""
    sealed = _SEALED.setdefault(box.id, box.seal(box.line("zone.fire")))
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != sealed[at]))
    centre.take(box.message("event", sealed[:at] + bytes([other]) + sealed[at + 1 :]))
    assert not centre.events("zone.fire")


_SEALED: dict[str, bytes] = {}


@FUZZ
@given(up=st.sampled_from(list(Up)), content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_an_authentic_envelope_of_nonsense_is_set_aside(centre: PaperCentre, box: Box, up: Up, content: bytes) -> None:
    """Sealed by the right key, but no message: malformed, by whoever's hand."""
    before = taken(centre)
    centre.take(box.message(up.value, box.sealer.seal(TYPES[up], content)))
    assert taken(centre) == before + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@FUZZ
@given(strange=st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_strange_facts_are_stored_as_they_are_or_refused(
    centre: PaperCentre, box: Box, strange: dict[str, object]
) -> None:
    """An honest envelope with whatever facts: what is taken can be read again."""
    facts: dict[str, Any] = {name: value for name, value in strange.items() if name not in ("lane", "kind", "self")}
    sending = centre.take(box.events(box.line("door.unlocked", **facts)))
    assert sending.heads or taken(centre)
    with centre.store.read() as reading:
        assert reading.events(Filter(box=box.id, limit=1)).items


def own_events(centre: PaperCentre) -> int:
    """Events that boxes sent."""
    return sum(event.box != centre.id for event in centre.events())
