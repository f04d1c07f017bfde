"""Site bundles while the agent runs: from the centre or from a stick, judged, tried on the devices, committed, told.

One at a time, in a task of its own: nothing else waits for it, and until the commit nothing has changed. What is taken
ends this agent's run (`app.py` builds the next one on the same state); what is refused is told as `config.refused`, the
same bundle again only as a count. Flow: order or `incoming.json` -> `site_judging.py` -> modules -> `SiteStore.commit`.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from errno import ENOSPC
from hashlib import sha256
from typing import Any, Final

import msgspec

from agent.config.wiring import wirings
from agent.drivers.modbus.config import Wiring
from agent.findings import Finding, Phase
from agent.guard import Guard
from agent.incidents import Incidents, each, noted, overdue
from agent.signals import Moment
from agent.site_devices import to_ask
from agent.site_judging import Knows, SignedSite, SiteRefusedError, claimed, judged, taken
from agent.site_store import SiteStore
from protocol.bundle import Accepted
from protocol.site.schema import Site

LOG: Final = logging.getLogger("branchwatch.site")

APPLIED: Final = "config.applied"
REFUSED: Final = "config.refused"
SOURCE: Final = "box/site"

LOOK_S: Final = 1.0
"""How often the running agent looks whether a bundle was handed in."""


Ask = Callable[[Wiring], Awaitable[str]]
"""Why a module does not answer; nothing where it does."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a document that was handed in; `document` is the SHA-256 of its bytes."""

    document: str
    outcome: str  # applied, unchanged, refused
    version: int = 0
    reason: str = ""
    facts: dict[str, Any] = {}


@dataclass(kw_only=True)
class SiteTaker:
    """Takes bundles for one run of the agent; `next` is what it took."""

    held: SignedSite
    knows: Knows
    store: SiteStore
    now: Callable[[], Moment]
    judged_at: Callable[[], datetime]
    silent: Callable[[], frozenset[str]]
    stores: Callable[[], bool]  # whether events are being stored
    ask: Ask
    tell: Callable[[Iterable[Finding]], Awaitable[None]]
    next: SignedSite | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _ordered: bytes | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _incidents: Incidents = field(default_factory=Incidents)
    _told: tuple[Moment, ...] = ()
    _facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _fault: str = ""

    def order(self, document: bytes) -> None:
        """The centre carried a bundle here. Only the newest waits."""
        self._ordered = document
        self._woken.set()

    async def run(self) -> None:
        """Look at what comes, until a bundle is taken."""
        while self.next is None:
            await self._wait()
            document, self._ordered = self._ordered, None
            if document is not None:
                await self.take(document)
            if self.next is None:
                await self._look()
            await self.tell_overdue()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _look(self) -> None:
        """Take what an engineer handed in, and lay the answer beside it."""
        try:
            document = self.store.handed_in()
            if document is None:
                return
            outcome = await self.take(document)
            self.store.answer(msgspec.json.encode(outcome))
            self._fault = ""
        except OSError as error:
            if str(error) != self._fault:  # once, not each second
                LOG.warning("the folder %s cannot be used: %s", self.store.folder, error)
            self._fault = str(error)

    async def take(self, document: bytes) -> Outcome:
        """Judge one, try its devices, commit it; what came of it is told. A fault of ours ends no guarding."""
        digest = sha256(document).hexdigest()
        try:
            accepted = await asyncio.to_thread(self._judged, document)
            if accepted.unchanged:
                return Outcome(document=digest, outcome="unchanged", version=accepted.bundle.version)
            await refuse_silent(self.held.site, accepted.site, self.silent(), self.ask)
            await self._commit(document)
        except SiteRefusedError as refusal:
            await self._refuse(document, refusal)
            return Outcome(document=digest, outcome="refused", reason=refusal.reason, facts=refusal.facts)
        except Exception:
            LOG.exception("a site bundle brings about a fault of ours")
            await self._refuse(document, SiteRefusedError("malformed"))
            return Outcome(document=digest, outcome="refused", reason="malformed")
        self.next = taken(document, accepted)
        self.changed.set()
        return Outcome(document=digest, outcome="applied", version=accepted.bundle.version)

    def _judged(self, document: bytes) -> Accepted:
        """Judged, and rehearsed: what the next run makes of it is made once while the present one still guards."""
        accepted = judged(document, self.knows, self.held, self.judged_at())
        wirings(accepted.site)
        guard = Guard(accepted.site, None, self.now(), same_boot=True, pending=frozenset(accepted.bundle.pending))
        guard.observe((), self.now())
        return accepted

    async def _commit(self, document: bytes) -> None:
        if not self.stores():
            raise SiteRefusedError("no_room", {"fault": os.strerror(ENOSPC)})
        try:
            await asyncio.to_thread(self.store.commit, document, keep=self.held.document)
        except OSError as error:
            raise SiteRefusedError("no_room", {"fault": error.strerror or ""}) from None

    async def _refuse(self, document: bytes, refusal: SiteRefusedError) -> None:
        """Tell it, once a bundle and reason; who sends one after the other gets a count for all of them."""
        now = self.now()
        facts = {**refusal.facts, **claimed(document)}
        name = f"{facts.get('hash', '')} {refusal.reason}"
        if name not in self._incidents.seen:
            self._told, admitted = each(self._told, now)
            name, facts = (name, facts) if admitted else (refusal.reason, {})
        self._incidents, count = noted(self._incidents, name, now)
        self._facts[name] = {**facts, "reason": refusal.reason, "held": self.held.bundle.version}
        self._facts = {known: told for known, told in self._facts.items() if known in self._incidents.seen}
        if count:
            LOG.warning("a site bundle is refused: %s", refusal)
            await self._tell(name, count)

    async def tell_overdue(self) -> None:
        """Tell what was only counted, once its time has come."""
        self._incidents, due = overdue(self._incidents, self.now())
        for name, count in due.items():
            await self._tell(name, count)

    async def _tell(self, name: str, count: int) -> None:
        facts = {**self._facts[name], "count": count}
        await self.tell([Finding(kind=REFUSED, source=SOURCE, phase=Phase.TOLD, at=self.now(), facts=facts)])


async def refuse_silent(before: Site, after: Site, silent: frozenset[str], ask: Ask) -> None:
    """Ask every module that must answer before `after` is taken; `silent` are those that did not answer before.

    Raises:
        SiteRefusedError: one does not.
    """
    asked = to_ask(before, after, silent)
    causes = await asyncio.gather(*(ask(wiring) for wiring in asked))
    mute = [wiring.module.id for wiring, cause in zip(asked, causes, strict=True) if cause]
    if mute:
        raise SiteRefusedError("device_silent", {"devices": mute, "cause": next(cause for cause in causes if cause)})


def applied(signed: SignedSite, now: Moment) -> Finding:
    """The box works with this bundle from now on."""
    facts: dict[str, Any] = {
        "version": signed.bundle.version,
        "hash": signed.hash,
        "touches": list(signed.touches),
        "signers": list(signed.signers),
    }
    if signed.bundle.rollback:
        facts |= {"rollback": True, "why": signed.bundle.reason}
    return Finding(kind=APPLIED, source=SOURCE, phase=Phase.TOLD, at=now, facts=facts)


def damaged(kept: SignedSite, now: Moment) -> Finding:
    """The stored bundle cannot be used: the box works with the one before it."""
    facts = {"reason": "damaged", "held": kept.bundle.version}
    return Finding(kind=REFUSED, source=SOURCE, phase=Phase.TOLD, at=now, facts=facts)
