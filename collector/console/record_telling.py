"""What an entry of an alarm's record says beyond its word: whom, until when, which step, how it ended. Pure.

Hours are those of the alarm's site. Flow: facts of the journal -> lines below the entry (telling.py, desk_alarm.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.alarms.words import Resolution, Verified, Way, Whom
from collector.console import desk_words, policy_words
from collector.console.life_words import SCORES, VERIFIED, WHOM
from collector.console.pages import level_word
from collector.procedures.progress import step_of
from collector.storage.records import AlarmStep
from collector.times import local, wire_ms
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_STEPS: Final = {"done": N_("done: {step}"), "skipped": N_("skipped: {step}")}
_ANSWERED: Final = {Way.LINK: N_("by the link of a notice"), Way.REPLY: N_("by a reply to a notice")}


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the sentences need beside the facts."""

    texts: Texts
    person: Callable[[str], str | None]
    timezone: str
    steps: Mapping[int, AlarmStep]


def about(action: str, facts: Mapping[str, Any], around: Around) -> str | None:
    """The lines of one entry, without what a person wrote; None where its word says all."""
    lines = [*_lines(action, facts, around)]
    way = facts.get("way")
    if way in set(_ANSWERED):
        lines.append(around.texts(_ANSWERED[Way(way)]))
    return "\n".join(line for line in lines if line) or None


def written(facts: Mapping[str, Any], timezone: str, texts: Texts) -> str:
    """What was written down with a step, in the order in which it is asked."""
    said = dict(facts)
    if said.get("at"):
        said["at"] = _hour(wire_ms(str(said["at"])), timezone)
    told = [str(said[name]) for name in ("number", "person", "at", "result", "text") if said.get(name)]
    return texts(N_(", ")).join(told)


def _lines(action: str, facts: Mapping[str, Any], around: Around) -> Iterable[str]:
    _ = around.texts
    if action == "told":
        yield from _told(facts, around)
    if facts.get("given_to"):
        yield _(N_("to {name}")).format(name=around.person(facts["given_to"]) or facts["given_to"])
    if facts.get("whom") in set(Whom):
        yield _(WHOM[Whom(facts["whom"])])
    if facts.get("until_ms"):
        said = _second if action == "paused" else _hour  # three minutes are told to the second
        yield _(N_("until {time}")).format(time=said(int(facts["until_ms"]), around.timezone))
    if facts.get("resolution") in set(Resolution):
        yield _(desk_words.RESOLUTIONS[Resolution(facts["resolution"])])
    if facts.get("verified_by") in set(Verified):
        yield _(VERIFIED[Verified(facts["verified_by"])])
    if isinstance(score := facts.get("score"), int) and 0 <= score < len(SCORES):
        yield f"{score} · {_(SCORES[score])}"
    if action == "raised" and facts.get("level") in policy_words.LEVELS:
        yield level_word(_, facts["level"])
    if action == "step" and facts.get("outcome") in _STEPS:
        yield from _step(facts, around)


def _step(facts: Mapping[str, Any], around: Around) -> Iterable[str]:
    row = around.steps.get(facts.get("step", -1))
    name = step_of(row).text if row is not None else str(facts.get("step_kind", ""))
    words = _STEPS[facts["outcome"]]
    yield around.texts(words).format(step=name)
    yield written({**facts, "text": ""}, around.timezone, around.texts)


def _told(facts: Mapping[str, Any], around: Around) -> Iterable[str]:
    """Whom a step of the escalation told, and whom it did not reach."""
    missed = set(facts.get("missed") or {})
    reached = [name for name in facts.get("targets") or () if name not in missed]
    for words, names in ((N_("told: {who}"), reached), (N_("reached nobody: {who}"), sorted(missed))):
        if names:
            targets = (policy_words.target(str(name), around.texts, around.person) for name in names)
            yield around.texts(words).format(who=around.texts(N_(", ")).join(targets))


def _hour(at_ms: int, timezone: str) -> str:
    return f"{local(at_ms, timezone):%m-%d %H:%M}"


def _second(at_ms: int, timezone: str) -> str:
    return f"{local(at_ms, timezone):%m-%d %H:%M:%S}"
