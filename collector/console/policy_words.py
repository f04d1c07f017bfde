"""Policies, rotas and targets as sentences: who is told when, by what way, and what ends it. Pure.

Flow: rules (protocol/rules) -> lines of the page of escalation, in the reader's language.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from collector.console import desk_words
from collector.people import PersonRole
from collector.rules.shapes import Policy, PolicyStep, Until, When
from protocol.kinds import KINDS
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LEVELS: Final = (1, 2, 3, 4, 5)

_TARGETS: Final = {
    "desk": N_("the people at the desk"),
    "holder": N_("whoever holds the alarm"),
    "site/contact": N_("the site's contact"),
    "site/security_officer": N_("the site's security officer"),
    "site/responsible": N_("the responsible department"),
    "site/functional": N_("the functional department"),
}
_FAMILIES: Final = {
    "role": N_("everybody who is {name}"),
    "rota": N_("rota {name}"),
    "group": N_("group {name}"),
    "receiver": N_("receiver {name}"),
}
_ENDS: Final = {
    Until.ACKNOWLEDGED: N_("until somebody takes the alarm"),
    Until.DISPATCHED: N_("until somebody was sent"),
    Until.RESOLVED: N_("until the alarm is resolved"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step of a policy: when, whom, and the small print."""

    when: str
    whom: str
    more: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """A policy as it is read out."""

    name: str
    fits: str
    lines: tuple[Line, ...]
    ends: str


def of_level(policies: Sequence[Policy], level: int) -> tuple[Policy, ...]:
    """Those that an alarm of this level may meet: the narrowest unit first, as it is chosen, then as written."""
    fitting = [policy for policy in policies if not policy.when.levels or level in policy.when.levels]
    return tuple(sorted(fitting, key=lambda policy: -len(_parts(policy.when.unit))))


def told(policy: Policy, texts: Texts, person: Callable[[str], str | None]) -> Told:
    """A policy in sentences; `person` gives the name behind an id."""
    return Told(
        name=policy.name,
        fits=fits(policy.when, texts),
        lines=tuple(_line(step, texts, person) for step in policy.step),
        ends=_ends(policy, texts),
    )


def fits(when: When, texts: Texts) -> str:
    """Which alarms it is for; all where nothing is named."""
    said: list[str] = []
    if when.unit:
        said.append(when.unit.replace("/", " / "))
    if when.sites:
        said.append(_few(when.sites, texts))
    if when.hours:
        said.append(when.hours.replace("-", " – "))
    if when.kinds:
        said.append(_kinds(when.kinds, texts))
    return " · ".join(said) or texts(N_("everywhere, at every hour"))


def target(name: str, texts: Texts, person: Callable[[str], str | None] = lambda _: None) -> str:
    """Whom a target means: desk, role/shift_leader, person/li ..."""
    if name in _TARGETS:
        return texts(_TARGETS[name])
    family, _, rest = name.partition("/")
    if family == "person":
        return person(rest) or rest
    if family == "role":
        role = next((each for each in PersonRole if each.value == rest), None)
        word = texts(desk_words.ROLES[role]) if role is not None else rest
        return texts(_FAMILIES[family]).format(name=word)
    known = _FAMILIES.get(family)
    return name if known is None else texts(known).format(name=rest)


def lasting(span: timedelta, texts: Texts) -> str:
    """30 s, 2 min, 1 h 30 min."""
    seconds = round(span.total_seconds())
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = ((hours, N_("{n} h")), (minutes, N_("{n} min")), (rest, N_("{n} s")))
    said = [texts(words).format(n=count) for count, words in parts if count]
    return " ".join(said) or texts(N_("{n} s")).format(n=0)


def channels(names: Iterable[str], texts: Texts) -> str:
    """By mail, then sms."""
    return texts(N_(", then ")).join(names)


def _line(step: PolicyStep, texts: Texts, person: Callable[[str], str | None]) -> Line:
    more = []
    if step.by:
        more.append(texts(N_("by {channels}")).format(channels=channels(step.by, texts)))
    if step.only_kinds:
        more.append(texts(N_("only for {kinds}")).format(kinds=_kinds(step.only_kinds, texts)))
    return Line(
        when=texts(N_("at once"))
        if not step.after
        else texts(N_("after {time}")).format(time=lasting(step.after, texts)),
        whom=texts(N_(", ")).join(target(name, texts, person) for name in step.tell),
        more=" · ".join(more),
    )


def _ends(policy: Policy, texts: Texts) -> str:
    end = texts(_ENDS[policy.until])
    if policy.repeat is None:
        return texts(N_("The chain is not repeated; it ends {when}.")).format(when=end)
    values: Mapping[str, object] = {"time": lasting(policy.repeat, texts), "when": end, "times": policy.times}
    if policy.times:
        return texts(N_("The last step again every {time}, {times} times at most, {when}.")).format(**values)
    return texts(N_("The last step again every {time}, {when}.")).format(**values)


def _kinds(kinds: Iterable[str], texts: Texts) -> str:
    return _few(tuple(texts(KINDS[kind].title) if kind in KINDS else kind for kind in kinds), texts)


def _few(names: Sequence[str], texts: Texts, most: int = 6) -> str:
    """The first few names, and how many more there are."""
    shown = texts(N_(", ")).join(names[:most])
    more = len(names) - most
    return shown if more <= 0 else f"{shown} {texts(N_('and {n} more')).format(n=more)}"


def _parts(unit: str) -> tuple[str, ...]:
    return tuple(part for part in unit.split("/") if part)
