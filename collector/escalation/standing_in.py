"""Somebody has a rota for a time instead of whose turn it is: who may say so, and what it needs.

`judge` is pure; `stand_in` and `take_back` write it with its journal entry in one transaction. Flow: the console's
routes -> here -> `rota_overrides`, the journal.
"""

from enum import StrEnum
from typing import Final

from collector.escalation.rotas import Override
from collector.people import People, Person, PersonRole
from collector.rules.holding import rules_now
from collector.rules.shapes import Rules
from collector.storage import writing
from collector.storage.journal import Entry, write_journal
from collector.storage.records import Topic
from collector.storage.rotas import add_override, remove_override
from collector.storage.store import Store
from collector.storms.incidents import is_within

MAY: Final = frozenset({PersonRole.SHIFT_LEADER, PersonRole.CENTRE_DIRECTOR})
LONGEST_MS: Final = 31 * 86_400_000
FURTHEST_MS: Final = 366 * 86_400_000
MAX_REASON: Final = 500


class No(StrEnum):
    """Why nobody stands in."""

    NOT_ALLOWED = "not_allowed"
    NO_ROTA = "no_rota"
    NO_PERSON = "no_person"
    NO_CONTACT = "no_contact"
    NO_REASON = "no_reason"
    WRONG_TIME = "wrong_time"
    NOT_FOUND = "not_found"


class NotStoodInError(Exception):
    """Nothing was changed; `no` says why."""

    def __init__(self, no: No) -> None:
        super().__init__(no.value)
        self.no = no


def judge(wish: Override, rules: Rules, people: People, asker: Person, now_ms: int) -> No | None:
    """Why this may not be; None when it may."""
    if not MAY & asker.roles:
        return No.NOT_ALLOWED
    if all(rota.name != wish.rota for rota in rules.rota):
        return No.NO_ROTA
    if not _leads(asker, wish.rota, rules, people):
        return No.NOT_ALLOWED
    instead = people.by_id(wish.person)
    if instead is None or not is_within(instead.unit, asker.unit):
        return No.NO_PERSON
    if all(contact.person != wish.person for contact in rules.contact):
        return No.NO_CONTACT
    if not 0 < len(wish.reason.strip()) <= MAX_REASON:
        return No.NO_REASON
    if not (
        now_ms < wish.until_ms
        and wish.from_ms < wish.until_ms <= wish.from_ms + LONGEST_MS
        and wish.from_ms <= now_ms + FURTHEST_MS
    ):
        return No.WRONG_TIME
    return None


def _leads(asker: Person, name: str, rules: Rules, people: People) -> bool:
    """Whether everybody who may have a turn is of the asker's unit: nobody takes a turn away above or beside."""
    turns = (person for rota in rules.rota if rota.name == name for turn in rota.turn for person in turn.people)
    known = (people.by_id(person) for person in turns)
    return all(is_within(person.unit, asker.unit) for person in known if person is not None)


def stand_in(store: Store, people: People, wish: Override, asker: Person, now_ms: int) -> None:
    """Write it down.

    Raises:
        NotStoodInError: it may not be.
    """
    with store.write() as connection:
        writing.lock_counters(connection)
        if (no := judge(wish, rules_now(connection).rules, people, asker, now_ms)) is not None:
            raise NotStoodInError(no)
        add_override(connection, wish)
        facts = {
            "rota": wish.rota,
            "instead": wish.person,
            "from_ms": wish.from_ms,
            "until_ms": wish.until_ms,
            "text": wish.reason,
        }
        entry = Entry(
            topic=Topic.UPKEEP, subject=f"rota/{wish.rota}", action="stand_in", site="", person=asker.id, facts=facts
        )
        write_journal(connection, [entry], now_ms)


def take_back(store: Store, people: People, rota: str, override: str, asker: Person, now_ms: int) -> None:
    """It holds no longer.

    Raises:
        NotStoodInError: it is not there, or the person may not.
    """
    if not MAY & asker.roles:
        raise NotStoodInError(No.NOT_ALLOWED)
    with store.write() as connection:
        writing.lock_counters(connection)
        if not _leads(asker, rota, rules_now(connection).rules, people):
            raise NotStoodInError(No.NOT_ALLOWED)
        if not remove_override(connection, override, rota, now_ms):
            raise NotStoodInError(No.NOT_FOUND)
        facts = {"rota": rota, "override": override}
        entry = Entry(
            topic=Topic.UPKEEP, subject=f"rota/{rota}", action="taken_back", site="", person=asker.id, facts=facts
        )
        write_journal(connection, [entry], now_ms)
