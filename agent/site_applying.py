"""A site bundle from an engineer's stick: handed to the agent that runs here, or taken directly where none runs.

The same judgement either way (`site_judging.py`); a stick opens no door that the centre does not have. Nothing is told
as an event from here: the agent tells what it takes and refuses, and at its next start what was put in force meanwhile.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from agent.claim import FolderTakenError, claim
from agent.drivers.modbus.asking import silence_of
from agent.identity import BoxIdentity
from agent.outbox.schema import FILE_NAME
from agent.site_judging import SignedSite, SiteRefusedError, claimed, judged
from agent.site_loading import SiteLoadError, knows_of, load_site
from agent.site_store import SiteStore
from agent.site_taking import Outcome, refuse_silent
from agent.timekeeper import FLOOR_KEY
from protocol.timestamps import parse_time

WAIT_S: Final = 30.0
"""The running agent looks once a second and gives silent modules some seconds."""

LOOK_S: Final = 0.2


def apply_bundle(
    state: Path, identity: BoxIdentity, document: bytes, now: datetime, wait: Callable[[float], None] = time.sleep
) -> Outcome | None:
    """What became of it; None: the agent that runs here did not answer, and nothing was changed.

    Raises:
        OSError: the folder cannot be used.
    """
    store = SiteStore(state)
    try:
        held = claim(state)
    except FolderTakenError:
        return _hand_over(store, document, wait)
    try:
        return _take(store, state, identity, document, now)
    finally:
        os.close(held)


def saved_floor(state: Path) -> datetime | None:
    """The latest time that a signed receipt told this box; None where there is no outbox or it is being repaired."""
    file = state / FILE_NAME
    if not file.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM saved WHERE key = ?", (FLOOR_KEY,)).fetchone()
        return parse_time(bytes(row[0]).decode("ascii")) if row else None
    except (sqlite3.Error, ValueError, TypeError):
        return None


def _hand_over(store: SiteStore, document: bytes, wait: Callable[[float], None]) -> Outcome | None:
    mine = sha256(document).hexdigest()
    store.hand_in(document)
    for _ in range(round(WAIT_S / LOOK_S)):
        wait(LOOK_S)
        if outcome := _answer(store, mine):
            return outcome
    store.take_back()
    wait(LOOK_S)  # it may have been read just before
    if store.current() == document:  # taken, and cut off before it could say so
        return Outcome(document=mine, outcome="applied", version=claimed(document)["version"])
    return _answer(store, mine)


def _answer(store: SiteStore, mine: str) -> Outcome | None:
    answered = store.answered()
    if answered is None:
        return None
    try:
        outcome = msgspec.json.decode(answered, type=Outcome)
    except msgspec.DecodeError:
        return None
    return outcome if outcome.document == mine else None


def _take(store: SiteStore, state: Path, identity: BoxIdentity, document: bytes, now: datetime) -> Outcome:
    digest = sha256(document).hexdigest()
    knows = knows_of(identity, state)
    held: SignedSite | None = None
    with suppress(SiteLoadError):  # there is none that could be kept
        held = load_site(store, knows).signed
    at = max(now, identity.not_before, saved_floor(state) or now)
    try:
        accepted = judged(document, knows, held, at)
        if accepted.unchanged:
            return Outcome(document=digest, outcome="unchanged", version=accepted.bundle.version)
        if held is not None:
            asyncio.run(refuse_silent(held.site, accepted.site, frozenset(), silence_of))
        store.commit(document, keep=held.document if held else None)
    except SiteRefusedError as refusal:
        return Outcome(document=digest, outcome="refused", reason=refusal.reason, facts=refusal.facts)
    except OSError as error:
        facts = {"fault": error.strerror or ""}
        return Outcome(document=digest, outcome="refused", reason="no_room", facts=facts)
    return Outcome(document=digest, outcome="applied", version=accepted.bundle.version)
