"""Settings written for an engineer come back the same, whatever stands in them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from provisioning.kit.site_toml import as_toml

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.booleans(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXTS, below, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_settings_come_back_the_same(settings: dict[str, object]) -> None:
    """Every text, number, list and table that JSON can hold."""
    assert tomllib.loads(as_toml(settings)) == settings


@given(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=3))
def test_what_is_not_there_is_not_written(settings: dict[str, object]) -> None:
    """TOML has no null."""
    assert tomllib.loads(as_toml({**settings, "x": None, "table": {"a": None, "b": 1}})) == {
        **{key: value for key, value in settings.items() if key not in ("x", "table")},
        "table": {"b": 1},
    }
