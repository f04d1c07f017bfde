"""What people ask of a box that changes nothing there: a picture, an announcement, its health; signed by the collector.

Each is one transaction with its journal entry, then handed to the ingest's thread; the box answers by an event. Limited
for a person and for a box, which itself takes some thirty in ten minutes. Flow: console -> here -> `requests`, `post`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from collector.orders.boxes import addressee
from collector.orders.posting import Post, RequestPost
from collector.orders.refusing import NotDoneError
from collector.orders.request_args import read_request, sent_of
from collector.orders.service import WINDOW
from collector.people import Person, PersonRole
from collector.storage import requests, writing
from collector.storage.journal import Entry, write_journal
from collector.storage.records import Topic
from collector.storage.requests import RequestRow
from collector.storage.store import Store
from collector.times import unix_ms
from protocol.ids import new_event_id

SERVED: Final = "served"
"""The box's word for a request that it did."""
MOST_OF_PERSON: Final = 30
MOST_OF_BOX: Final = 30
"""Requests within WINDOW; the box itself refuses more."""
ANSWER_WITHIN: Final = timedelta(minutes=2)
"""Announcements are spoken one after another; a box that was not heard by then did not get it."""

_MS: Final = timedelta(milliseconds=1)
_DESK: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER, PersonRole.SECURITY_OFFICER})
_LEADERS: Final = frozenset({PersonRole.SHIFT_LEADER, PersonRole.SECURITY_OFFICER})
ASKERS: Final[Mapping[str, frozenset[PersonRole]]] = {
    "announce": _DESK,
    "health": _DESK | {PersonRole.ENGINEER},
    "still": _DESK | {PersonRole.ENGINEER},
    "clip": _LEADERS,
    "playback": _LEADERS,
    "preset": _LEADERS,
}
"""Who may ask what. Looking back and steering are for leaders and the security department (DOMAIN 4)."""


class RequestState(StrEnum):
    """Where a request stands; shown to people, so words are never changed."""

    SENT = "sent"
    ANSWERED = "answered"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class RequestService:
    """Every method may raise NotDoneError, and then nothing was changed."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        changed: Callable[[], None],
        post: Callable[[Post], None],
    ) -> None:
        self._store, self._now, self._random, self._changed, self._post = store, now, random, changed, post

    def ask(self, site: str, action: str, args: Mapping[str, Any], person: Person) -> RequestRow:
        """Ask the box of a site; it answers by an event."""
        now_ms = unix_ms(self._now())
        if action not in ASKERS:
            raise NotDoneError("unknown_request")
        if person.roles.isdisjoint(ASKERS[action]):
            raise NotDoneError("not_allowed")
        with self._store.write() as connection:
            number = writing.lock_counters(connection) + 1
            since_ms = now_ms - WINDOW // _MS
            if requests.count_requested(connection, "person", person.id, since_ms) >= MOST_OF_PERSON:
                raise NotDoneError("too_many", count=MOST_OF_PERSON)
            to = addressee(connection, site, person, now_ms)
            if requests.count_requested(connection, "box", to.box.id, since_ms) >= MOST_OF_BOX:
                raise NotDoneError("too_many_for_box", count=MOST_OF_BOX)
            row = RequestRow(
                id=new_event_id(now_ms, self._random(10)),
                number=number,
                site=site,
                box=to.box.id,
                action=action,
                args=read_request(to, action, args),
                person=person.id,
                at_ms=now_ms,
                state=RequestState.SENT.value,
            )
            writing.save_counter(connection, number)
            requests.add_request(connection, row)
            facts = {"action": action, "args": row.args}
            entry = Entry(topic=Topic.REQUEST, subject=row.id, action="send", site=site, person=person.id, facts=facts)
            write_journal(connection, [entry], now_ms)
        self._post(RequestPost(box=row.box, id=row.id, action=action, args=sent_of(row.args)))
        self._changed()
        return row
