"""Events in words, made where they are read: (kind, facts, because) and a language in, sentences out.

Pure. No sentence travels on the wire; a kind or reason that only a newer box knows still reads well. What is said
stands in sentences.py, the words of each language in protocol/texts. Flow: storage rows -> words -> page and API.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from string import Formatter
from typing import Any, Final

from collector.console import sentences
from protocol.kinds import KINDS, RESTORED, is_restore
from protocol.messages import BecauseRow
from protocol.texts import Texts
from protocol.timestamps import parse_time

_LONGEST_WORD: Final = 200
"""Characters of one fact in a sentence; a box's longest honest fact is a device's error text."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of an explanation: when (as on the wire) and what happened, in words."""

    at: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Sentences in one language about one box, whose points have names."""

    texts: Texts
    names: Mapping[str, str] = field(default_factory=dict)
    people: Callable[[str], str | None] = str
    zone: tzinfo = UTC

    def title(self, kind: str) -> str:
        """What this kind is called; the name itself for a kind that only a newer box knows."""
        known = KINDS.get(kind.removesuffix(RESTORED))
        title = self.texts(known.title) if known else kind.removesuffix(RESTORED)
        return self.texts(sentences.OVER_OTHERWISE).format(title=title) if is_restore(kind) else title

    def explanation(self, kind: str) -> str:
        """One line on what this kind means; empty for an unknown one."""
        known = KINDS.get(kind.removesuffix(RESTORED))
        return self.texts(known.explanation) if known else ""

    def headline(self, kind: str, source: str, facts: Mapping[str, Any]) -> str:
        """What happened, in one sentence; empty when the title says all that is known."""
        for template in (
            *sentences.HEADLINES_BY_REASON.get((kind, str(facts.get("reason", facts.get("what")))), ()),
            *sentences.HEADLINES.get(kind, ()),
        ):
            if (words := self._fill(template, source, facts)) is not None:
                return words
        if is_restore(kind):
            over = sentences.OVER.get(kind.removesuffix(RESTORED))
            return self.texts(over) if over else self.title(kind)
        reason = facts.get("reason")
        return self.reason(str(reason)) if reason else ""

    def decided(self, facts: Mapping[str, Any]) -> str:
        """The figure that decided on a picture, where the event has one."""
        if not all(type(facts.get(name)) in (int, float) for name in ("value", "limit")):
            return ""
        exact = {name: f"{facts[name]:.3g}" for name in ("value", "limit")}
        return self._fill(sentences.DECIDED, "", {**facts, **exact}) or ""

    def next_step(self, kind: str, site: str, facts: Mapping[str, Any]) -> str:
        """What a person does about it; empty where the procedure of the desk is all there is."""
        told = {"site": site, **facts}
        template = sentences.NEXT_STEPS.get(f"{kind}/{facts.get('reason')}") or sentences.NEXT_STEPS.get(kind)
        return (template and self._fill(template, "", told)) or ""

    def timeline(
        self, kind: str, source: str, at: str, facts: Mapping[str, Any], because: Sequence[BecauseRow]
    ) -> tuple[Step, ...]:
        """The `because` in words, in order of time, closed by the headline."""
        steps = [Step(at=when, text=self._happened(point, state, reason)) for when, point, state, reason in because]
        end = self.headline(kind, source, facts) or self.explanation(kind) or self.title(kind)
        for fact, words in sentences.ASIDES.items():
            if facts.get(fact):
                aside = self.texts(words).format(**{fact: self._fact(fact, facts[fact])})
                end = self.texts("{said}; {aside}").format(said=end.rstrip(".。"), aside=aside)
        return (*sorted(steps, key=lambda step: step.at), Step(at=at, text=end))

    def source(self, source: str, facts: Mapping[str, Any]) -> str:
        """What the event is about: the point's name, or the doors of an interlock."""
        doors = facts.get("doors")
        if source not in self.names and isinstance(doors, list) and doors:
            return self._joined([self.point(f"door/{door}") for door in doors])
        return self.point(source)

    def point(self, point: str) -> str:
        """The name people gave a point, or its family and id."""
        family, _, rest = point.partition("/")
        name = self.names.get(point)
        if name and family not in sentences.PARTS_OF_DOORS:
            return name
        if family == "device" and rest.count("/") == 2:
            panel, part, number = rest.split("/")
            form = sentences.PANEL_PARTS.get(part, sentences.PANEL_PARTS["zone"])
            return self.texts(form).format(panel=self.point(f"device/{panel}"), id=number)
        if family == "box" and not name and rest in sentences.PARTS_OF_BOX:
            return self.texts(sentences.PARTS_OF_BOX[rest])
        if family in sentences.FAMILIES and rest:
            called = name or self.names.get(f"door/{rest}") or self.names.get(f"interlock/{rest}") or rest
            return self.texts(sentences.FAMILIES[family]).format(id=called)
        return name or point

    def state(self, point: str, state: str) -> str:
        """The word for a point's state."""
        word = sentences.STATES_OF.get((point.partition("/")[0], state)) or sentences.STATES.get(state)
        return self.texts(word) if word else state

    def mark(self, mark: str) -> str:
        """The word for what else is true of a point."""
        word = sentences.MARKS.get(mark)
        return self.texts(word) if word else mark

    def reason(self, reason: str, point: str = "") -> str:
        """The words for a reason or cause, of this point where it is one's; itself where it is not in the table."""
        if word := sentences.REASONS_OF.get((point.partition("/")[0], reason)) or sentences.REASONS.get(reason):
            return self.texts(word)
        for form, word in sentences.REASON_FORMS:
            if found := re.fullmatch(form, reason):
                values = {name: self._part(name, each) for name, each in found.groupdict().items()}
                return self.texts(word).format(**values)
        return reason[:_LONGEST_WORD]

    def _part(self, name: str, text: str) -> str:
        """A value inside of a reason."""
        match name:
            case "door":
                return self.point(f"door/{text}")
            case "point":
                return self.point(text)
            case "kind":
                return self.title(text)
            case "measure":
                return self._fact("measure", text)
        return text

    def _happened(self, point: str, state: str, reason: str) -> str:
        said = self.texts("{point} {state}").format(point=self.point(point), state=self.state(point, state))
        return self.texts("{said}, {reason}").format(said=said, reason=self.reason(reason, point)) if reason else said

    def _fill(self, template: str, source: str, facts: Mapping[str, Any]) -> str | None:
        values: dict[str, str] = {}
        for _, name, _, _ in Formatter().parse(template):
            if name is None:
                continue
            if name == "source":
                values[name] = self.source(source, facts)
            elif name == "door":
                values[name] = self.point(f"door/{facts['door']}" if "door" in facts else source)
            elif facts.get(name) is None or facts[name] == []:
                return None
            else:
                values[name] = self._fact(name, facts[name])
        return _spaced(self.texts(template).format(**values))

    def _fact(self, name: str, value: Any) -> str:
        if isinstance(value, bool):
            return self.texts("yes") if value else self.texts("no")
        if isinstance(value, float):
            return f"{value:.1f}".removesuffix(".0")
        if name == "blocking" and isinstance(value, list):
            return self._joined([self._blocks(each) for each in value])
        if isinstance(value, list):
            return self._joined([self._fact(name, each) for each in value])
        text = str(value)
        if name in ("person", "people"):
            return (self.people(text) or text)[:_LONGEST_WORD]
        if name == "by" and (drafter := self.people(text)) not in (None, text):  # else a way: by button, by order
            return str(drafter)[:_LONGEST_WORD]
        if name in sentences.TIMES:
            return self._time(name, text)
        if word := sentences.FACT_WORDS_OF.get((name, text)):
            return self.texts(word)
        if name == "kind":
            return self.title(text[:_LONGEST_WORD])
        if "/" in text and (text in self.names or name == "confirmed_by"):
            return self.point(text)
        if name == "bypassed":
            return self.point(f"zone/{text.removeprefix('zone/')}")
        if text in sentences.FACT_WORDS:
            return self.texts(sentences.FACT_WORDS[text])
        return self.reason(text)

    def _blocks(self, pair: Any) -> str:
        """What prevents an arming: a point and why."""
        if not isinstance(pair, list) or len(pair) != 2:
            return self._fact("", pair)
        point, why = str(pair[0]), str(pair[1])
        said = self.state(point, why)
        return self.texts("{point} {state}").format(
            point=self.point(point), state=self.reason(why) if said == why else said
        )

    def _time(self, name: str, text: str) -> str:
        try:
            local = parse_time(text).astimezone(self.zone)
        except (ValueError, OverflowError):
            return text[:_LONGEST_WORD]
        return f"{local:%m-%d %H:%M}" if name == "until" else f"{local:%H:%M}"

    def _joined(self, words: Sequence[str]) -> str:
        return self.texts(", ").join(words)


def _spaced(sentence: str) -> str:
    """A blank between a Latin name or figure and the Chinese word after it, as Chinese typesetting wants it."""
    return re.sub(r"(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])", " ", sentence)
