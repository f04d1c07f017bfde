"""The drawn state machines are those of the code."""

from scripts.diagrams import TARGET, page


def test_the_drawn_state_machines_are_current() -> None:
    """docs/diagrams.md is what the tables give now."""
    assert TARGET.read_text(encoding="utf-8") == page(), "run: python -m scripts.diagrams"


def test_the_alarm_table_is_drawn_whole() -> None:
    """Every state of an alarm stands in the drawing."""
    drawn = page()
    for word in (
        "new --> acknowledged: acknowledge",
        "acknowledged --> resolved: resolve",
        "clear --> breach: overdue",
    ):
        assert word in drawn
