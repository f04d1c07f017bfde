"""Properties of putting a site together: the site wins, its template's order stays, every value keeps its place."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.settings import Fault, Source
from protocol.texts import said
from provisioning.inventory.editing import Change, changed, with_changes
from provisioning.inventory.merging import laid, over, plain

IDS = st.sampled_from(["a", "b", "c", "d", "e"])
VALUES = st.one_of(st.integers(0, 99), st.text("xyz \"'#=[]\\河", max_size=6), st.booleans())
KEYS = st.sampled_from(["name", "lock", "closed"])
ROWS = st.dictionaries(IDS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=5)
TOP = st.dictionaries(st.sampled_from(["unit", "timezone"]), VALUES, max_size=2)
TABLE = st.dictionaries(st.sampled_from(["weekdays", "arm_by"]), VALUES, max_size=2)


def layer(top: dict[str, Any], table: dict[str, Any], rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What one file holds."""
    data: dict[str, Any] = {**top, "opening": table}
    if rows:
        data["door"] = [{"id": name, **row} for name, row in rows.items()]
    return data


LAYERS = st.builds(layer, TOP, TABLE, ROWS)


def merged(below: dict[str, Any], above: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """`above` upon `below`, and what is wrong with it."""
    faults: list[Fault] = []
    table = over(laid(below, Source("", "below", below)), laid(above, Source("", "above", above)), faults)
    return plain(table), faults


def rows(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The doors by id, in their order."""
    return {row["id"]: row for row in data.get("door", [])}


@given(LAYERS, LAYERS)
def test_the_site_wins_and_nothing_else_is_lost(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Each value is the site's where it has one, else its template's; none comes from nowhere."""
    whole, faults = merged(below, above)
    assert faults == []
    for key in {*below, *above} - {"door", "opening"}:
        assert whole[key] == above.get(key, below.get(key))
    assert whole["opening"] == {**below["opening"], **above["opening"]}
    assert {name: dict(row) for name, row in rows(whole).items()} == {
        name: {**rows(below).get(name, {}), **rows(above).get(name, {})} for name in {**rows(below), **rows(above)}
    }


@given(LAYERS, LAYERS)
def test_the_order_of_the_template_stays(below: dict[str, Any], above: dict[str, Any]) -> None:
    """A site's line moves nothing: first the template's entries as they stand there, then the site's own new ones."""
    whole, _ = merged(below, above)
    new = [name for name in rows(above) if name not in rows(below)]
    assert list(rows(whole)) == [*rows(below), *new]


@given(LAYERS, LAYERS)
def test_the_same_again_changes_nothing(below: dict[str, Any], above: dict[str, Any]) -> None:
    """A site that says what its result says already gives that result."""
    whole, _ = merged(below, above)
    assert merged(whole, above) == (whole, [])
    assert merged(whole, whole) == (whole, [])
    assert merged({}, whole) == (whole, [])


@given(LAYERS, st.data())
def test_what_is_absent_is_away_and_the_rest_stays(below: dict[str, Any], data: st.DataObject) -> None:
    """`absent = true` takes one entry away, and is a fault where there is none to take."""
    name = data.draw(IDS)
    whole, faults = merged(below, {"door": [{"id": name, "absent": True}]})
    assert list(rows(whole)) == [each for each in rows(below) if each != name]
    assert len(faults) == (name not in rows(below))
    assert all(fault.file == "above" for fault in faults)
    again, _ = merged(below, {"door": [{"id": name, "absent": True}, {"id": name, "lock": 1}]})
    assert rows(again)[name] == {"id": name, "lock": 1}


@given(LAYERS, LAYERS)
def test_every_value_keeps_its_place(below: dict[str, Any], above: dict[str, Any]) -> None:
    """A fault of any value names the file that the value came from."""
    table = over(laid(below, Source("", "below", below)), laid(above, Source("", "above", above)), [])
    for index, (name, row) in enumerate(rows(plain(table)).items()):
        for key in row:
            owner = "above" if key in rows(above).get(name, {}) else "below"
            assert table.fault(("door", index, key), said("x")).file == owner
    for key in {*below, *above} - {"door"}:
        assert table.fault((key,), said("x")).file == ("above" if key in above else "below")


CHANGES = st.lists(
    st.one_of(
        st.builds(Change, key=st.sampled_from(["name", "unit"]), value=st.text(max_size=8).filter(str.isprintable)),
        st.builds(
            Change,
            key=st.sampled_from(["address", "unit_id"]),
            value=st.one_of(st.integers(0, 999), st.text(max_size=8).filter(str.isprintable)),
            section=st.sampled_from(["io", "camera"]),
            entry=IDS,
        ),
    ),
    max_size=6,
)
WRITTEN = """\
# the first line
id = "s" # its id

[[io]]  # a module
id = "a"
address = '10.0.0.1'   # as it was
# about b
[[io]]
id = "b"

# the last line
"""


@given(CHANGES)
@settings(deadline=None)
def test_what_is_entered_leaves_the_rest(changes: list[Change]) -> None:
    """Whatever is entered, the file holds that and what it held, and every comment in its order."""
    text = with_changes(WRITTEN, changes, "x")
    assert tomllib.loads(text) == changed(tomllib.loads(WRITTEN), changes)
    comments = [line[line.index("#") :] for line in WRITTEN.splitlines() if "#" in line]
    places = [text.find(comment) for comment in comments if comment != "# as it was" or "10.0.0.1" in text]
    assert -1 not in places
    assert places == sorted(places)
