"""The ingest from end to end: parse, know the signer, verify, commit; reads as the list of its stages.

Knows no broker: messages in, what to publish out (`Sending`). Signatures are checked in several threads, for the
library lets go of the interpreter meanwhile; everything else happens in the caller's. Flow: subscriber.py -> here.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from cryptography import x509

from collector.fleet.records import Ask
from collector.ingest.commit import Batch, Committer, Outcome
from collector.ingest.parking import Parking
from collector.ingest.parsing import Parsed, parse
from collector.ingest.rates import Rates
from collector.ingest.received import Reason, Received, Rejection
from collector.ingest.sequence import Standing
from collector.ingest.signers import Signers
from collector.ingest.signs_of_life import Sign
from collector.ingest.verification import (
    Verified,
    VerifiedEvents,
    introduced_by,
    open_signed,
    verify,
)
from collector.metrics import Metrics
from collector.orders.posting import Post
from collector.revocation import Lists, Shown
from collector.storage.store import Store, StoreError
from collector.times import moment
from protocol.certificates import Trust, VerifiedIdentity
from protocol.enrolment import RecordLine
from protocol.envelope import Opened
from protocol.ledger import Position
from protocol.topics import Up

WORTH_SHARING: Final = 16
"""Envelopes from which on the work is shared between threads; handing over costs some 50 us."""

MOST_ELSEWHERE: Final = 1_000
"""Rejections of the evidence server that wait for a tick; more say nothing new."""

logger = logging.getLogger(__name__)


class Signed(NamedTuple):
    """An envelope and the identity that its `kid` names."""

    parsed: Parsed
    identity: VerifiedIdentity


@dataclass
class Sending:
    """What is to be published: heads to receipt when there is time, the rest at once."""

    heads: dict[str, dict[str, Standing]] = field(default_factory=dict)
    answers: list[tuple[str, bytes]] = field(default_factory=list)
    asks: list[tuple[str, Ask]] = field(default_factory=list)
    deliveries: list[tuple[str, bytes]] = field(default_factory=list)  # box, signed site bundle
    posts: list[Post] = field(default_factory=list)  # orders to be sent again, and what the centre asks under an id


class Pipeline:
    """Everything between a broker and the database. One thread calls it."""

    def __init__(
        self,
        *,
        store: Store,
        committer: Committer,
        trust: Trust,
        metrics: Metrics,
        helpers: Executor | None = None,
        shares: int = 1,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._committer, self._metrics, self._changed = store, committer, metrics, changed
        self._signers = Signers(trust, self._chains, self._chains_of_box)
        self._rates = Rates()
        self._parking = Parking()
        self._elsewhere: deque[Rejection] = deque(maxlen=MOST_ELSEWHERE)
        self._helpers, self._shares = helpers, shares
        self._lists: tuple[Trust, int, Lists] | None = None
        self._told_of: Trust | None = None

    def trust(self, trust: Trust) -> None:
        """Work with other revocations from now on."""
        self._signers = self._signers.renewed(trust)
        self._told_of = None

    @property
    def trusted(self) -> Trust:
        """The root and the revocations in force; safe from any thread."""
        return self._signers.trust

    @property
    def locked(self) -> frozenset[str]:
        """Keys of boxes that were taken back; safe from any thread."""
        return self._signers.locked

    @property
    def issuers(self) -> tuple[x509.Certificate, ...]:
        """Who issued the boxes that were heard."""
        return tuple(self._signers.issuers.values())

    def revocation(self, now_ms: int) -> tuple[Shown, ...]:
        """What is wrong with the revocation lists; signatures are checked only when a list or an issuer is new."""
        trust, met = self._signers.trust, len(self._signers.issuers)
        if self._lists is None or self._lists[:2] != (trust, met):
            self._lists = (trust, met, Lists(trust.crls, self.issuers))
        return self._lists[2].judge(moment(now_ms))

    def take(self, messages: Sequence[Received], *, now_ms: int, mono_ms: int, listening_ms: int) -> Sending:
        """Bring messages into the ledger; when this returns they are durable.

        Raises:
            StoreError: the database cannot be reached; nothing was stored, and nothing may be acknowledged.
        """
        sending = Sending()
        rejections: list[Rejection] = []
        parsed = self._parse(messages, rejections, now_ms)
        signed = self._signed(parsed, rejections, sending, now_ms)
        verified = self._verify(signed, rejections, now_ms)
        self._commit(verified, rejections, sending, (now_ms, mono_ms, listening_ms))
        return sending

    def reject(self, rejection: Rejection) -> None:
        """Something was set aside elsewhere; told with the next tick. Safe from any thread."""
        self._elsewhere.append(rejection)

    def tick(self, *, now_ms: int, mono_ms: int, listening_ms: int) -> Sending:
        """What the passing of time shows: silence, gaps, incidents that are over, keys nobody introduced.

        Raises:
            StoreError: the database cannot be reached.
        """
        sending = Sending()
        rejections: list[Rejection] = []
        introduced = self._introduced_elsewhere(rejections, now_ms)
        rejections.extend(_reject(parsed, Reason.UNKNOWN_KEY) for parsed in self._parking.impatient(now_ms))
        while self._elsewhere:
            rejections.append(self._elsewhere.popleft())
        verified = self._verify(introduced, rejections, now_ms)
        self._commit(verified, rejections, sending, (now_ms, mono_ms, listening_ms))
        if self._told_of is not (trust := self._signers.trust):
            outcome = self._committer.renewed(trust, now_ms=now_ms, mono_ms=mono_ms)
            self._signers.lock_out(outcome.revoked)
            self._count(outcome)
            self._told_of = trust
        looked = self._committer.look(now_ms=now_ms, mono_ms=mono_ms, listening_ms=listening_ms)
        if looked is not None:
            self._count(looked)
            sending.asks.extend(looked.asks)
            sending.posts.extend(looked.posts)
        self._metrics.parked.set(self._parking.count)
        with self._store.read() as reading:
            self._metrics.silent.set(reading.silent_boxes())
        return sending

    def enrolled(
        self, entries: Sequence[RecordLine], before: Position | None, behind: Position, *, now_ms: int, mono_ms: int
    ) -> None:
        """The enrolment's record goes on; safe from any thread.

        Raises:
            StoreError: the database cannot be reached; the same lines may be brought again.
        """
        self._count(self._committer.enrolled(entries, before, behind, now_ms=now_ms, mono_ms=mono_ms))

    def _parse(self, messages: Iterable[Received], rejections: list[Rejection], now_ms: int) -> list[Parsed]:
        taken: list[Parsed] = []
        for received in messages:
            parsed = parse(received)
            if isinstance(parsed, Rejection):
                rejections.append(parsed)
            elif not self._rates.admits(parsed.box, now_ms):
                rejections.append(_reject(parsed, Reason.RATE))
            else:
                taken.append(parsed)
        return taken

    def _signed(self, parsed: list[Parsed], rejections: list[Rejection], sending: Sending, now_ms: int) -> list[Signed]:
        """Find each envelope's signer; births bring theirs, and set free what waited for it."""
        now = moment(now_ms)
        self._signers.find((each.unverified.kid for each in parsed), now)
        signed: list[Signed] = []
        for each in parsed:
            if each.up is Up.BIRTH:
                signed.extend(self._introduced(each, rejections, now))
                continue
            known = self._signers.get(each.unverified.kid, now)
            if known is None:
                if self._parking.park(each, now_ms):
                    sending.asks.append((each.box, Ask(action="birth")))
            elif isinstance(known, Reason):
                rejections.append(_reject(each, known))
            else:
                signed.append(Signed(each, known))
        return signed

    def _introduced_elsewhere(self, rejections: list[Rejection], now_ms: int) -> list[Signed]:
        """What waited for a birth that another collector took."""
        now, keys = moment(now_ms), self._parking.keys
        self._signers.find(keys, now)
        signed: list[Signed] = []
        for kid in sorted(keys):
            if (known := self._signers.get(kid, now)) is None:
                continue
            for waited in self._parking.introduced_key(kid):
                if isinstance(known, Reason):
                    rejections.append(_reject(waited, known))
                else:
                    signed.append(Signed(waited, known))
        return signed

    def _introduced(self, birth: Parsed, rejections: list[Rejection], now: datetime) -> list[Signed]:
        identity = introduced_by(birth, self._signers.trust, now)
        if isinstance(identity, Rejection):
            rejections.append(identity)
            return []
        opened = open_signed(birth, identity)
        if isinstance(opened, Rejection):
            rejections.append(opened)
            return []
        if (refused := self._signers.refused(identity)) is not None:
            rejections.append(_reject(birth, refused))
            return []
        self._signers.learn(identity)
        waited = self._parking.introduced(birth.box, identity.kid)
        # What waited comes first: the answer to the birth then states it as committed.
        return [*(Signed(parsed, identity) for parsed in waited), Signed(birth, identity)]

    def _verify(self, signed: list[Signed], rejections: list[Rejection], now_ms: int) -> list[Verified]:
        now = moment(now_ms)
        verified: list[Verified] = []
        for each, opened in zip(signed, self._open(signed), strict=True):
            found = opened if isinstance(opened, Rejection) else verify(each.parsed, opened, each.identity, now)
            if isinstance(found, Rejection):
                rejections.append(found)
            else:
                verified.append(found)
        for up, count in Counter(each.parsed.up for each in signed).items():
            self._metrics.envelopes.labels(up.value).inc(count)
        return verified

    def _open(self, signed: list[Signed]) -> list[Opened | Rejection]:
        if self._helpers is None or self._shares < 2 or len(signed) < WORTH_SHARING:
            return _open_all(signed)
        size = -(-len(signed) // self._shares)
        parts = [signed[start : start + size] for start in range(0, len(signed), size)]
        others = [self._helpers.submit(_open_all, part) for part in parts[1:]]
        opened = _open_all(parts[0])
        for other in others:
            opened.extend(other.result())
        return opened

    def _commit(
        self,
        verified: Sequence[Verified],
        rejections: Sequence[Rejection],
        sending: Sending,
        times: tuple[int, int, int],
    ) -> None:
        if not verified and not rejections:
            return
        for reason, count in Counter(rejection.reason.value for rejection in rejections).items():
            self._metrics.rejections.labels(reason).inc(count)
        try:
            self._store_batch(_batch(verified, rejections), sending, times)
        except StoreError:
            raise
        except Exception as problem:  # noqa: BLE001 - a poisoned message must not stop the others, whatever it trips over
            # Nothing of the transaction is left; one by one, the sound ones are stored and the other is found.
            if len(verified) + len(rejections) > 1:
                for each in verified:
                    self._commit([each], [], sending, times)
                for rejection in rejections:
                    self._commit([], [rejection], sending, times)
            else:
                self._give_up(verified, problem, sending, times)

    def _give_up(
        self, verified: Sequence[Verified], problem: Exception, sending: Sending, times: tuple[int, int, int]
    ) -> None:
        logger.error("a message could not be stored and was set aside", exc_info=problem)
        for each in verified:
            box = each.received.topic.split("/")[2]
            rejection = Rejection(reason=Reason.NOT_STORED, claimed_box=box, received=each.received)
            self._metrics.rejections.labels(rejection.reason.value).inc()
            self._store_batch(Batch(rejections=(rejection,)), sending, times)

    def _store_batch(self, batch: Batch, sending: Sending, times: tuple[int, int, int]) -> None:
        now_ms, mono_ms, listening_ms = times
        with self._metrics.commits.time():
            outcome = self._committer.commit(batch, now_ms=now_ms, mono_ms=mono_ms, listening_ms=listening_ms)
        self._metrics.batch.observe(len(batch.events) + len(batch.signs))
        for box, heads in outcome.heads.items():
            sending.heads[box] = dict(heads)
        sending.answers.extend(outcome.answers)
        sending.asks.extend(outcome.asks)
        sending.deliveries.extend(outcome.deliveries)
        self._count(outcome)

    def _count(self, outcome: Outcome) -> None:
        for lane, count in outcome.events.items():
            self._metrics.events.labels(lane).inc(count)
        self._metrics.duplicates.inc(outcome.duplicates)
        for level in outcome.alarm_levels:
            self._metrics.alarms.labels(str(level)).inc()
        if outcome.changed:
            self._changed()

    def _chains(self, kids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        with self._store.read() as reading:
            return reading.chains(kids)

    def _chains_of_box(self, box: str) -> tuple[tuple[str, ...], ...]:
        with self._store.read() as reading:
            return reading.chains_of_box(box)


def _open_all(signed: Iterable[Signed]) -> list[Opened | Rejection]:
    return [open_signed(parsed, identity) for parsed, identity in signed]


def _batch(verified: Sequence[Verified], rejections: Sequence[Rejection]) -> Batch:
    events = [each for each in verified if isinstance(each, VerifiedEvents)]
    signs: list[Sign] = [each for each in verified if not isinstance(each, VerifiedEvents)]
    return Batch(events=events, signs=signs, rejections=rejections)


def _reject(parsed: Parsed, reason: Reason) -> Rejection:
    return Rejection(reason=reason, claimed_box=parsed.box, received=parsed.received)
