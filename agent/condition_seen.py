"""Looks at everything that tells how a box is: files, lock, store, clock, disk. Changes nothing, decides nothing.

It works beside a running agent, on a box that was never enrolled, and on one whose files are damaged.
Flow: health_words.py -> here -> condition.py.
"""

import asyncio
import ctypes
import fcntl
import os
import sqlite3
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from agent.announcing.ability import lacking
from agent.claim import LOCK_NAME
from agent.condition import Enrolled, Live, Seen, SiteFile, Store
from agent.condition_eyes import Eye
from agent.hidden import KINDS, SHOWN
from agent.identity import BoxIdentity, load_enrolled_identity
from agent.identity_reading import CERTIFICATE, FOLDER, IdentityError
from agent.local import lines
from agent.local.client import LocalClient, NotRunningError, SaysNoError
from agent.outbox.records import RecordState
from agent.outbox.schema import FILE_NAME, disk_free_bytes
from agent.signals import State
from agent.site_loading import NoSiteError, SiteLoadError, knows_of, load_site
from agent.site_store import SiteStore
from agent.timekeeper import FLOOR_KEY
from protocol.texts import Said, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

TIMEX_BYTES: Final = 256
"""`struct timex` takes 208."""
MAX_ERROR_OFFSET: Final = 24
SYNCED_BELOW_US: Final = 16_000_000
"""The kernel's largest error of a clock that is in step; what systemd's NTPSynchronized compares with."""

PATIENCE_S: Final = 2.0
"""For the store beside a writing agent."""

SETTLED_AFTER_S: Final = 8
"""An agent that just began has not heard anybody yet: it is asked again until it is so old, or has heard everybody."""
ASK_EVERY_S: Final = 0.5
BEGINS_WITHIN_S: Final = 3.0
"""From taking its folder to answering, an agent on a slow box takes a second or two."""


def look(state: Path, now: datetime) -> Seen:
    """Everything, now."""
    identity = _identity(state, now)
    running = _running(state)
    live = asyncio.run(_live(state)) if running is True else None  # first: what it says is written down a moment later
    return Seen(
        version=metadata.version("branchwatch"),
        enrolled=_enrolled(identity),
        site_file=_site_file(state, identity) if isinstance(identity, BoxIdentity) else None,
        running=running,
        store=_store(state / FILE_NAME),
        clock_synced=clock_synced(),
        free_bytes=_free(state),
        live=live,
    )


def clock_synced() -> bool | None:
    """Whether any time service keeps the kernel's clock in step (adjtimex(2)); None: the kernel does not tell."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        asked = ctypes.create_string_buffer(TIMEX_BYTES)  # modes 0: nothing is set
        if library.adjtimex(asked) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return ctypes.c_long.from_buffer(asked, MAX_ERROR_OFFSET).value < SYNCED_BELOW_US


def _identity(state: Path, now: datetime) -> BoxIdentity | Said | None:
    try:
        if not (state / FOLDER / CERTIFICATE).exists():
            return None
        return load_enrolled_identity(state, now)
    except IdentityError as error:
        return error.said
    except OSError as error:
        return _unreadable(state, error)


def _enrolled(identity: BoxIdentity | Said | None) -> Enrolled | Said | None:
    if not isinstance(identity, BoxIdentity):
        return identity
    return Enrolled(box=identity.box, site=identity.site, not_before=identity.not_before, not_after=identity.not_after)


def _site_file(state: Path, identity: BoxIdentity) -> SiteFile | Said | None:
    try:
        loaded = load_site(SiteStore(state), knows_of(identity, state))
    except NoSiteError:
        return None
    except SiteLoadError as error:
        return error.said
    bundle = loaded.signed.bundle
    return SiteFile(
        version=bundle.version,
        roster_not_after=parse_time(bundle.roster.not_after),
        damaged=loaded.damaged,
        lacking=tuple(lacking(loaded.signed.site, state)),
    )


def _running(state: Path) -> bool | Said:
    """Whether an agent holds the folder; asked without keeping the lock from one that starts this moment."""
    try:
        descriptor = os.open(state / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        return _unreadable(state, error)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


async def _live(state: Path) -> Live | None:
    """What the running agent says of its line and its modules."""
    try:
        client = await _connected(state)
        try:
            while True:
                *_, reply = await client.ask(lines.HealthOf())
                if _settled(reply):
                    return _live_of(reply)
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            await client.close()
    except (NotRunningError, SaysNoError):
        return None


async def _connected(state: Path) -> LocalClient:
    """To an agent that holds the folder; one that begins just now answers in a moment."""
    for _ in range(int(BEGINS_WITHIN_S / ASK_EVERY_S)):
        with suppress(NotRunningError):
            return await LocalClient.connect(state)
        await asyncio.sleep(ASK_EVERY_S)
    return await LocalClient.connect(state)


def _settled(reply: lines.Reply) -> bool:
    heard = reply.link is None or reply.link.in_touch
    known = all(device.state is not State.UNKNOWN for device in reply.devices)
    return (heard and known) or reply.health is None or reply.health.uptime_s >= SETTLED_AFTER_S


def _live_of(reply: lines.Reply) -> Live | None:
    if reply.link is None:
        return None
    return Live(
        in_touch=reply.link.in_touch,
        broker=reply.link.broker,
        error=reply.link.error,
        silent=tuple(device.id.removeprefix("device/") for device in reply.devices if device.state is not State.ONLINE),
        modules=len(reply.devices),
        evidence_waiting=reply.health.evidence_waiting if reply.health else 0,
        evidence_bytes=reply.health.evidence_bytes if reply.health else 0,
        people_model=reply.health.people_model if reply.health else "",
        eyes=tuple(
            Eye(point=each.id, name=each.name, state=each.state, cause=each.cause, marks=each.marks or ())
            for each in reply.points
        ),
    )


def _store(file: Path) -> Store | Said | None:
    try:
        if not file.exists():
            return None
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=PATIENCE_S)
        try:
            return _read(connection)
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        reason = system_said(error) if isinstance(error, OSError) else error
        return said(N_("{file} cannot be read: {reason}"), file=file, reason=reason)


def _read(connection: sqlite3.Connection) -> Store:
    # nothing here may tell by a number that there is what the site shall not see
    counted = f"SELECT state, count(*) FROM events WHERE {SHOWN} GROUP BY state"  # noqa: S608 - our own words
    counts = dict(connection.execute(counted, KINDS).fetchall())
    waiting = f"SELECT min(at) FROM events WHERE {SHOWN} AND state = ?"  # noqa: S608 - our own words
    ((oldest,),) = connection.execute(waiting, (*KINDS, RecordState.PENDING))
    ((receipted,),) = connection.execute(f"SELECT max(receipted_at) FROM events WHERE {SHOWN}", KINDS)  # noqa: S608
    floors = connection.execute("SELECT value FROM saved WHERE key = ?", (FLOOR_KEY,)).fetchall()
    stated = [_time(floor.decode("ascii", "replace")) for (floor,) in floors if isinstance(floor, bytes)]
    heard = [each for each in (_time(receipted), *stated) if each is not None]
    return Store(
        pending=counts.get(RecordState.PENDING, 0),
        oldest_pending=_time(oldest),
        heard=max(heard, default=None),
        quarantined=counts.get(RecordState.QUARANTINED, 0),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _free(state: Path) -> int | Said:
    try:
        return disk_free_bytes(state)
    except OSError as error:
        return _unreadable(state, error)


def _unreadable(state: Path, error: OSError) -> Said:
    return said(
        N_("{folder} cannot be read: {reason}; is it the box's folder, and are you root or the agent's user?"),
        folder=state,
        reason=system_said(error),
    )
