"""What a box says of its own condition, as `branchwatch request health` tells it."""

from __future__ import annotations

import re

import pytest

from ordering.request_words import condition_of
from protocol.texts import LANGUAGES, texts_for

HEALTH = {
    "pending_urgent": 1,
    "pending_routine": 2,
    "store_bytes": 94208,
    "store_limit_bytes": 1073741824,
    "memory_bytes": 63987712,
    "uptime_s": 7200,
    "devices_offline": 4,
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_condition_is_told_in_figures(language: str) -> None:
    """Whoever asks how a box is reads how it is, not only that it was asked."""
    told = condition_of(HEALTH)
    assert told is not None
    words = told.told(texts_for(language))
    assert re.findall(r"\d+", words) == ["2", "3", "4"], words


@pytest.mark.parametrize("health", [{}, {"uptime_s": "long"}, None, [], {**HEALTH, "devices_offline": -1}])
def test_what_is_no_condition_is_not_told(health: object) -> None:
    """A centre's answer of another form breaks nothing and says nothing."""
    assert condition_of(health) is None
