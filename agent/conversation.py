"""One connection's talk with the centre: what the box says when, and what follows from what it hears. Knows no MQTT.

A new one for each connection; `Voice` is what outlives it (the counter, the collectors' keys, the order challenges,
what has to be told). Flow: outbox -> `next_envelope` -> uplink; uplink -> `hear_*` -> outbox, clock, reports.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from agent import challenges as order_challenges
from agent import incidents, presence
from agent.challenges import Challenges
from agent.clocks import Reading
from agent.counting import Counter, next_number, reserve
from agent.evidence.requests import ACTIONS as OF_PICTURES
from agent.findings import Finding, Phase
from agent.incidents import Incidents, noted
from agent.outbox import sending
from agent.outbox.outbox import Outbox
from agent.outbox.records import Outcome
from agent.presence import NO_CHANGES, Changes, Self
from agent.receipts import Centre, Refused
from agent.signals import Moment, PointView
from protocol.envelope import EnvelopeType, Sealer
from protocol.kinds import Lane
from protocol.messages import Answers, Health, LaneHead, Order, Receipt, Request, encode
from protocol.timestamps import parse_time
from protocol.topics import Down, Up

LOG: Final = logging.getLogger("branchwatch.uplink")

COUNTER_KEY: Final = "beat_counter"
REJECTED: Final = "envelope.rejected"
ORDER_REFUSED: Final = "order.refused"
REQUEST_ANSWERED: Final = "request.answered"
HEALTH: Final = "health"
"""The request that is answered with the box's own condition."""

SITE_FILE: Final = "site_file"
"""The order that carries a site bundle."""

BIRTH_AGAIN: Final = timedelta(seconds=5)
"""An unknown collector's key asks for its chain by a new birth, no oftener than this."""

RESEND_AGAIN: Final = timedelta(seconds=10)
"""A lane is sent again on request no oftener than this."""

REQUEST_AGE: Final = timedelta(minutes=5)
"""Against the time floor, which signed receipts raise: the box's own clock may be wrong."""

IDS_KEPT: Final = 256
"""Ids of requests and orders that are remembered: a broker may say one again."""

SENT_KEPT: Final = 64
"""Beats whose sending time is remembered, to measure the clock by their receipts."""


@dataclass(kw_only=True)
class Voice:
    """What the box needs to speak and to report, for the whole life of the agent."""

    outbox: Outbox
    sealer: Sealer
    centre: Centre
    reading: Callable[[], Reading]
    not_before: Callable[[], datetime]  # the time floor: certificates are judged no earlier than this
    points: Callable[[], Sequence[PointView]]
    health: Callable[[], Health]
    tell: Callable[[Iterable[Finding]], Awaitable[None]]
    heard: Callable[[datetime, timedelta, Moment], Awaitable[None]]  # a receipt's time, its round trip, when it came
    random: Callable[[int], bytes]
    counter: Counter
    site_file: Callable[[bytes], None] | None = None  # takes a site bundle; none where the box has a plain site file
    orders: Callable[[Order, bytes], bool] | None = None  # takes an order and its payload; none where nobody is obeyed
    announce: Callable[[str, Callable[[str], Awaitable[None]]], str] | None = None
    """Has an announcement spoken, or says why not; what is given with it is awaited with the word of how it ended."""
    pictures: Callable[[Request, str], Awaitable[str]] | None = None
    """Takes a request of this collector for pictures and answers it, or says why not; none where there is no camera."""
    order_challenges: Challenges = field(default_factory=Challenges)
    changes: Changes = NO_CHANGES
    incidents: Incidents = field(default_factory=Incidents)
    resent: dict[Lane, Moment] = field(default_factory=dict)
    heard_ids: dict[str, None] = field(default_factory=dict)  # of requests and orders, oldest first
    told_each: dict[str, tuple[Moment, ...]] = field(default_factory=dict)  # by kind, when

    async def number(self) -> int:
        """The next number of the beat counter, safely above every one before."""
        if self.counter.is_low:
            self.counter = reserve(self.counter)
            await self.outbox.save({COUNTER_KEY: str(self.counter.reserved).encode()})
        self.counter = next_number(self.counter)
        return self.counter.last

    async def report(self, kind: str, source: str, cause: str, **facts: object) -> None:
        """Tell of something refused: the first at once, repeats counted."""
        self.incidents, count = noted(self.incidents, f"{kind} {source} {cause}", self.reading().moment)
        if count:
            await self._tell(kind, source, cause, count, **facts)

    async def report_each(self, kind: str, source: str, cause: str, **facts: object) -> None:
        """Tell of each order or request by its own; more than an honest centre sends are counted."""
        now = self.reading().moment
        self.told_each[kind], admitted = incidents.each(self.told_each.get(kind, ()), now)
        if admitted:
            await self._tell(kind, source, cause, 1, **facts)
        else:
            await self.report(kind, source, cause, **facts)

    async def report_overdue(self) -> None:
        """Tell what was only counted, once its time has come."""
        self.incidents, due = incidents.overdue(self.incidents, self.reading().moment)
        for name, count in due.items():
            kind, source, cause = name.split(" ", 2)
            await self._tell(kind, source, cause, count)

    def is_new(self, message_id: str) -> bool:
        """Whether a request or order was not heard before; it counts as heard from now on."""
        if message_id in self.heard_ids:
            return False
        self.heard_ids[message_id] = None
        while len(self.heard_ids) > IDS_KEPT:
            del self.heard_ids[next(iter(self.heard_ids))]
        return True

    async def _tell(self, kind: str, source: str, cause: str, count: int, **facts: object) -> None:
        LOG.warning("%s: %s (%d)", kind, cause, count)
        told = {"reason": cause, "count": count, **facts}
        await self.tell([Finding(kind=kind, source=source, phase=Phase.TOLD, at=self.reading().moment, facts=told)])


class Conversation:
    """What is said and heard on one connection."""

    def __init__(self, voice: Voice, me: Self) -> None:
        self._voice = voice
        self._me = me
        self._sending = sending.Sending()
        self._echo = ""
        self._birth_number = 0
        self._birth_at: Moment | None = None
        self._birth_answered = False
        self._answered = 0
        self._sent_at: dict[int, Moment] = {}
        self._wants_birth = False
        self._unknown_since: Moment | None = None
        self.last_receipt: Moment | None = None

    @property
    def birth_answered(self) -> bool:
        """Whether the centre said where it stands."""
        return self._birth_answered

    @property
    def beat_unanswered(self) -> bool:
        """Whether the last beat has no receipt yet."""
        return self._voice.counter.last > self._answered

    def wants_birth(self) -> bool:
        """Whether a new birth is due: an unknown key was met, or the centre asked for one."""
        now = self._voice.reading().moment
        return self._wants_birth and (self._birth_at is None or now.since(self._birth_at) >= BIRTH_AGAIN)

    async def will(self) -> bytes:
        """The sealed death of this connection, for the broker to keep."""
        message = presence.death(self._me, await self._voice.number(), self._voice.reading())
        return self._voice.sealer.seal(EnvelopeType.DEATH, encode(message))

    async def birth(self) -> bytes:
        """A sealed birth with every point."""
        voice = self._voice
        self._birth_number = await voice.number()
        self._birth_answered, self._wants_birth = False, False
        reading = voice.reading()
        self._birth_at = reading.moment
        self._note_sent(self._birth_number, reading.moment)
        points = voice.points()
        voice.changes = presence.carried(voice.changes, [view.id for view in points], self._birth_number)
        message = presence.birth(self._me, self._birth_number, voice.outbox.heads(), points, reading)
        return voice.sealer.seal(EnvelopeType.BIRTH, encode(message))

    async def beat(self) -> bytes:
        """A sealed beat."""
        voice = self._voice
        await voice.report_overdue()
        number = await voice.number()
        reading = voice.reading()
        if order_challenges.is_due(voice.order_challenges, reading.moment):
            voice.order_challenges = order_challenges.renewed(voice.order_challenges, voice.random(16), reading.moment)
        due = set(voice.changes.due())
        points = [view for view in voice.points() if view.id in due]
        voice.changes = presence.carried(voice.changes, due, number)
        self._note_sent(number, reading.moment)
        message = presence.beat(
            self._me,
            number,
            voice.outbox.heads(),
            voice.health(),
            voice.order_challenges.current,
            self._echo,
            points,
            reading,
        )
        return voice.sealer.seal(EnvelopeType.BEAT, encode(message))

    async def next_envelope(self) -> bytes | sending.Wait:
        """The next sealed events to publish, or how long to wait."""
        voice = self._voice
        while True:
            self._sending = sending.receipted(self._sending, voice.outbox.standing)
            step = sending.decide(self._sending, voice.outbox.standing, voice.reading().moment.mono_ms)
            if isinstance(step, sending.Wait):
                return step
            lines = await voice.outbox.lines(step.lane, step.first, step.last, step.limit)
            if not lines:
                self._sending = sending.nothing_there(self._sending, step, voice.outbox.standing)
                continue
            now_ms = voice.reading().moment.mono_ms
            self._sending = sending.sent(self._sending, step, lines[-1].seq, now_ms)
            return voice.sealer.seal(EnvelopeType.EVENTS, b"\n".join(line.line for line in lines))

    async def hear(self, what: Down, data: bytes) -> None:
        """Take a message from the centre."""
        if what is Down.RECEIPT:
            await self._hear_receipt(data)
        elif what is Down.REQUEST:
            await self._hear_request(data)
        else:
            await self._hear_order(data)

    async def _hear_receipt(self, data: bytes) -> None:
        taken = self._voice.centre.receipt(data, self._judged_at())
        if isinstance(taken, Refused):
            await self._refused("receipt", taken)
            return
        receipt = taken.message
        now = self._voice.reading().moment
        fresh = await self._answer(receipt, now)
        is_birth = receipt.answers is Answers.BIRTH and receipt.counter == self._birth_number
        sets_back = is_birth and not self._birth_answered
        for head in receipt.heads:
            outcome = await (self._set_back(head) if sets_back else self._voice.outbox.receipt(head))
            if outcome is Outcome.UNKNOWN:
                await self._voice.report(REJECTED, "box/receipts", "unknown_head", lane=head.lane.value, seq=head.seq)
            fresh = fresh or outcome is Outcome.ADVANCED
        self._birth_answered = self._birth_answered or is_birth
        if fresh:
            self.last_receipt = now

    async def _answer(self, receipt: Receipt, now: Moment) -> bool:
        """Whether this answers something said on this connection and not answered before: an old one proves nothing."""
        if receipt.answers is Answers.EVENTS or receipt.counter <= self._answered:
            return False
        said = self._sent_at.pop(receipt.counter, None)
        if said is None:
            return False
        self._answered = receipt.counter
        self._echo = receipt.challenge or self._echo
        self._voice.changes = presence.answered(self._voice.changes, receipt.counter)
        await self._voice.heard(parse_time(receipt.at), now.since(said), now)
        return True

    async def _set_back(self, head: LaneHead) -> Outcome:
        outbox = self._voice.outbox
        before = outbox.standing.lanes[head.lane].receipted
        outcome = await outbox.rewind(head)
        after = outbox.standing.lanes[head.lane].receipted
        if after < before:
            LOG.warning(
                "the centre stands at %s %d: sending again from there, %d events", head.lane, after, before - after
            )
            self._sending = sending.again_from(self._sending, head.lane, after + 1)
        return outcome

    async def _hear_request(self, data: bytes) -> None:
        taken = self._voice.centre.request(data, self._judged_at())
        if isinstance(taken, Refused):
            await self._refused("request", taken)
            return
        request = taken.message
        if not self._voice.is_new(request.id):
            LOG.info("request %s of %s came before; ignored", request.id, taken.collector)
            return

        async def answer(refusal: str) -> None:
            await self._tell_answer(request, taken.collector, refusal)

        if request.action in OF_PICTURES and self._voice.pictures is not None:
            refusal = "stale" if self._is_stale(request) else await self._voice.pictures(request, taken.collector)
            if refusal:
                await answer(refusal)
            return
        refusal = self._announce(request, answer) if request.action == "announce" else await self._serve(request)
        if request.action != "announce" or refusal:
            await answer(refusal)

    async def _tell_answer(self, request: Request, collector: str, refusal: str) -> None:
        served = request.action == HEALTH and not refusal
        told = {"health": msgspec.to_builtins(self._voice.health())} if served else {}
        await self._voice.report_each(
            REQUEST_ANSWERED,
            "box/requests",
            refusal or "served",
            request=request.id,
            action=request.action,
            collector=collector,
            **told,
        )

    async def _serve(self, request: Request) -> str:
        """Do what is asked, or say why not."""
        if self._is_stale(request):
            return "stale"
        if request.action == "birth":
            self._wants_birth = True
            return ""
        if request.action == "resend":
            return await self._resend(request)
        return "" if request.action == HEALTH else "unknown_action"

    def _announce(self, request: Request, answer: Callable[[str], Awaitable[None]]) -> str:
        """Have it spoken: the answer comes when it was heard, or could not be."""
        if self._is_stale(request):
            return "stale"
        name = request.args.get("announcement")
        if not isinstance(name, str):
            return "malformed"
        return self._voice.announce(name, answer) if self._voice.announce is not None else "no_loudspeaker"

    def _is_stale(self, request: Request) -> bool:
        """A broker may keep a signed request: it counts only while it is young."""
        return parse_time(request.at) < self._voice.not_before() - REQUEST_AGE

    async def _resend(self, request: Request) -> str:
        word, first = request.args.get("lane"), request.args.get("from")
        now = self._voice.reading().moment
        if (
            not isinstance(word, str)
            or word not in set(Lane)
            or not isinstance(first, int)
            or isinstance(first, bool)
            or first < 1
        ):
            return "malformed"
        lane = Lane(word)
        last = self._voice.resent.get(lane)
        if last is not None and now.since(last) < RESEND_AGAIN:
            return "too_soon"
        self._voice.resent[lane] = now
        count = await self._voice.outbox.send_again(lane, first)
        first = min(first, self._voice.outbox.standing.lanes[lane].head.seq)
        self._sending = sending.again_from(self._sending, lane, first)
        LOG.info("request %s: sending %s again from %d (%d were receipted)", request.id, lane, first, count)
        return ""

    async def _hear_order(self, data: bytes) -> None:
        taken = self._voice.centre.order(data, self._judged_at())
        if isinstance(taken, Refused):
            await self._refused("order", taken)
            return
        order = taken.message
        if order.action == SITE_FILE and self._voice.site_file is not None:
            self._voice.site_file(_bundle_of(order))  # approved by its own signatures, fresh by its version
        elif self._voice.orders is not None and order.action != SITE_FILE:
            if not self._voice.orders(order, taken.payload):
                await self._voice.report(ORDER_REFUSED, "box/orders", "too_many")
        elif self._voice.is_new(order.id):
            told = {"order": order.id, "action": order.action, "by": order.by}
            await self._voice.report_each(ORDER_REFUSED, "box/orders", "no_roster", **told)
        else:
            await self._voice.report(ORDER_REFUSED, "box/orders", "repeated", order=order.id)

    async def _refused(self, what: str, refusal: Refused) -> None:
        if refusal.unknown_key and not self._asked_in_vain():
            LOG.info("a %s of a collector that is not known yet: asking for its certificates", what)
            return
        await self._voice.report(REJECTED, f"box/{what}s", refusal.reason)

    def _asked_in_vain(self) -> bool:
        """Whether a birth, sent because of an unknown key, was answered and the key is still unknown.

        Another collector may simply not have spoken yet; only a stranger stays one after the answer.
        """
        self._wants_birth = True
        now = self._voice.reading().moment
        self._unknown_since = self._unknown_since or now
        asked = self._birth_at is not None and self._birth_at.since(self._unknown_since) > timedelta(0)
        return asked and self._birth_answered

    def _judged_at(self) -> datetime:
        return max(self._voice.reading().moment.wall, self._voice.not_before())

    def _note_sent(self, number: int, now: Moment) -> None:
        self._sent_at[number] = now
        while len(self._sent_at) > SENT_KEPT:
            del self._sent_at[next(iter(self._sent_at))]


def _bundle_of(order: Order) -> bytes:
    """The document that an order of action `site_file` carries; empty where it carries none."""
    bundle = order.args.get("bundle")
    return msgspec.json.encode(bundle) if isinstance(bundle, dict) else b""


def down_of(topic: str) -> Down | None:
    """What a topic of ours carries."""
    word = topic.rpartition("/")[2]
    return Down(word) if word in set(Down) else None


__all__ = ["COUNTER_KEY", "Conversation", "Up", "Voice", "down_of"]
