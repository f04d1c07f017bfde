"""A parked alarm comes back: its time is over, or it happened again. Inside the caller's transaction.

The caller holds the counters' lock and plans the escalation afterwards (escalation/begin.py). Flow: the runner's
timer `park`, an event that joins -> here -> the alarm's row, the journal.
"""

from collector.alarms.clocks import respond_by_ms
from collector.storage import alarm_moves, alarm_writing
from collector.storage.journal import Entry, write_journal
from collector.storage.records import AlarmState, Sight, Topic
from collector.storage.store import Transaction


def unpark(connection: Transaction, alarm_id: str, now_ms: int, collector: str) -> bool:
    """Put a parked alarm back among the new ones; whether it was parked."""
    held = alarm_moves.hold(connection, alarm_id, Sight())
    if held is None or held.state is not AlarmState.PARKED:
        return False
    alarm_writing.change_alarm(
        connection,
        held.id,
        {
            "state": AlarmState.NEW.value,
            "holder": None,
            "parked_until_ms": None,
            "respond_by_ms": respond_by_ms(held.level, now_ms),
            "version": held.version + 1,
        },
    )
    facts = {"from": AlarmState.PARKED.value, "to": AlarmState.NEW.value}
    entry = Entry(topic=Topic.ALARM, subject=held.id, action="unparked", site=held.site, person=collector, facts=facts)
    write_journal(connection, [entry], now_ms)
    return True
