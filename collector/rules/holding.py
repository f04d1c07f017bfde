"""The rules that hold now: read from the database once a version, kept as they were parsed.

Any number of collectors read the same row. A row that does not say what was loaded holds nothing: the version before it
does, at last the built-in ones; the auditor names it. Flow: a transaction -> here -> `Rules`.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec

from collector.rules.builtin import BUILTIN
from collector.rules.shapes import Rules
from collector.storage.rule_rows import RuleRow, add_rules, newest_rules
from collector.storage.store import Transaction

NONE: Final = 0
"""The version of the built-in rules."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Rules and their version, which timers and notices name; `altered`: later versions that were passed over."""

    version: int
    rules: Rules
    altered: tuple[int, ...] = ()


def rules_now(connection: Transaction) -> Held:
    """The rules of the highest version that says what was loaded."""
    altered: list[int] = []
    row = newest_rules(connection)
    while row is not None:
        rules = _parsed(row.document, row.hash)
        if rules is not None:
            return Held(version=row.version, rules=rules, altered=tuple(altered))
        altered.append(row.version)
        row = newest_rules(connection, below=row.version)
    return Held(version=NONE, rules=BUILTIN, altered=tuple(altered))


def hold(connection: Transaction, version: int, rules: Rules, person: str, now_ms: int) -> str:
    """Write that these rules hold from now on; returns the hash by which they are known again."""
    document = encoded(rules)
    digest = sha256(document).hexdigest()
    add_rules(connection, RuleRow(version=version, hash=digest, person=person, loaded_ms=now_ms), document)
    return digest


def encoded(rules: Rules) -> bytes:
    """Rules as they stand in the database."""
    return msgspec.json.encode(rules)


@lru_cache(maxsize=4)
def _parsed(document: bytes, digest: str) -> Rules | None:
    """None where the row was altered, or comes from a later release that has other shapes."""
    if sha256(document).hexdigest() != digest:
        return None
    try:
        return msgspec.json.decode(document, type=Rules)
    except msgspec.ValidationError:
        return None
