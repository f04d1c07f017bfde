"""Whatever the storm: security is never sheltered, a test takes its points and window only, every site counts once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.alarms.correlation import Fact
from collector.storms.breaking import UNTOUCHABLE
from collector.storms.incidents import CAUSES, LEAST_SITES, is_within, over, storms
from collector.storms.records import Cause, Incident, Loss, Sort, Suspension
from collector.storms.sheltering import TEST_TRAVEL_MS, Shelters, Silence, cover_of, flaps, on_test
from protocol.kinds import KINDS, EventClass

NOW_MS = 10_000_000
SITES = ("s1", "s2", "s3")
SOURCES = ("zone/a", "zone/b", "box/s1-a", "camera/03")
UNITS = ("", "a", "a/b", "a/b/c", "a/d", "e")

times = st.integers(NOW_MS - 900_000, NOW_MS + 900_000)
kinds = st.sampled_from(sorted(KINDS))
units = st.sampled_from(UNITS)


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    """An event of any kind."""
    kind = draw(kinds)
    site = draw(st.sampled_from(SITES))
    return Fact(
        number=draw(st.integers(1, 1_000_000)),
        box=f"{site}-a",
        event_id="e",
        site=site,
        kind=kind,
        event_class=KINDS[kind].event_class.value,
        level=draw(st.integers(1, 4)),
        source=draw(st.sampled_from(SOURCES)),
        at_ms=draw(times),
        received_ms=NOW_MS,
        restores=None,
    )


@st.composite
def suspensions(draw: st.DrawFn) -> Suspension:
    """A suspension of any sort around now."""
    from_ms = draw(times)
    return Suspension(
        id=f"u{draw(st.integers(0, 9))}",
        number=draw(st.integers(1, 100)),
        sort=draw(st.sampled_from(Sort)),
        site=draw(st.sampled_from(SITES)),
        kind=draw(st.sampled_from(["", *sorted(KINDS)])),
        points=tuple(draw(st.lists(st.sampled_from(SOURCES), max_size=3))),
        person="li",
        reason="x",
        from_ms=from_ms,
        until_ms=from_ms + draw(st.integers(1, 1_800_000)),
        ended_ms=draw(st.none() | times),
    )


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    """An open incident somewhere."""
    return Incident(
        alarm=f"i{draw(st.integers(0, 9))}",
        cause=draw(st.sampled_from(Cause)),
        unit=draw(units),
        first_ms=NOW_MS - 1_000_000,
        last_ms=draw(st.integers(NOW_MS - 900_000, NOW_MS)),
        sites=5,
        restored=draw(st.booleans()),
    )


@st.composite
def shelters(draw: st.DrawFn) -> Shelters:
    """Whatever may take alarms, all at once."""
    suspended: dict[str, list[Suspension]] = {}
    for each in draw(st.lists(suspensions(), max_size=6)):
        suspended.setdefault(each.site, []).append(each)
    silent = draw(st.lists(st.sampled_from(SITES), unique=True))
    return Shelters(
        incidents=draw(st.lists(incidents(), max_size=4)),
        units={site: draw(units) for site in SITES},
        silences={
            f"{site}-a": Silence(alarm=f"q-{site}", at_ms=draw(times), restored_ms=draw(st.none() | times))
            for site in silent
        },
        suspensions=suspended,
        flaps={},
    )


@given(facts(), shelters())
def test_security_is_never_sheltered(fact: Fact, there: Shelters) -> None:
    """Nor is what the centre says of itself and of the proof; whatever its level and whatever else goes on."""
    if fact.event_class == EventClass.SECURITY.value or fact.kind.startswith(UNTOUCHABLE):
        assert cover_of(fact, there, NOW_MS) is None
        assert not flaps(fact, Shelters(flaps={fact.key: 1_000}))


@given(facts(), st.lists(suspensions(), max_size=6))
def test_a_test_takes_its_points_and_its_window_only(fact: Fact, each: list[Suspension]) -> None:
    """Only a test of this very site, point and moment; never a shelf or maintenance."""
    by_site: dict[str, list[Suspension]] = {}
    for one in each:
        by_site.setdefault(one.site, []).append(one)
    taken = on_test([fact], by_site)
    fitting = [
        one
        for one in each
        if one.sort is Sort.TEST
        and one.site == fact.site
        and fact.source in one.points
        and one.kind in {"", fact.kind}
        and one.from_ms <= fact.at_ms < one.over_ms
        and one.from_ms <= fact.received_ms < one.over_ms + TEST_TRAVEL_MS
    ]
    if fact.kind.startswith(UNTOUCHABLE):
        assert not taken
    else:
        assert bool(taken) == bool(fitting)
        assert set(taken.values()) <= {one.id for one in fitting}


together = st.builds(
    lambda numbers, unit, cause: [Loss(site=f"{unit}-{number}", unit=unit, cause=cause) for number in sorted(numbers)],
    st.sets(st.integers(0, 12), min_size=1, max_size=9),
    st.sampled_from(["a/b/c", "a/b/d", "a/e", "a/f", "g"]),
    st.sampled_from(Cause),
)
losses = st.lists(together, max_size=12).map(lambda parts: [loss for part in parts for loss in part])


@given(losses, st.lists(incidents(), max_size=3))
def test_a_storm_stands_over_enough_sites_and_under_no_other(lost: list[Loss], there: list[Incident]) -> None:
    """At least five sites of its cause; no two incidents of one cause over the same site; none below a standing one."""
    told = storms(lost, there, NOW_MS)
    for storm in told:
        under = {loss.site for loss in lost if loss.cause is storm.cause and is_within(loss.unit, storm.unit)}
        assert storm.sites == len(under)
        assert len(under) >= LEAST_SITES
        assert over(there, storm.unit, storm.cause, NOW_MS) is None
    for cause in Cause:
        mine = [storm.unit for storm in told if storm.cause is cause]
        for loss in lost:
            assert sum(is_within(loss.unit, unit) for unit in mine) <= 1


@given(losses)
def test_enough_sites_of_one_unit_always_have_an_incident(lost: list[Loss]) -> None:
    """Five sites of one unit that lost the same are never told one by one."""
    told = storms(lost, [], NOW_MS)
    for cause in Cause:
        for unit in {loss.unit for loss in lost}:
            sites = {loss.site for loss in lost if loss.unit == unit and loss.cause is cause}
            if len(sites) >= LEAST_SITES:
                assert any(storm.cause is cause and is_within(unit, storm.unit) for storm in told)


def test_the_kinds_of_a_storm_are_faults() -> None:
    """No kind that a storm takes is of class security."""
    assert all(KINDS[kind].event_class is EventClass.FAULT for kind in CAUSES)
