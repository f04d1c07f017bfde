"""The life of one alarm for its reader: its procedure, its score in words, what may be done, what it keeps quiet.

Made beside telling.py from the same rows. Flow: detail -> `life` -> the fields of `shapes.AlarmWhole`.
"""

from datetime import timedelta
from typing import Any

from collector.alarms.lifecycle import possible
from collector.alarms.scoring import read_reasons
from collector.alarms.words import Stands
from collector.console import shapes
from collector.console.asking import Asker
from collector.console.life_words import SCORES, WHY
from collector.console.telling import Telling, iso
from collector.console.wording import Wording
from collector.escalation.nexts import next_of
from collector.procedures.progress import NEEDED, step_of, waits_from
from collector.storage import life_reading
from collector.storage.reading import Reading
from collector.storage.records import AlarmDetail, AlarmRow


def life(reading: Reading, detail: AlarmDetail, asked: Asker, telling: Telling) -> dict[str, Any]:
    """The fields of one alarm that lists do not show."""
    row = detail.alarm
    members, count = life_reading.members_of(reading.connection, row.id, asked.person.sight)
    ahead = next_of(reading.connection, row.id, lambda person: telling.person(person) or person)
    return {
        "next": [] if ahead is None else [shapes.Ahead(at=iso(ahead[0]), said=ahead[1].told(asked.texts))],
        "moves": [move.value for move in possible(stands(detail), asked.person.id, asked.person.roles)],
        "procedure": row.procedure,
        "steps": _steps(detail),
        "score_words": "" if row.score is None else asked.texts(SCORES[row.score]),
        "score_reasons": reasons(row, asked, telling),
        "score_by": row.score_by or None,
        "members": [
            shapes.Member(
                id=each.id,
                site_name=each.site_name,
                kind=each.kind,
                level=each.level,
                source=each.source,
                state=each.state,
                opened_at=iso(each.opened_ms),
                restored_at=None if each.restored_ms is None else iso(each.restored_ms),
            )
            for each in members
        ],
        "members_count": count,
    }


def stands(detail: AlarmDetail) -> Stands:
    """How an alarm stands for the table of moves; what only a change looks at is left out."""
    row = detail.alarm
    return Stands(
        state=row.state,
        holder=row.holder,
        level=row.level,
        handlers=frozenset(row.handlers),
        order_givers=detail.order_givers,
    )


def reasons(row: AlarmRow, asked: Asker, telling: Telling) -> list[str]:
    """Why the score is what it is."""
    _ = asked.texts
    wording = Wording(texts=_)
    return [
        _(WHY[each.why]).format(
            kind=wording.title(each.kind) if each.kind else "",
            person=telling.person(row.score_by) or "",
            text=each.text,
        )
        for each in read_reasons(row.score_why)
    ]


def _steps(detail: AlarmDetail) -> list[shapes.ProcedureStep]:
    told = []
    for row in detail.steps:
        step = step_of(row)
        since_ms = waits_from(detail.steps, row.position, detail.alarm.acknowledged_ms or detail.alarm.opened_ms)
        waits = None if step.wait is None else since_ms + step.wait // timedelta(milliseconds=1)
        told.append(
            shapes.ProcedureStep(
                position=row.position,
                kind=step.kind.value,
                text=step.text,
                required=step.required,
                camera=step.camera,
                number=step.number,
                not_before=None if waits is None else iso(waits),
                needs=list(NEEDED[step.kind]),
                state=row.state,  # type: ignore[arg-type]  # a word of ours from our own table
                person=row.person or None,
                at=None if row.at_ms is None else iso(row.at_ms),
                facts=dict(row.facts),
            )
        )
    return told
