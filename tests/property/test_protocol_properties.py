"""Properties of the wire: what goes in comes out, whatever it is."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from protocol.envelope import EnvelopeType, Sealer, decode_base64url, encode_base64url, open_envelope, read_envelope
from protocol.kinds import KINDS, lane_of
from protocol.messages import BecauseRow, Clock, Event, decode_event, encode
from protocol.timestamps import format_time, parse_time

KEY = ec.derive_private_key(7, ec.SECP256R1())
SEALER = Sealer(KEY, "p" * 43)

_moments = st.integers(0, 4_102_444_800_000_000).map(
    lambda us: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)
)
_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
_hex64 = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
_times = _moments.map(format_time)
_texts = st.text(max_size=40)
_facts = st.dictionaries(_texts, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts, max_size=8)
_rows: st.SearchStrategy[BecauseRow] = st.tuples(_times, _ids, _texts, _texts)
_kinds = st.sampled_from(sorted(KINDS))

_events = _kinds.flatmap(
    lambda kind: st.builds(
        Event,
        v=st.just(1),
        id=st.from_regex(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", fullmatch=True),
        site=_ids,
        box=_ids,
        run=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
        lane=st.just(lane_of(kind)),
        seq=st.integers(1, 2**53 - 1),
        prev=_hex64,
        kind=st.just(kind),
        level=st.integers(1, 5),
        at=_times,
        mono_ms=st.integers(0, 2**53 - 1),
        clock=st.sampled_from(Clock),
        source=_ids,
        facts=_facts,
        because=st.lists(_rows, max_size=5).map(tuple),
        evidence=st.just(()),
        restores=st.none(),
    )
)


@given(event=_events)
def test_an_event_survives_its_line(event: Event) -> None:
    """Encoding gives one line without a line feed, and decoding it gives the event."""
    line = encode(event)
    assert b"\n" not in line
    assert decode_event(line) == event


@given(payload=st.binary(max_size=400), typ=st.sampled_from(EnvelopeType))
def test_a_payload_survives_its_envelope(payload: bytes, typ: EnvelopeType) -> None:
    """Sealing and opening give the same bytes, for every type."""
    opened = open_envelope(read_envelope(SEALER.seal(typ, payload), 10_000), KEY.public_key(), typ)
    assert opened.payload == payload


@given(data=st.binary(max_size=100))
def test_base64url_round_trip(data: bytes) -> None:
    """The strict decoder takes what the encoder writes."""
    assert decode_base64url(encode_base64url(data)) == data


@given(moment=_moments)
def test_a_time_loses_only_its_microseconds(moment: datetime) -> None:
    """Formatting and parsing cut below the millisecond and change nothing else."""
    assert parse_time(format_time(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
