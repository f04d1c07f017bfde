"""What a notice says: level, what, where, when, what next, how to answer; in the reader's language. Pure.

A channel outside the bank gets "log in" and the alarm's number, nothing else. Flow: rows -> here -> port.Message.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from collector.console.wording import Wording
from collector.notify.addresses import Reach
from collector.notify.fitting import MOST_SEGMENTS, fit, segments
from collector.notify.port import About, Message
from collector.notify.records import Notice, Sort
from collector.notify.templates import Texts
from collector.storage.notice_sending import AlarmFacts
from collector.times import local, zone_of
from protocol.texts import texts_for

LONGEST_NAME: Final = 60
"""Characters of a name in a text message; the rest of a longer one stands at the desk."""

LEAST_GRAVE: Final = 5

WHY: Final[Mapping[str, str]] = {
    "response": "unanswered",
    "untaken": "unanswered",
    "stall": "stalled",
    "review": "review",
    "follow": "follow",
}
"""Why somebody is reminded (escalation/telling.py) -> the word for it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Saying:
    """What is known when a notice leaves."""

    notice: Notice
    reach: Reach
    alarm: AlarmFacts | None
    outside: bool
    replies: bool
    link: str
    names: Mapping[str, str] = field(default_factory=dict)


def message_of(saying: Saying, texts: Texts, named: Callable[[str], str]) -> Message:
    """The message of a notice; `named` gives a person's name."""
    notice, alarm = saying.notice, saying.alarm
    text = _text_of(saying)
    fields = _fields(saying, texts, named)
    number = alarm.number if alarm is not None else 0

    def short(cut: Mapping[str, str]) -> str:
        return " ".join(texts.fill(text, "short", cut).split())

    return Message(
        id=notice.id,
        sort=notice.sort.value,
        to=saying.reach.address,
        language=saying.reach.language,
        level=notice.level,
        short=_fitted(short, fields, alarm),
        subject=" ".join(texts.fill(text, "subject", fields).split()),
        body=_tidy(texts.fill(text, "body", fields)),
        voice=" ".join(texts.fill(text, "voice", fields).split()),
        link=saying.link,
        code=notice.code,
        number=number,
        perhaps=notice.perhaps,
        alarm=None if saying.outside or alarm is None else about(alarm),
    )


def _fitted(draw: Callable[[Mapping[str, str]], str], fields: Mapping[str, str], alarm: AlarmFacts | None) -> str:
    """In two messages; a Chinese name in an English text costs half of its places, so the site's id stands there."""
    text = fit(draw, fields)
    if segments(text) > MOST_SEGMENTS and alarm is not None and "site" in fields:
        return fit(draw, {**fields, "site": alarm.site})
    return text


def about(alarm: AlarmFacts) -> About:
    """An alarm as an adapter may look at it."""
    return About(
        id=alarm.id,
        number=alarm.number,
        site=alarm.site,
        site_name=alarm.site_name,
        unit=alarm.unit,
        timezone=alarm.timezone,
        kind=alarm.kind,
        event_class=alarm.event_class,
        level=alarm.level,
        source=alarm.source,
        state=alarm.state,
        opened_ms=alarm.opened_ms,
        at_ms=alarm.at_ms,
        respond_by_ms=alarm.respond_by_ms,
        holder=alarm.holder or "",
        score=alarm.score,
        restored_ms=alarm.restored_ms,
        facts=alarm.facts,
    )


def _text_of(saying: Saying) -> str:
    sort = saying.notice.sort
    if sort is Sort.PROOF:
        return "proof" if saying.notice.code else "test"
    if sort is Sort.DIGEST:
        return "outside_digest" if saying.outside else "digest"
    if saying.outside or saying.alarm is None:
        return "outside"
    return sort.value


def _fields(saying: Saying, texts: Texts, named: Callable[[str], str]) -> dict[str, str]:
    notice, alarm, told = saying.notice, saying.alarm, saying.notice.facts.told
    code, link = notice.code if saying.replies or notice.sort is Sort.PROOF else "", saying.link
    fields = {
        "again": texts.word("again") if notice.perhaps else "",
        "level": texts.level(notice.level),
        "code": code,
        "link": link,
        "answer": _answer(texts, code, link),
        "spoken": _spoken(texts, notice, code),
        "number": str(alarm.number) if alarm is not None else "",
        "count": str(told.get("count", "")),
    }
    if alarm is None or saying.outside:
        return fields
    wording = Wording(texts=texts_for(saying.reach.language), names=saying.names, zone=zone_of(alarm.timezone))
    at = local(alarm.at_ms, alarm.timezone)
    return fields | {
        "level": texts.level(alarm.level),
        "what": wording.title(alarm.kind)[:LONGEST_NAME],
        "headline": _headline(wording, alarm),
        "site": alarm.site_name[:LONGEST_NAME],
        "unit": alarm.unit,
        "when": f"{at:%H:%M:%S}",
        "date": f"{at:%Y-%m-%d}",
        "holder": named(alarm.holder) if alarm.holder else "",
        "next": _next(texts, alarm, notice, told, named),
        "risen": _risen(texts, alarm, told),
    }


def _headline(wording: Wording, alarm: AlarmFacts) -> str:
    said = wording.headline(alarm.kind, alarm.source, alarm.facts)
    source = wording.source(alarm.source, alarm.facts)
    return said if not source or source in said else f"{source}: {said}" if said else source


def _next(texts: Texts, alarm: AlarmFacts, notice: Notice, told: Mapping[str, Any], named: Callable[[str], str]) -> str:
    why = str(told.get("why", ""))
    if notice.sort is Sort.REMINDER and why in WHY:
        return texts.word(WHY[why])
    if alarm.holder:
        return texts.word("held", holder=named(alarm.holder)[:LONGEST_NAME])
    if alarm.respond_by_ms is None:
        return ""
    if alarm.respond_by_ms <= notice.queued_ms:
        return texts.word("unanswered")
    return texts.word("respond", until=f"{local(alarm.respond_by_ms, alarm.timezone):%H:%M:%S}")


def _risen(texts: Texts, alarm: AlarmFacts, told: Mapping[str, Any]) -> str:
    """From which level to which, where that is why it is told; a damaged row says nothing of it."""
    was = told.get("risen")
    if type(was) is not int or not alarm.level < was <= LEAST_GRAVE:
        return ""
    return texts.word("risen", was=texts.level(was), level=texts.level(alarm.level))


def _answer(texts: Texts, code: str, link: str) -> str:
    if code and link:
        return texts.word("reply_or_link", code=code, link=link)
    if code:
        return texts.word("reply", code=code)
    return texts.word("link", link=link) if link else ""


def _spoken(texts: Texts, notice: Notice, code: str) -> str:
    spelt = " ".join(code)
    if not code or notice.sort is Sort.PROOF:
        return spelt
    return texts.word("spoken", code=spelt)


def _tidy(text: str) -> str:
    """Without the gaps that empty fields leave."""
    lines: list[str] = []
    for line in (each.rstrip() for each in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip() + "\n"
