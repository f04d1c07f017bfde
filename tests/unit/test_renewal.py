"""When a box asks for a new certificate, and how a refusal is told to whoever stands there."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.enrolment_link import Reply, UnreachableError
from agent.enrolment_refused import SENTENCES, RefusedError, refused
from agent.renewing import renewal_at, renewal_due
from protocol.enrolment import Problem, Refusal
from provisioning.enrolment.web import STATUS
from tests.ledgers import NOW

LIFE = timedelta(days=730)
END = NOW + LIFE
_boxes = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)


@given(box=_boxes, days=st.integers(1, 3650))
def test_a_box_asks_between_two_thirds_and_a_tenth_more(box: str, days: int) -> None:
    """Never before two thirds of the life, never so late that a quarter of it is not left for trying."""
    end = NOW + timedelta(days=days)
    at = renewal_at(NOW, end, box)
    assert NOW + (end - NOW) * 2 / 3 - timedelta(seconds=1) <= at <= NOW + (end - NOW) * 0.77
    assert renewal_due(NOW, end, box, at)
    assert not renewal_due(NOW, end, box, at - timedelta(seconds=1))


def test_boxes_of_one_day_spread_over_weeks() -> None:
    """Two hundred that were enrolled on one day do not come back on one day; each always on its own."""
    days = {renewal_at(NOW, END, f"0755-{number:03d}-a").date() for number in range(200)}
    assert len(days) > 50
    assert renewal_at(NOW, END, "0755-031-a") == renewal_at(NOW, END, "0755-031-a")


def test_an_ended_certificate_is_due() -> None:
    """And one that begins in the future, by a wrong clock, is not."""
    assert renewal_due(NOW, END, "0755-031-a", END + timedelta(days=1))
    assert not renewal_due(NOW, END, "0755-031-a", NOW - timedelta(days=900))


@pytest.mark.parametrize("reason", list(Refusal))
def test_every_refusal_has_a_status_and_a_sentence(reason: Refusal) -> None:
    """What the enrolment can say, a box can tell, with the next step."""
    status, _ = STATUS[reason]
    assert 400 <= status < 500
    error = refused(Reply(status=status, body=msgspec.json.encode(Problem(status=status, code=reason.value))))
    assert isinstance(error, RefusedError)
    assert error.reason == reason.value
    assert "Next step" in str(error)
    assert SENTENCES[reason]


@pytest.mark.parametrize("body", [b"", b"no json", b'{"status": 403, "code": "something_newer"}', b"\xff\xfe", b"[]"])
def test_a_refusal_of_another_version_is_told_too(body: bytes) -> None:
    """An unknown word, no word, no JSON: a no is a no."""
    assert isinstance(refused(Reply(status=403, body=body)), RefusedError)


def test_a_server_in_trouble_is_not_a_refusal() -> None:
    """A full disk at the enrolment is tried again, exit code 3."""
    assert isinstance(refused(Reply(status=503, body=b"{}")), UnreachableError)
