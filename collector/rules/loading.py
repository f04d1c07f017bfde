"""Rules take effect: one row, one transaction, one entry of the journal; chains under way go over to them.

Flow: rules_words.py -> here -> `rules`; every collector reads the new version with its next transaction.
"""

import msgspec

from collector.escalation.audit import Finding, audit, leave_word
from collector.escalation.begin import replan
from collector.escalation.surroundings import Surroundings
from collector.rules.holding import encoded, hold, rules_now
from collector.rules.shapes import Rules
from collector.storage import rule_rows, writing
from collector.storage.journal import Entry, write_journal
from collector.storage.records import Topic
from collector.storage.store import Store

SUBJECT = "rules"


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What loading did. `fresh`: these rules did not hold already; `brought_forward`: chains that are due earlier."""

    version: int
    fresh: bool
    brought_forward: int = 0
    findings: tuple[Finding, ...] = ()


def load(store: Store, rules: Rules, around: Surroundings, person: str, now_ms: int) -> Loaded:
    """Let these rules hold from now on; they were judged before.

    Raises:
        StoreError: the database cannot be reached; nothing has changed.
    """
    document = encoded(rules)
    with store.write() as connection:
        writing.lock_counters(connection)
        newest = rule_rows.newest_rules(connection)
        if newest is not None and newest.document == document and rules_now(connection).version == newest.version:
            return Loaded(version=newest.version, fresh=False, findings=audit(connection, around, now_ms))
        version = 1 if newest is None else newest.version + 1
        digest = hold(connection, version, rules, person, now_ms)
        facts = {
            "version": version,
            "hash": digest,
            "policies": len(rules.policy),
            "rotas": len(rules.rota),
            "contacts": len(rules.contact),
            "procedures": len(rules.procedure),
        }
        entry = Entry(topic=Topic.UPKEEP, subject=SUBJECT, action="loaded", site="", person=person, facts=facts)
        write_journal(connection, [entry], now_ms)
        forward = replan(connection, around, now_ms)
        findings = audit(connection, around, now_ms)
        leave_word(connection, around, now_ms)
    return Loaded(version=version, fresh=True, brought_forward=forward, findings=findings)
