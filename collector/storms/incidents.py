"""Which unit a storm belongs to: the deepest with five sites that lost the same, or the one above three such. Pure.

Sites are counted at every unit of their path, the deepest first, and each counts for one incident only. Where three
children of a unit are in it, the incident stands at that unit; the deeper ones go under it. Flow: finding.py asks.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from collector.storms.records import Cause, Incident, Loss, Storm

WINDOW_MS: Final = 120_000
"""Losses this far apart are one storm."""

STAYS_MS: Final = 600_000
"""So long after its last loss an incident still takes further sites."""

LEAST_SITES: Final = 5
LEAST_CHILDREN: Final = 3
MOST_DEPTH: Final = 16
"""Names in a unit's path that are looked at; a bank has five or six."""

CAUSES: Final = {
    "box.silent": Cause.LINK,
    "link.primary_lost": Cause.LINK,
    "link.backup_lost": Cause.LINK,
    "link.delayed": Cause.LINK,
    "box.mains_lost": Cause.POWER,
    "box.battery_low": Cause.POWER,
}
"""Kinds that say that a site lost something."""

SITE_PREFIX: Final = "unit-"
UNIT_SITE: Final = len(SITE_PREFIX) + 16
"""Characters of the id of a unit's place."""


def kind_of_cause(cause: Cause) -> str:
    """The kind of the event that tells a storm."""
    return f"incident.{cause.value}"


def site_of_unit(unit: str) -> str:
    """The place of a unit's incidents, in the form of a site's id: a path's own letters may not stand there."""
    return SITE_PREFIX + _digest(unit)


def source_of_unit(unit: str) -> str:
    """The source of a unit's incidents; the fact `unit` says the path."""
    return f"unit/{_digest(unit)}"


def storms(losses: Iterable[Loss], standing: Sequence[Incident], now_ms: int) -> list[Storm]:
    """The incidents to tell now; what a standing one covers asks for none."""
    told: list[Storm] = []
    everything = list(losses)
    for cause in Cause:
        mine = [loss for loss in everything if loss.cause is cause]
        if mine:
            there = [incident for incident in standing if incident.cause is cause and takes(incident, now_ms)]
            told.extend(_of_cause(cause, mine, there, now_ms))
    return told


def takes(incident: Incident, now_ms: int) -> bool:
    """Whether an open incident still takes further sites."""
    return not incident.restored and now_ms - incident.last_ms <= STAYS_MS


def over(incidents: Iterable[Incident], unit: str, cause: Cause, now_ms: int) -> Incident | None:
    """The incident that covers a unit: of several the widest, under which the others stand."""
    covering = (
        incident
        for incident in incidents
        if incident.cause is cause and takes(incident, now_ms) and is_within(unit, incident.unit)
    )
    return min(covering, key=lambda incident: (len(path_of(incident.unit)), incident.first_ms), default=None)


def is_within(unit: str, above: str) -> bool:
    """Whether `unit` is `above` or below it."""
    return not above or unit == above or unit.startswith(above + "/")


def path_of(unit: str) -> tuple[str, ...]:
    """The names of a unit's path."""
    return tuple(unit.split("/")[:MOST_DEPTH]) if unit else ()


def _of_cause(cause: Cause, losses: list[Loss], standing: Sequence[Incident], now_ms: int) -> list[Storm]:
    sites = {
        loss.site: path_of(loss.unit)
        for loss in losses
        if not any(is_within(loss.unit, incident.unit) for incident in standing)
    }
    fresh = _deepest(sites)
    recent = {path_of(incident.unit) for incident in standing if now_ms - incident.last_ms <= WINDOW_MS}
    units = _climbed(set(fresh), recent)
    everywhere = {loss.site: path_of(loss.unit) for loss in losses}
    there = [path_of(incident.unit) for incident in standing]
    return [
        Storm(
            unit="/".join(path),
            cause=cause,
            sites=sum(1 for site in everywhere.values() if site[: len(path)] == path),
        )
        for path in sorted(units)
        if not any(path[: len(above)] == above for above in (*(units - {path}), *there))
    ]


def _deepest(sites: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Units with enough sites that no unit below them counts for itself."""
    at: dict[tuple[str, ...], set[str]] = {}
    for site, path in sites.items():
        for depth in range(len(path) + 1):
            at.setdefault(path[:depth], set()).add(site)
    found: list[tuple[str, ...]] = []
    counted: set[str] = set()
    for path in sorted(at, key=lambda path: (-len(path), path)):
        left = at[path] - counted
        if len(left) >= LEAST_SITES:
            found.append(path)
            counted |= left
    return found


def _climbed(fresh: set[tuple[str, ...]], recent: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """The units of new incidents, with those above three children that are in it."""
    units = set(fresh)
    if not units:
        return units
    for depth in range(max(len(path) for path in units | recent), -1, -1):
        children: dict[tuple[str, ...], set[str]] = {}
        for path in units | recent:
            if len(path) > depth:
                children.setdefault(path[:depth], set()).add(path[depth])
        units |= {path for path, names in children.items() if len(names) >= LEAST_CHILDREN and path not in recent}
    return units


def _digest(unit: str) -> str:
    return sha256(unit.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def named(storm: Storm, event_id: str) -> Storm:
    """The same storm, with the event that tells it."""
    return msgspec.structs.replace(storm, event_id=event_id)
