"""Invariant: whatever arrives as a bundle, reading and judging it gives a value or their own error, nothing else."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.bundle import BundleError, BundleRefusedError, encode_bundle, judge, read_bundle, site_of, touches
from protocol.certificates import Role
from protocol.documents import DocumentError, open_document
from protocol.enrolled import EnrolledError, read_enrolled
from protocol.envelope import EnvelopeType
from protocol.settings import SettingsError
from tests.bundles import BOX, SITE, Bureau, settings
from tests.ledgers import NOW

BUREAU = Bureau()
PAYLOAD = encode_bundle(BUREAU.bundle(4))
DOCUMENT = BUREAU.document(PAYLOAD)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_keys = st.sampled_from([*settings(), "opening", "panel", "recorder", "area", "template"])


def _mutations(original: bytes) -> st.SearchStrategy[bytes]:
    """One cut, one insertion or one changed stretch of an honest text."""
    place = st.integers(0, len(original))
    return st.tuples(place, place, st.binary(max_size=6)).map(
        lambda parts: original[: min(parts[:2])] + parts[2] + original[max(parts[:2]) :]
    )


@given(st.binary(max_size=300) | _mutations(PAYLOAD) | _json.map(msgspec.json.encode))
def test_any_payload_is_a_bundle_or_its_error(payload: bytes) -> None:
    """Random bytes, damaged bundles and foreign JSON: a bundle, or BundleError."""
    with contextlib.suppress(BundleError, SettingsError):
        bundle = read_bundle(payload)
        site_of(bundle)
        touches(None, bundle)


@given(st.binary(max_size=300) | _mutations(DOCUMENT))
def test_any_document_is_refused_by_a_declared_error(data: bytes) -> None:
    """Random bytes and damaged documents: taken, or refused with a fault or a reason."""
    with contextlib.suppress(DocumentError, BundleRefusedError):
        opened = open_document(data, EnvelopeType.SITE, BUREAU.trust, NOW, Role.PROVISIONING)
        judge(opened, held=None, pins=BUREAU.pins, box=BOX, site=SITE)


@given(_keys, _json)
def test_signed_nonsense_is_refused_by_a_reason(key: str, value: Any) -> None:
    """Two honest keys may sign settings that are none: the box says what is wrong with them and stays what it is."""
    opened = BUREAU.opened(BUREAU.bundle(4, settings=settings() | {key: value}))
    with contextlib.suppress(BundleRefusedError):
        judge(opened, held=None, pins=BUREAU.pins, box=BOX, site=SITE)


@given(_json)
def test_a_held_bundle_that_cannot_be_read_is_a_reason_too(value: Any) -> None:
    """Nothing is compared with a bundle in force that is damaged, and nothing is taken in its place."""
    opened = BUREAU.opened(PAYLOAD)
    with pytest.raises(BundleRefusedError) as caught:
        judge(opened, held=msgspec.json.encode(value), pins=BUREAU.pins, box=BOX, site=SITE)
    assert caught.value.reason == "held_damaged"


@given(st.binary(max_size=300) | _json.map(msgspec.json.encode))
def test_any_file_of_an_enrolled_box_is_read_or_refused(content: bytes) -> None:
    """Whatever the enrolment machine wrote: a box's keys, or EnrolledError."""
    with contextlib.suppress(EnrolledError):
        read_enrolled(content)
