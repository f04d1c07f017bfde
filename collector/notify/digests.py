"""What was held back for a person leaves as one notice with its count. Inside the runner's transaction.

The count leaves out what is over meanwhile, and whatever the person may not know. Flow: a `digest` timer ->
escalation/runner.py -> here -> `notices`.
"""

from hashlib import sha256

from collector.notify.records import Notice, NoticeState, Sort, Stored
from collector.storage import notices
from collector.storage.store import Transaction
from protocol.ids import new_event_id


def flush(connection: Transaction, person: str, now_ms: int) -> str | None:
    """Bundle what waits for this person; the digest's id, None when nothing was left to tell."""
    waiting = notices.held_for(connection, person)
    asked_of = (row.alarm for row in waiting if row.alarm is not None)
    secret = {alarm for alarm, _ in notices.withheld_from(connection, asked_of, (person,))}
    held = [row for row in waiting if row.alarm not in secret]
    if not held:
        return None
    newest, gravest = held[-1], min(held, key=lambda row: row.level)
    alarms = {row.alarm for row in held if row.alarm is not None}
    digest = new_event_id(now_ms, sha256(f"{held[0].id} {now_ms}".encode()).digest()[:10])
    facts = Stored(then=newest.facts.then, told={"count": len(alarms) or len(held), "gravest": gravest.level})
    row = Notice(
        id=digest,
        alarm=None,
        sort=Sort.DIGEST,
        target=newest.target,
        person=person,
        channel=newest.channel,
        level=gravest.level,
        state=NoticeState.QUEUED,
        facts=facts,
        due_ms=now_ms,
        queued_ms=now_ms,
    )
    notices.add_notices(connection, [row])
    notices.bundle(connection, [each.id for each in held], digest)
    return digest
