"""The statistics, the table and the JSON of `make bench` say what was measured and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figure, Goal, Verdict, percentile, rounded, verdict
from benchmarks.machine import Machine
from benchmarks.report import Report, as_json, as_table, report

NOW = datetime(2026, 11, 21, 2, 13, 49, tzinfo=UTC)
MACHINE = Machine(
    processor="a processor", cores=2, memory_gib=8.0, kernel="6.1.0", load=0.1, versions={"python": "3.11.7"}
)
P50 = Figure(bench="screen", name="p50", value=69.4, unit="ms", target=150, ratio="0.46 of target", limit="the poll")
SHARE = Figure(bench="ingest", name="share", value=0.21, unit="of bare", goal=Goal.AT_LEAST, target=0.3)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_a_sample_with_enough_below_it(samples: list[float], percent: float) -> None:
    """p99 is something that really happened, and at least 99 in a hundred were no slower."""
    found = percentile(samples, percent)
    assert found in samples
    assert sum(each <= found for each in samples) >= percent / 100 * len(samples) - 1e-9


def test_percentiles_of_a_hundred() -> None:
    """Nearest rank: of 1 to 100 the p50 is 50, the p99 99, the p100 100."""
    samples = list(range(100, 0, -1))
    assert [percentile(samples, each) for each in (0, 50, 99, 100)] == [1, 50, 99, 100]


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(samples: list[float], percent: float) -> None:
    """No figure is made up where nothing was measured."""
    with pytest.raises(ValueError, match="percentile"):
        percentile(samples, percent)


@pytest.mark.parametrize(
    ("goal", "value", "expected"),
    [
        (Goal.AT_MOST, 150.0, Verdict.MET),
        (Goal.AT_MOST, 150.1, Verdict.MISSED),
        (Goal.AT_LEAST, 150.0, Verdict.MET),
        (Goal.AT_LEAST, 149.9, Verdict.MISSED),
        (Goal.BELOW, 149.9, Verdict.MET),
        (Goal.BELOW, 150.0, Verdict.MISSED),
    ],
)
def test_a_target_is_met_or_missed(goal: Goal, value: float, expected: Verdict) -> None:
    """The border belongs to "at most" and "at least", not to "below"."""
    assert verdict(msgspec.structs.replace(P50, goal=goal, value=value)) is expected


def test_figures_are_shown_with_three_digits() -> None:
    """Nothing is shown more exactly than it repeats."""
    assert [rounded(each) for each in (69.4321, 0.2349, 18_812.0, 0.0)] == [69.4, 0.235, 18_800, 0]


def test_a_missed_target_or_a_failed_bench_fails_the_run() -> None:
    """`make bench` is green only when everything was measured and every target was met."""
    assert report(NOW, MACHINE, [P50], {}).met
    assert not report(NOW, MACHINE, [P50, SHARE], {}).met
    assert not report(NOW, MACHINE, [P50], {"agent": "not measured: no Chromium"}).met


def test_the_table_says_everything_once() -> None:
    """Figure, target, verdict, ratio, limit, the failed bench and the machine all stand in the one table."""
    text = as_table(report(NOW, MACHINE, [P50, SHARE], {"agent": "not measured: no room"}))
    for words in ("69.4 ms", "<= 150", "met", "0.46 of target", "the poll", "0.21 of bare", ">= 0.3", "missed"):
        assert words in text
    assert "agent: not measured: no room" in text
    assert "a processor, 2 cores, 8.0 GiB, Linux 6.1.0, load 0.1" in text
    assert [line for line in text.splitlines() if line in ("screen", "ingest")] == ["screen", "ingest"]


def test_the_json_file_holds_the_same_report() -> None:
    """What a program reads from the file is what people read in the table, samples too."""
    made = report(NOW, MACHINE, [msgspec.structs.replace(P50, samples=(68.0, 69.4))], {})
    again = msgspec.json.decode(as_json(made), type=Report)
    assert again == made
    assert again.at == "2026-11-21T02:13:49.000Z"
