"""One alarm as the desk shows it: how it stands, what can be done and by which key, what is still to do. Pure.

Everything that is asked of storage was asked before; who may do what, `alarms/lifecycle.possible` says. Flow: rows and
words -> values of templates/alarm.html.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from collector.alarms.clocks import respond_from_ms
from collector.alarms.lifecycle import possible
from collector.alarms.words import Move, Stands
from collector.console import life_words, move_words, policy_words, quiet_words
from collector.console.asking import Asker
from collector.console.life_telling import reasons
from collector.console.record_telling import written
from collector.console.telling import Telling, iso, respond_by_ms
from collector.console.wording import Wording
from collector.notify import reasons as failures
from collector.notify.records import CONTACT, RECEIVER, Notice, NoticeState
from collector.people import Person, PersonRole
from collector.procedures.progress import step_of, waits_from
from collector.rules.shapes import StepKind
from collector.storage.life_reading import Member, Shelter
from collector.storage.records import HELD_STATES, OPEN_STATES, AlarmDetail, AlarmRow, AlarmState, AlarmStep
from collector.storms.breaking import breaks_through
from collector.storms.records import Sort, Why
from collector.storms.suspending import MAY
from collector.times import day_end_ms
from protocol.texts import Said, Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

GRAVE: Final = 2
MOST_GROUPED: Final = 8
"""Sentences about how events came together; the record has them all."""
HANDLING: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})


@dataclass(frozen=True, kw_only=True)
class Button:
    """One move that is offered."""

    move: str
    word: str
    key: str
    main: bool = False
    wide: bool = False
    blocked: bool = False


def stands(detail: AlarmDetail, now_ms: int) -> Stands:
    """How the alarm stands, as the table of moves looks at it; somebody to hand it to is chosen later."""
    row = detail.alarm
    return Stands(
        state=row.state,
        holder=row.holder,
        level=row.level,
        handlers=frozenset(row.handlers),
        order_givers=detail.order_givers,
        open_steps=_open_positions(detail.steps),
        heir=True,
        follow_by_ms=row.follow_by_ms,
        now_ms=now_ms,
    )


def moves(detail: AlarmDetail, person: Person, now_ms: int) -> tuple[Move, ...]:
    """What this person could do now."""
    return possible(stands(detail, now_ms), person.id, person.roles)


def offered(
    can: Sequence[Move], detail: AlarmDetail, person: Person, texts: Texts
) -> tuple[list[Button], list[Button]]:
    """The buttons beside the alarm, the main one first, and those of the menu."""
    open_steps = _open_positions(detail.steps)
    stepping = Move.STEP in can and any(step.state == "open" for step in detail.steps)
    wanted = [move for move in can if move in move_words.MOVES]
    if detail.alarm.holder not in (None, person.id) and Move.TAKE_OVER in wanted:
        # A shift leader may, but another holds it: taking it over comes first, the rest is in the menu.
        beside: tuple[Move, ...] = (Move.NOTE,)
    else:
        beside = move_words.BESIDE
    main = None if stepping and open_steps else next((move for move in move_words.MAIN if move in wanted), None)
    shown = [move for move in beside if move in wanted and move is not main]

    def button(move: Move) -> Button:
        word, key = move_words.MOVES[move]
        blocked = move is Move.RESOLVE and bool(open_steps)
        return Button(move=move.value, word=texts(word), key=key, main=move is main, blocked=blocked)

    first = [button(main)] if main is not None else []
    pairs = [button(move) for move in shown]
    if len(pairs) % 2:
        pairs[-1] = replace(pairs[-1], wide=True)
    rest = [button(move) for move in wanted if move is not main and move not in shown]
    return [*first, *pairs], rest


def blocked(detail: AlarmDetail, can: Sequence[Move], texts: Texts) -> str:
    """Why an alarm cannot be resolved yet."""
    count = len(_open_positions(detail.steps))
    if not count or Move.RESOLVE not in can:
        return ""
    if count == 1:
        return texts(N_("One step of the procedure is open. Do it or skip it with a reason; then you can resolve."))
    said = N_("{count} steps of the procedure are open. Do them or skip them with a reason; then you can resolve.")
    return texts(said).format(count=count)


def why_not(detail: AlarmDetail, can: Sequence[Move], person: Person, holder: str | None, texts: Texts) -> str:
    """Why somebody who looks can do little here; nothing where that is plain."""
    row = detail.alarm
    acting = [move for move in can if move is not Move.NOTE]
    if row.state in HELD_STATES and row.holder != person.id and holder:
        return texts(N_("{holder} is handling this alarm.")).format(holder=holder)
    if acting or row.state is AlarmState.CLOSED:
        return ""
    if row.state in OPEN_STATES:
        return texts(N_("You may read this alarm; handling is for the people on duty."))
    if person.id in row.handlers or person.id == row.holder:
        return texts(N_("You handled this alarm; somebody else reviews and closes it."))
    if row.state is AlarmState.RESOLVED and person.id in detail.order_givers:
        return texts(N_("You gave an order for this site while the alarm was open; somebody else reviews it."))
    if row.state is AlarmState.RESOLVED:
        return texts(N_("It waits for a reviewer."))
    return texts(N_("It waits for its follow-up: a shift leader, the centre director or a security officer closes it."))


def clocks(row: AlarmRow) -> dict[str, Any]:
    """The clocks that run: response, review, follow-up; each with its end and from when it counts."""
    respond = respond_by_ms(row)
    review = day_end_ms(row.resolved_ms, row.timezone) if row.state is AlarmState.RESOLVED and row.resolved_ms else None
    follow = row.follow_by_ms if row.state is not AlarmState.CLOSED else None
    return {
        "respond": None if respond is None else _clock(respond, respond_from_ms(row.level, respond)),
        "review": _clock(review, row.resolved_ms or row.opened_ms),
        "follow": _clock(follow, row.opened_ms),
    }


def checklist(
    detail: AlarmDetail, can: Sequence[Move], shots: Mapping[str, str], telling: Telling, texts: Texts
) -> dict[str, Any] | None:
    """The procedure, each step with what its kind needs; `shots` are the slots of cameras that took a picture."""
    if not detail.steps:
        return None
    taken_ms = detail.alarm.acknowledged_ms or detail.alarm.opened_ms
    current = next((step.position for step in detail.steps if step.state == "open"), None)
    shown = []
    for step in detail.steps:
        line = step_of(step)
        since_ms = waits_from(detail.steps, step.position, taken_ms)
        wait_ms = None if line.wait is None else since_ms + line.wait // timedelta(milliseconds=1)
        shown.append(
            {
                "position": step.position,
                "kind": step.kind,
                "text": line.text,
                "required": step.required,
                "state": step.state,
                "current": step.position == current and detail.alarm.state in HELD_STATES,
                "main": step.position == current and bool(_open_positions(detail.steps)),  # else resolving is
                "may": Move.STEP in can,
                "verb": texts(move_words.STEP_VERBS[StepKind(step.kind)]),
                "number": line.number,
                "camera": line.camera.removeprefix("camera/"),
                "shot": shots.get(line.camera.removeprefix("camera/"), ""),
                "wait_until_ms": wait_ms,
                "wait_from_ms": since_ms,
                "at": "" if step.at_ms is None else iso(step.at_ms),
                "by": telling.person(step.person) or "",
                "said": written(step.facts, detail.alarm.timezone, texts),
            }
        )
    return {"name": detail.alarm.procedure, "steps": shown}


def score(row: AlarmRow, asked: Asker, telling: Telling) -> dict[str, Any] | None:
    """The AVS-01 score and why."""
    if row.score is None or not 0 <= row.score < len(life_words.SCORES):
        return None
    return {
        "value": row.score,
        "word": asked.texts(life_words.SCORES[row.score]),
        "by": telling.person(row.score_by) if row.score_by else "",
        "reasons": list(dict.fromkeys(reasons(row, asked, telling))),
    }


def told_to(rows: Iterable[Notice], telling: Telling, texts: Texts) -> list[dict[str, Any]]:
    """Who was told by which way when, and what became of it."""
    return [
        {
            "who": _whom(row, telling, texts),
            "channel": "" if row.channel == row.target else row.channel,
            "at": iso(row.answered_ms or row.read_ms or row.delivered_ms or row.sent_ms or row.queued_ms),
            "state": texts(N_("answered")) if row.answered_ms else texts(quiet_words.NOTICES[row.state]),
            "look": "failed" if row.state is NoticeState.FAILED else "",
            "perhaps": row.perhaps,
            "reason": failures.why(row.reason, receiver=row.target.startswith(RECEIVER)).told(texts)
            if row.reason
            else "",
        }
        for row in rows
    ]


def happens(ahead: tuple[int, Said] | None, texts: Texts) -> list[dict[str, Any]]:
    """What happens when nobody acts."""
    if ahead is None:
        return []
    at_ms, said = ahead
    return [{"at": iso(at_ms), "text": said.told(texts)}]


def grouped(links: Sequence[tuple[str, Mapping[str, Any]]], wording: Wording, texts: Texts) -> list[str]:
    """Why other events stand in this alarm, and why it rose; each sentence once."""
    joined = sum(1 for part, why in links if part == "joined" and why.get("rule") == "same_source")
    said: list[str] = []
    if joined:
        window_s = max(int(why.get("window_s", 0)) for _, why in links if why.get("rule") == "same_source")
        once = N_("The same point told it once more within {time}: one alarm.")
        words = once if joined == 1 else N_("The same point told it again within {time}, {count} times: one alarm.")
        span = policy_words.lasting(timedelta(seconds=window_s), texts)
        said.append(texts(words).format(time=span, count=joined))
    for part, why in links:
        if why.get("rule") != "composite":
            continue
        said.append(_composite(part, why, wording, texts))
    return list(dict.fromkeys(said))[:MOST_GROUPED]


def quiet(row: AlarmRow, shelter: Shelter | None, wording: Wording, texts: Texts) -> dict[str, Any] | None:
    """What keeps it quiet; nothing for an alarm that stands in the queue."""
    if row.shelter is None or shelter is None or row.shelter_why not in set(Why):
        return None
    return {
        "text": texts(quiet_words.SHELTERED[Why(row.shelter_why)]),
        "alarm": shelter.alarm,
        "title": wording.title(shelter.kind) if shelter.alarm else "",
        "until_ms": shelter.until_ms,
    }


def members(found: tuple[tuple[Member, ...], int], texts: Texts, wording: Wording) -> dict[str, Any] | None:
    """What an incident keeps together: the first of them, and how many more."""
    rows, count = found
    if not count:
        return None
    more = count - len(rows)
    return {
        "said": texts(N_("{count} alarms, quiet until this one is over")).format(count=count),
        "more": texts(N_("and {n} more")).format(n=more) if more > 0 else "",
        "rows": [
            {
                "id": each.id,
                "level": each.level,
                "place": each.site_name,
                "title": wording.title(each.kind),
                "at": iso(each.opened_ms),
                "over": each.restored_ms is not None,
            }
            for each in rows
        ],
    }


def shelve(row: AlarmRow, person: Person) -> str:
    """Where this alarm's kind and point can be made quiet for a time; empty for what nothing keeps quiet."""
    if row.state not in OPEN_STATES or breaks_through(row.kind, row.event_class) or not MAY[Sort.SHELVE] & person.roles:
        return ""
    return f"/quiet?{urlencode({'site': row.site, 'kind': row.kind, 'point': row.source})}"


def heirs(people: Iterable[Person], row: AlarmRow) -> list[list[str]]:
    """Whom it can be handed to: handlers who see its site, without its holder."""
    found = [each for each in people if each.roles & HANDLING and each.id != row.holder and _sees(each.unit, row.unit)]
    return [[each.id, each.name] for each in sorted(found, key=lambda each: each.name)][:200]


def _sees(unit: str, site_unit: str) -> bool:
    return not unit or site_unit == unit or site_unit.startswith(f"{unit}/")


def _open_positions(steps: Iterable[AlarmStep]) -> tuple[int, ...]:
    return tuple(step.position for step in steps if step.required and step.state == "open")


def _clock(at_ms: int | None, from_ms: int) -> dict[str, Any] | None:
    return None if at_ms is None else {"at": iso(at_ms), "ms": at_ms, "from_ms": from_ms}


def _whom(row: Notice, telling: Telling, texts: Texts) -> str:
    """A person by name, everybody else by what the policy calls them."""
    if row.person and not row.person.startswith(CONTACT):
        return telling.person(row.person) or row.person
    return policy_words.target(row.target, texts)


def _composite(part: str, why: Mapping[str, Any], wording: Wording, texts: Texts) -> str:
    values = {
        "other": wording.title(str(why.get("with_kind", ""))),
        "place": wording.source(str(why.get("with_source", "")), {}),
        "time": policy_words.lasting(timedelta(seconds=int(why.get("window_s", 0))), texts),
    }
    if part == "supports":
        return texts(N_("Another source agrees within {time}: it rose, with {other} at {place}.")).format(**values)
    return texts(N_("It began graver: within {time} also {other} at {place}.")).format(**values)
