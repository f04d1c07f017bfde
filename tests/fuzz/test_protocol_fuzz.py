"""Invariant: whatever bytes arrive, the codecs give a value or their own error, and never anything else."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.audit import Audit
from protocol.certificates import Role
from protocol.envelope import EnvelopeError, read_envelope
from protocol.ledger import HoleError, hole_of
from protocol.messages import (
    MessageError,
    decode_approval,
    decode_beat,
    decode_birth,
    decode_death,
    decode_event,
    decode_order,
    decode_receipt,
    decode_request,
)
from protocol.topics import parse_up
from provisioning.authority import Authority
from tests.ledgers import NOW, PaperBox, PaperExport

AUTHORITY = Authority.create(now=NOW)
BOX = PaperBox(AUTHORITY)
LINE = BOX.line("door.dual_open", overlap_s=0.9, doors=["outer", "inner"])
ENVELOPE = BOX.seal(LINE)
DECODERS: tuple[Callable[[bytes], Any], ...] = (
    decode_approval,
    decode_beat,
    decode_birth,
    decode_death,
    decode_event,
    decode_order,
    decode_receipt,
    decode_request,
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _mutations(original: bytes) -> st.SearchStrategy[bytes]:
    """One cut, one insertion or one changed stretch of an honest message."""
    place = st.integers(0, len(original))
    return st.tuples(place, place, st.binary(max_size=6)).map(
        lambda parts: original[: min(parts[:2])] + parts[2] + original[max(parts[:2]) :]
    )


@pytest.mark.parametrize("decode", DECODERS, ids=lambda decode: decode.__name__)
@given(data=st.data())
def test_message_decoders(decode: Callable[[bytes], Any], data: st.DataObject) -> None:
    """Random bytes, random JSON and mutated events: a message or MessageError."""
    line = data.draw(st.binary(max_size=200) | _json.map(lambda v: json.dumps(v).encode()) | _mutations(LINE))
    with contextlib.suppress(MessageError):
        decode(line)


@given(data=st.binary(max_size=300) | _mutations(ENVELOPE))
def test_envelope_reader(data: bytes) -> None:
    """Random bytes and mutated envelopes: an unverified envelope or EnvelopeError."""
    with contextlib.suppress(EnvelopeError):
        read_envelope(data, 1000)


@given(topic=st.text(max_size=60) | st.from_regex(r"bw/1/[a-z0-9-]{0,40}/(up|down)/[a-z]{0,8}"))
def test_topics(topic: str) -> None:
    """Any topic is a box and a kind, or nothing."""
    found = parse_up(topic)
    assert found is None or topic == f"bw/1/{found[0]}/up/{found[1]}"


@given(facts=st.dictionaries(st.sampled_from(["from", "to", "lane", "first_prev", "last_hash"]), _json))
def test_holes(facts: dict[str, Any]) -> None:
    """Any facts are a hole or HoleError."""
    with contextlib.suppress(HoleError):
        hole_of(facts)


@given(data=st.data())
def test_audit(data: st.DataObject) -> None:
    """A mutated export is never sound and never more than a report."""
    export = PaperExport(AUTHORITY, PaperBox(AUTHORITY, id="centre-north", site="centre-north", role=Role.COLLECTOR))
    export.records.clear()
    export.signer(BOX)
    lines = [data.draw(st.binary(max_size=200) | _mutations(record)) for record in export.records]
    audit = Audit(now=NOW)
    for line in lines:
        audit.feed(line)
    assert not audit.report().sound
