"""What the enrolment's record says, as events of the centre's own ledger (docs/trust.md 5.4).

Reading and checking lines is pure; noting them happens inside the transaction that also notes how far was read, so
nothing is told twice or left out. Refusals are told once a site and code in ten minutes, with a count. Flow:
collector/enrolment.py -> here -> the centre's lanes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from collector.fleet.records import Condition
from collector.ingest.work import Work
from collector.ledger import CentreLedger, Draft
from collector.storage import bundles, conditions
from collector.storage.conditions import Key, Open
from protocol.enrolment import MAX_RECORD_LINE_BYTES, EnrolmentError, RecordAct, RecordLine, decode
from protocol.ids import is_id
from protocol.kinds import RESTORED
from protocol.ledger import Link, Position, after, continues, line_hash, start

WINDOW: Final = timedelta(minutes=10)
"""One run of refusals lasts this long; what comes later is a new one."""

MOST_OPEN: Final = 1_000
"""Runs of refusals at once; beyond it they are told together, for no site in particular."""

LONGEST_FACT: Final = 200

KINDS: Final[Mapping[RecordAct, str]] = {
    RecordAct.ENROLLED: "enrol.completed",
    RecordAct.CODE_DEAD: "enrol.code_dead",
    RecordAct.RENEWED: "certificate.renewed",
}
_TOLD: Final = ("key", "serial", "not_after", "machine", "code", "spoken")
"""Facts of a line that an event repeats; the box and its site go before them."""


class RecordError(Exception):
    """The lines do not continue what was read before; the text is a word for logs."""


def read_lines(body: bytes, before: Position | None) -> tuple[list[RecordLine], Position | None]:
    """The lines of an answer, and the position behind the last; each must continue the one before it.

    Raises:
        RecordError: one is no line of a record, or does not continue it.
    """
    position, found = before, []
    for line in body.splitlines():
        if len(line) > MAX_RECORD_LINE_BYTES:
            raise RecordError("too_large")
        try:
            entry = decode(line, RecordLine)
        except EnrolmentError:
            raise RecordError("malformed") from None
        position = position or start(entry.run)
        link = Link(run=entry.run, seq=entry.seq, prev=entry.prev, hash=line_hash(line))
        if entry.run != position.run:
            raise RecordError("another_record")
        if (broken := continues(position, link)) is not None:
            raise RecordError(broken.value)
        position = after(link)
        found.append(entry)
    return found, position


def note_entries(work: Work, ledger: CentreLedger, entries: Sequence[RecordLine]) -> None:
    """Put what people must hear of into drafts."""
    sites = {site: bundles.site_unit(work.connection, site) is not None for site in _sites(entries)}
    refused: dict[Key, list[RecordLine]] = {}
    for entry in entries:
        if entry.act == RecordAct.REFUSED:
            refused.setdefault(_key(entry), []).append(entry)
    _note_refusals(work, ledger, refused, sites)
    for entry in entries:
        if (kind := _kind(entry)) is not None:
            work.drafts.append(_draft(work, ledger, kind, entry, sites, _facts(entry)))


def refusals_over(work: Work, ledger: CentreLedger) -> None:
    """End the runs of refusals whose ten minutes are over, with what they counted."""
    before_ms = work.now_ms - WINDOW // timedelta(milliseconds=1)
    kind = Condition.ENROL_REFUSED.value
    for key, known in conditions.begun_before(work.connection, kind, before_ms).items():
        conditions.end(work.connection, [key])
        told = dict(known.facts)
        site = told.pop("at_site")
        box = told.get("box", "")
        work.drafts.append(
            Draft(
                id=ledger.new_id(work.now_ms),
                kind=kind + RESTORED,
                site=site,
                source=f"box/{box}",
                facts=told,
                restores=known.event_id,
            )
        )


def _note_refusals(
    work: Work, ledger: CentreLedger, refused: Mapping[Key, Sequence[RecordLine]], sites: Mapping[str, bool]
) -> None:
    if not refused:
        return
    there = conditions.open_conditions(work.connection, refused)
    room = MOST_OPEN - conditions.count_open(work.connection, Condition.ENROL_REFUSED)
    for key, entries in refused.items():
        count = sum(_count(entry) for entry in entries)
        if (known := there.get(key)) is not None:
            conditions.change(work.connection, key, {**known.facts, "count": known.facts["count"] + count})
            continue
        if room <= 0:
            continue  # in the enrolment's record all the same
        room -= 1
        facts = {**_facts(entries[0]), "reason": entries[0].facts.get("reason", "")[:LONGEST_FACT], "count": count}
        draft = _draft(work, ledger, key[0], entries[0], sites, facts)
        conditions.begin(
            work.connection,
            {key: Open(event_id=draft.id, since_ms=work.now_ms, facts={**facts, "at_site": draft.site})},
        )
        work.drafts.append(draft)


def _draft(
    work: Work,
    ledger: CentreLedger,
    kind: str,
    entry: RecordLine,
    sites: Mapping[str, bool],
    facts: dict[str, Any],
) -> Draft:
    """A site that no box ever spoke for has no place here yet: the centre's own stands for it."""
    site = entry.facts.get("site", "")
    return Draft(
        id=ledger.new_id(work.now_ms),
        kind=kind,
        site=site if sites.get(site) else ledger.collector,
        source=f"box/{_named(entry, 'id')}",
        facts=facts,
    )


def _facts(entry: RecordLine) -> dict[str, Any]:
    told = {name: entry.facts[name][:LONGEST_FACT] for name in _TOLD if entry.facts.get(name)}
    return {"box": _named(entry, "id"), "site": _named(entry, "site"), "at": entry.at, **told}


def _kind(entry: RecordLine) -> str | None:
    try:
        return KINDS.get(RecordAct(entry.act))
    except ValueError:
        return None  # of a newer enrolment


def _key(entry: RecordLine) -> Key:
    return Condition.ENROL_REFUSED.value, _named(entry, "site"), entry.facts.get("code", "")[:80]


def _named(entry: RecordLine, fact: str) -> str:
    """What a line names, where it is a name at all: what an enrolment was asked for, anybody may have typed."""
    text = entry.facts.get(fact, "")
    return text if is_id(text) else "unknown"


def _count(entry: RecordLine) -> int:
    text = entry.facts.get("count", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _sites(entries: Iterable[RecordLine]) -> set[str]:
    return {site for entry in entries if is_id(site := entry.facts.get("site", ""))}
