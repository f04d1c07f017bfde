"""Whether rules make sense together: names, holes, loops, reach, order, ends. Pure; every fault at once.

Each check yields `(path, sentence)`, the path below the table of `Rules` that it is about. A fault refuses the folder,
a warning does not. Flow: folder.py's rules and what is known -> here -> faults with file and line.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from collector.alarms.clocks import calendar_faults
from collector.rules import reaching
from collector.rules.knowing import Known
from collector.rules.shapes import Policy, PolicyStep, ProcedureStep, Rules, StepKind, When
from protocol.kinds import KINDS
from protocol.settings import Problem, did_you_mean
from protocol.site.hours_checks import days
from protocol.texts import Said, said

SHORTEST_REPEAT: Final = timedelta(seconds=10)
LONGEST_REPEAT: Final = timedelta(days=1)
LONGEST_AFTER: Final = timedelta(days=7)

GRAVE: Final = frozenset({1, 2})
"""Levels that may not be left alone."""

LEVELS: Final = frozenset(range(1, 6))
MINUTES: Final = 24 * 60

ROBBERIES: Final = ("zone.hold_up", "zone.duress")
"""What a police receiver hears of in the same second as the desk."""


def faults(rules: Rules, known: Known) -> Iterator[Problem]:
    """Why these rules are refused; nothing where they are sound."""
    yield from _doubled(rules)
    yield from holes(rules.policy)
    for index, policy in enumerate(rules.policy):
        yield from _policy(("policy", index), policy)
    yield from reaching.faults(rules, known)
    for index, procedure in enumerate(rules.procedure):
        yield from _kinds(("procedure", index, "when", "kinds"), procedure.when.kinds)
        for at, step in enumerate(procedure.step):
            if (fault := _lacks(step)) is not None:
                yield ("procedure", index, "step", at, "kind"), fault
    wrong = [(("calendar", *path), fault) for path, fault in days(rules.calendar)]
    yield from wrong
    blank = not all((*rules.calendar.holidays, *rules.calendar.working))  # what folder.py found to be no day
    if not wrong and not blank:  # a calendar with days that are none cannot be asked
        for fault in calendar_faults(rules.calendar, known.today).faults:
            yield ("calendar",), fault


def warnings(rules: Rules, known: Known) -> Iterator[Problem]:
    """What is worth a look and refuses nothing."""
    for index, policy in enumerate(rules.policy):
        yield from _places(("policy", index, "when"), policy.when, known)
    for index, procedure in enumerate(rules.procedure):
        yield from _places(("procedure", index, "when"), procedure.when, known)
    for index, kind in _robberies(rules.policy, known):
        text = said(
            'an alarm "{kind}" under this policy is told to no receiver at once: add a step with after = "0s", '
            'tell = ["receiver/{receiver}"]',
            kind=kind,
            receiver=min(known.receivers),
        )
        yield ("policy", index), text
    for index, site in enumerate(rules.site):
        if site.unit and known.sites and not _has_sites(site.unit, known):
            yield ("site", index, "unit"), said('no site of the unit "{unit}" is known to this centre', unit=site.unit)
        if site.site and known.sites and site.site not in known.sites:
            yield ("site", index, "site"), said('the site "{site}" is not known to this centre', site=site.site)
    for index, procedure in enumerate(rules.procedure):
        for at, step in enumerate(procedure.step):
            if step.camera and known.cameras and step.camera not in known.cameras:
                text = said('no site has a camera "{camera}"', camera=step.camera)
                yield ("procedure", index, "step", at, "camera"), text
    for warning in calendar_faults(rules.calendar, known.today).warnings:
        yield ("calendar",), warning


def _doubled(rules: Rules) -> Iterator[Problem]:
    names: Sequence[tuple[str, str, Iterable[str | None]]] = (
        ("policy", "name", (each.name for each in rules.policy)),
        ("rota", "name", (each.name for each in rules.rota)),
        ("group", "name", (each.name for each in rules.group)),
        ("contact", "person", (each.person for each in rules.contact)),
        ("procedure", "name", (each.name for each in rules.procedure)),
        ("site", "site", (each.site for each in rules.site)),
        ("site", "unit", (None if each.site else each.unit or None for each in rules.site)),
    )
    for table, key, values in names:
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value and value in seen:
                yield (table, index, key), said('there are two of "{name}"', name=value)
            if value:
                seen.add(value)


def holes(policies: Sequence[Policy]) -> Iterator[Problem]:
    """A catch-all must take every level at every hour at every site."""
    everywhere = [
        policy.when for policy in policies if not (policy.when.unit or policy.when.kinds or policy.when.sites)
    ]
    gaps: dict[tuple[int, int], list[int]] = {}
    for level in sorted(LEVELS):
        open_minutes = [True] * MINUTES
        for when in everywhere:
            if not when.levels or level in when.levels:
                for minute in _minutes(when.hours):
                    open_minutes[minute] = False
        if all(open_minutes):
            gaps.setdefault((0, MINUTES), []).append(level)
        elif any(open_minutes):  # the first that begins in the day; it may go over midnight
            first = next(each for each in range(MINUTES) if open_minutes[each] and not open_minutes[each - 1])
            length = next(each for each in range(1, MINUTES) if not open_minutes[(first + each) % MINUTES])
            gaps.setdefault((first, (first + length) % MINUTES), []).append(level)
    for (first, end), levels in gaps.items():
        named = ", ".join(str(each) for each in levels)
        if end == MINUTES:
            text = said(
                "no policy takes level {level} at every site: add a catch-all [[policy]] without when", level=named
            )
        else:
            text = said(
                "no policy takes level {level} from {begin} to {end} at every site: add a catch-all [[policy]] "
                "without when",
                level=named,
                begin=_clock(first),
                end=_clock(end),
            )
        yield ("policy",), text


def _robberies(policies: Sequence[Policy], known: Known) -> Iterator[tuple[int, str]]:
    """Policies under which a robbery reaches no receiver beside the desk, where collector.toml has one (DOMAIN 3)."""
    left = {kind: set(range(MINUTES)) for kind in ROBBERIES}
    for index, policy in enumerate(policies if known.receivers else ()):
        when, quiet = policy.when, ""
        for kind in ROBBERIES:
            if (when.levels and 1 not in when.levels) or (when.kinds and kind not in when.kinds):
                continue
            if not (when.unit or when.sites):  # behind one that takes everything it takes nothing
                if left[kind].isdisjoint(_minutes(when.hours)):
                    continue
                left[kind].difference_update(_minutes(when.hours))
            quiet = quiet or ("" if any(_at_once(step, kind) for step in policy.step) else kind)
        if quiet:
            yield index, quiet


def _at_once(step: PolicyStep, kind: str) -> bool:
    tells = any(target.startswith("receiver/") for target in step.tell)
    return tells and not step.after and (not step.only_kinds or kind in step.only_kinds)


def _minutes(hours: str | None) -> Iterable[int]:
    if hours is None:
        return range(MINUTES)
    begins, ends = (int(each[:2]) * 60 + int(each[3:]) for each in hours.split("-"))
    if begins < ends:
        return range(begins, ends)
    return (*range(begins, MINUTES), *range(ends))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _policy(place: tuple[str | int, ...], policy: Policy) -> Iterator[Problem]:
    yield from _kinds((*place, "when", "kinds"), policy.when.kinds)
    yield from _order(place, policy.step)
    if policy.step and all(step.only_kinds for step in policy.step):
        yield (
            (*place, "step"),
            said(
                "every step is for some kinds only, so other alarms are told to nobody: add a step without only_kinds"
            ),
        )
    grave = GRAVE & set(policy.when.levels or LEVELS)
    if grave and policy.repeat is None:
        yield (*place, "repeat"), said("levels 1 and 2 are told until somebody takes them: give repeat a time")
    if grave and policy.times:
        yield (*place, "times"), said("levels 1 and 2 are told until somebody takes them: leave times out")
    if policy.repeat is not None and not SHORTEST_REPEAT <= policy.repeat <= LONGEST_REPEAT:
        yield (*place, "repeat"), said("repeat is from 10 s to one day")


def _order(place: tuple[str | int, ...], steps: Sequence[PolicyStep]) -> Iterator[Problem]:
    """Steps stand in the order of their times; those for some kinds only run beside the others."""
    latest: dict[tuple[str, ...], timedelta] = {}
    for index, step in enumerate(steps):
        yield from _kinds((*place, "step", index, "only_kinds"), step.only_kinds)
        track = tuple(sorted(step.only_kinds))
        if step.after < latest.get(track, timedelta(0)):
            text = said("this step comes before the one above it: write the steps in the order of their times")
            yield (*place, "step", index, "after"), text
        elif step.after > LONGEST_AFTER:
            yield (*place, "step", index, "after"), said("a step comes within seven days")
        latest[track] = max(step.after, latest.get(track, timedelta(0)))


def _lacks(step: ProcedureStep) -> Said | None:
    """What the kind of a step needs and it has not; the operator calls no number but the one that stands there."""
    if step.kind is StepKind.WAIT and step.wait is None:
        return said('a step of kind "wait" needs wait, like "2m"')
    if step.kind is StepKind.CALL and not step.number.strip():
        return said(
            'a step of kind "call" needs number, like "0755 5550 0131"; where each branch has its own, '
            'write kind = "speak"'
        )
    return None


def _kinds(place: tuple[str | int, ...], kinds: Sequence[str]) -> Iterator[Problem]:
    for index, kind in enumerate(kinds):
        if kind not in KINDS:
            yield (*place, index), did_you_mean(said('there is no kind "{kind}"', kind=kind), kind, KINDS)


def _places(place: tuple[str | int, ...], when: When, known: Known) -> Iterator[Problem]:
    if when.unit and known.sites and not _has_sites(when.unit, known):
        yield (*place, "unit"), _no_site(when.unit, known)
    for index, site in enumerate(when.sites):
        if known.sites and site not in known.sites:
            text = did_you_mean(said('the site "{site}" is not known to this centre', site=site), site, known.sites)
            yield (*place, "sites", index), text


def _has_sites(unit: str, known: Known) -> bool:
    return any(each == unit or each.startswith(unit + "/") for each in known.sites.values())


def _no_site(unit: str, known: Known) -> Said:
    text = said('no site of the unit "{unit}" is known to this centre', unit=unit)
    return did_you_mean(text, unit, set(known.sites.values()))
