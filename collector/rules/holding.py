"""The rules that hold now: read from the database once a version, kept as they were parsed.

Any number of collectors read the same row. Flow: a transaction -> here -> `Rules`; without a row, the built-in ones.
"""

from functools import lru_cache
from typing import Final

import msgspec

from collector.rules.builtin import BUILTIN
from collector.rules.shapes import Rules
from collector.storage.rule_rows import newest_rules, rules_document
from collector.storage.store import Transaction

NONE: Final = 0
"""The version of the built-in rules."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Rules and their version, which timers and notices name."""

    version: int
    rules: Rules


def rules_now(connection: Transaction) -> Held:
    """The rules of the highest version."""
    version = newest_rules(connection)
    if version is None:
        return Held(version=NONE, rules=BUILTIN)
    return Held(version=version, rules=_parsed(rules_document(connection, version)))


@lru_cache(maxsize=4)
def _parsed(document: bytes) -> Rules:
    return msgspec.json.decode(document, type=Rules)
