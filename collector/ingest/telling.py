"""What the centre found becomes events of its own ledger: each condition told once, and its end once.

Inside the transaction. Which conditions are open stands in the database, so a restart neither forgets nor repeats.
Flow: findings of placing, signs of life, supervision, rejections -> here -> the centre's lanes.
"""

import msgspec

from collector.fleet.records import Found
from collector.ingest.sequence import Standing
from collector.ingest.work import Work
from collector.ledger import CentreLedger, Draft
from collector.storage import conditions, writing
from collector.storage.conditions import Key, Open
from protocol.kinds import RESTORED, Lane


def tell(work: Work, ledger: CentreLedger, mono_ms: int) -> None:
    """Write what was found and not told yet."""
    if work.found:
        work.drafts = [*_drafts(work, ledger), *work.drafts]
    tell_drafts(work, ledger, mono_ms)


def tell_drafts(work: Work, ledger: CentreLedger, mono_ms: int) -> None:
    """Write the drafts as they stand, once."""
    drafts, work.drafts = work.drafts, []
    if not drafts:
        return
    lanes = _own_lanes(work, ledger.collector)
    for written in ledger.write(drafts, lanes, work.now_ms, mono_ms):
        envelope = work.add_envelope(
            box=ledger.collector, kid=ledger.kid, body=written.envelope, received_ms=work.now_ms
        )
        for line_no, (event, digest) in enumerate(zip(written.events, written.hashes, strict=True)):
            work.add_event(
                event,
                digest,
                envelope=envelope,
                line_no=line_no,
                branch=0,
                flags=[],
                at_ms=work.now_ms,
                received_ms=work.now_ms,
            )
        work.fresh[ledger.collector, written.lane] = written.standing


def _drafts(work: Work, ledger: CentreLedger) -> list[Draft]:
    keys = [_key(box, found) for box, _, found in work.found]
    before = conditions.open_conditions(work.connection, keys)
    there = dict(before)
    drafts: list[Draft] = []
    for key, (box, site, found) in zip(keys, work.found, strict=True):
        known = there.get(key)
        if found.ends == (known is None):
            continue  # told already, or never told: neither is worth a word
        event_id = ledger.new_id(work.now_ms)
        kind = found.condition.value
        facts = {"box": box, **found.facts} if not found.source else found.facts
        if known is not None:
            del there[key]
            told_at = known.site or site  # another collector's own site, where that one told it
            draft = _draft(event_id, kind + RESTORED, found.source or f"box/{box}", told_at, facts)
            drafts.append(msgspec.structs.replace(draft, restores=known.event_id))
        else:
            there[key] = Open(event_id=event_id, since_ms=work.now_ms, facts=found.facts, site=site)
            draft = _draft(event_id, kind, found.source or f"box/{box}", site, facts)
            drafts.append(msgspec.structs.replace(draft, because=found.because))
    conditions.end(work.connection, [key for key, known in before.items() if there.get(key) is not known])
    conditions.begin(work.connection, {key: each for key, each in there.items() if before.get(key) is not each})
    return drafts


def _draft(event_id: str, kind: str, source: str, site: str, facts: dict[str, object]) -> Draft:
    return Draft(id=event_id, kind=kind, site=site, source=source, facts=facts)


def _key(box: str, found: Found) -> Key:
    return found.condition.value, box, found.detail


def _own_lanes(work: Work, collector: str) -> dict[str, Standing]:
    missing = [lane for lane in Lane if (collector, lane.value) not in work.fresh]
    if missing:
        for key, standing in writing.standings(work.connection, [collector]).items():
            work.known.setdefault(key, standing)
    return work.heads(collector)
