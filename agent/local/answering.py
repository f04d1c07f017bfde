"""What the running agent does for whoever asks at its socket: shows what it knows, and serves one walk test.

Every output goes through the guard's own checks, every event through the watch; the box signs a record only after it
has rebuilt it from its own ledger. The server (`server.py`) carries lines; this knows what they mean.
"""

import asyncio
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from msgspec.structs import replace

from agent.acceptance.plan import plan_of
from agent.findings import Finding, Phase
from agent.local import lines
from agent.local.arming import CodeDesk
from agent.local.ledger import hidden_waiting, test_events
from agent.local.lines import Reply
from agent.local.refusing import RefusedError
from agent.signals import Moment, PointView
from agent.watch import Watch
from protocol import acceptance
from protocol.acceptance import AcceptanceError, Closing, Config, FinishedFacts, PointFacts, StartedFacts
from protocol.certificates import CertificateError, Role, Trust, VerifiedIdentity
from protocol.documents import DocumentError, Signer, add_signature, open_document, sign_document
from protocol.envelope import EnvelopeType, encode_base64url
from protocol.messages import Event, Health
from protocol.site.schema import Site
from protocol.timestamps import format_time, parse_time

TOLD_AT_ONCE: Final = 400
TOLD_EVERY: Final = timedelta(milliseconds=100)
"""Events that one walk may tell in a burst, and how soon one more: the largest site begins with some 50."""

SWITCH_EVERY: Final = timedelta(seconds=1)
FINISHED_WITHIN: Final = timedelta(minutes=10)
"""How far the end that an installer signed may lie from now."""


@dataclass(frozen=True, kw_only=True)
class Agency:
    """The parts of a running agent that answers are made of."""

    state: Path
    site: Site
    software: str
    config: Config
    box: str
    root: x509.Certificate
    signer: Callable[[], Signer]
    watch: Watch
    points: Callable[[], Iterable[PointView]]
    health: Callable[[], Health]
    link: Callable[[], lines.Link]
    took_ms: Callable[[], Mapping[str, float | None]]
    """By device; only those that this version talks to."""
    now: Callable[[], Moment]
    codes: CodeDesk | None = None
    """What takes people's codes; none where the site file has none."""
    learn: Callable[[str], bool] | None = None
    """Has the eye of a camera learn a new reference; False: it cannot hear now. None: nobody looks here."""


class Lead:
    """One walk test under way, led by one connection."""

    def __init__(self, test: str, now: Moment) -> None:
        self.test = test
        self._left = float(TOLD_AT_ONCE)
        self._counted = now
        self._switched: Moment | None = None

    def tell(self, now: Moment) -> None:
        """Count one more event. Raises: RefusedError: too many."""
        gained = now.since(self._counted) / TOLD_EVERY
        self._left = min(float(TOLD_AT_ONCE), self._left + max(0.0, gained))
        self._counted = now
        if self._left < 1:
            raise RefusedError("too_many")
        self._left -= 1

    def switch(self, now: Moment) -> None:
        """Count one more output moved. Raises: RefusedError: too soon."""
        if self._switched and now.since(self._switched) < SWITCH_EVERY:
            raise RefusedError("too_soon")
        self._switched = now


class Answering:
    """Answers every request but `watch`, which the server keeps up itself."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency
        self._plan = plan_of(agency.site)
        self._points = {step.point for step in self._plan}
        site = agency.site
        self._eyes = {*(f"camera/{each.id}" for each in site.camera), *(f"device/{each.id}" for each in site.recorder)}
        self._lead: Lead | None = None

    async def answer(self, request: lines.Request, lead: Lead | None) -> AsyncIterator[Reply]:
        """The lines that answer; `lead` is what this connection leads.

        Raises:
            RefusedError: it is not done.
        """
        match request:
            case lines.About():
                yield self._about()
            case lines.Plan():
                for at in range(0, len(self._plan), lines.CHUNK):
                    yield Reply(steps=self._plan[at : at + lines.CHUNK])
                yield Reply(done="plan")
            case lines.Watch():
                for each in self._snapshot():
                    yield each
                yield Reply(done="watch")
            case lines.HealthOf():
                yield await self._health()
            case lines.Events():
                events = await self._events(request.test)
                for at in range(0, len(events), lines.EVENT_CHUNK):
                    yield Reply(events=events[at : at + lines.EVENT_CHUNK])
                yield Reply(done="events")
            case lines.Judge():
                identity = self._judge(request)
                yield Reply(done="judge", person=identity.id, not_after=format_time(identity.not_after))
            case lines.Tell():
                await self._tell(request, self._leading(lead))
                yield Reply(done="tell")
            case lines.Switch():
                await self._switch(request.point, self._leading(lead))
                yield Reply(done="switch")
            case lines.Finish():
                await self._finish(request, self._leading(lead))
                yield Reply(done="finish")
            case lines.Arm() | lines.Disarm():
                if self._agency.codes is None:
                    raise RefusedError("no_codes")
                yield await self._agency.codes.ask(request)
            case lines.Learn():
                self._learn(request.camera)
                yield Reply(done="learn")
            case _:
                raise RefusedError("unknown")

    async def lead(self, request: lines.Walk) -> Lead:
        """Begin to lead a walk test.

        Raises:
            RefusedError: another connection leads one, or there is no open one to resume, or one of this id exists.
        """
        if self._lead is not None:
            raise RefusedError("walk_under_way")
        kinds = {event.kind for event in await self._events(request.test)}
        if acceptance.FINISHED in kinds or (acceptance.STARTED in kinds) is not request.resume:
            raise RefusedError("not_open" if request.resume else "known")
        if self._lead is not None:  # another one was quicker while the ledger was read
            raise RefusedError("walk_under_way")
        self._lead = Lead(request.test, self._agency.now())
        return self._lead

    def leave(self, lead: Lead | None) -> None:
        """The connection that led it is gone."""
        if lead is not None and lead is self._lead:
            self._lead = None

    def _learn(self, camera: str) -> None:
        if camera not in {each.id for each in self._agency.site.camera}:
            raise RefusedError("no_such_camera")
        if self._agency.learn is None or not self._agency.learn(camera):
            raise RefusedError("no_eye")

    def _about(self) -> Reply:
        about = self._agency
        return Reply(
            done="about",
            site=about.site.id,
            box=about.box,
            name=about.site.name,
            software=about.software,
            config=about.config,
        )

    def _snapshot(self) -> Iterable[Reply]:
        points = self._views()
        for at in range(0, len(points), lines.CHUNK):
            yield Reply(points=tuple(points[at : at + lines.CHUNK]))

    def _views(self) -> list[lines.Seen]:
        now = self._agency.now()
        return [
            lines.Seen(
                id=view.id,
                state=view.state,
                age_ms=max(0, now.since(view.since) // timedelta(milliseconds=1)),
                name=view.name,
                cause=view.cause,
                marks=view.marks or None,
            )
            for view in self._agency.points()
        ]

    async def _health(self) -> Reply:
        health, took = self._agency.health(), self._agency.took_ms()
        try:  # a count, too, may not tell what nothing at the site shall show
            hidden = await asyncio.to_thread(hidden_waiting, self._agency.state)
        except OSError:
            hidden = health.pending_urgent
        health = replace(health, pending_urgent=max(0, health.pending_urgent - hidden))
        devices = tuple(
            lines.Answers(id=view.id, state=view.state, cause=view.cause, took_ms=took[view.id])
            for view in self._agency.points()
            if view.id in took
        )
        seen = tuple(each for each in self._views() if each.id in self._eyes)
        return Reply(done="health", health=health, devices=devices, link=self._agency.link(), points=seen)

    def _leading(self, lead: Lead | None) -> Lead:
        if lead is None or lead is not self._lead:
            raise RefusedError("no_walk")
        return lead

    async def _events(self, test: str) -> tuple[Event, ...]:
        try:
            return await asyncio.to_thread(test_events, self._agency.state, test)
        except OSError:
            raise RefusedError("ledger_unreadable") from None

    def _judge(self, request: lines.Judge) -> VerifiedIdentity:
        try:
            chain = [b64decode(text, validate=True) for text in request.x5c]
            return Trust(self._agency.root).identify(chain, self._agency.now().wall, Role.PERSON)
        except CertificateError as error:
            raise RefusedError(error.fault.value) from None
        except (BinasciiError, ValueError):
            raise RefusedError("certificate_malformed") from None

    async def _tell(self, request: lines.Tell, lead: Lead) -> None:
        """Only what a walk test says, in its shape, about points of this site."""
        shape: type[StartedFacts | PointFacts | FinishedFacts]
        match request.kind:
            case acceptance.STARTED:
                shape, sources = StartedFacts, {acceptance.SOURCE}
            case acceptance.POINT:
                shape, sources = PointFacts, self._points
            case _:
                shape, sources = FinishedFacts, {acceptance.SOURCE}
        try:
            facts = msgspec.convert(request.facts, shape)
        except msgspec.ValidationError:
            raise RefusedError("malformed") from None
        if request.source not in sources:
            raise RefusedError("no_such_point")
        if facts.test != lead.test:
            raise RefusedError("foreign_test")
        if isinstance(facts, FinishedFacts) and facts != FinishedFacts(test=lead.test, abandoned=True):
            raise RefusedError("malformed")  # a record is closed by `finish`, which rebuilds it
        lead.tell(self._agency.now())
        await self._write(request.kind, request.source, facts)
        if isinstance(facts, FinishedFacts):
            self.leave(lead)

    async def _switch(self, point: str, lead: Lead) -> None:
        """Asked for and told first, then through the guard's checks."""
        now = self._agency.now()
        if point not in self._points:
            raise RefusedError("no_such_point")
        lead.switch(now)
        lead.tell(now)
        if refused := self._agency.watch.exercise(point):
            raise RefusedError(refused)
        family = point.partition("/")[0]
        asked = PointFacts(test=lead.test, asked="sound" if family == "output" else "move")
        await self._write(acceptance.POINT, point, asked)

    async def _finish(self, request: lines.Finish, lead: Lead) -> None:
        """The box signs what its own ledger says, and closes the test with it."""
        if request.test != lead.test:
            raise RefusedError("foreign_test")
        now = self._agency.now()
        try:
            if abs(parse_time(request.finished) - now.wall) > FINISHED_WITHIN:
                raise RefusedError("not_now")
            closing = Closing(finished=request.finished, installer=request.installer)
            record = acceptance.record_from(await self._events(request.test), request.test, closing)
            document = self._signed(acceptance.record_bytes(record), request, now)
            facts = acceptance.finished_facts(record, document)
        except ValueError:
            raise RefusedError("malformed") from None
        except AcceptanceError as error:
            raise RefusedError(error.fault) from None
        except (CertificateError, DocumentError) as error:
            raise RefusedError(str(error.fault)) from None
        await self._agency.watch.keep([self._finding(acceptance.FINISHED, acceptance.SOURCE, facts)])
        self.leave(lead)

    def _signed(self, payload: bytes, request: lines.Finish, now: Moment) -> bytes:
        box = self._agency.signer()
        if request.signature is None:
            if request.installer:
                raise RefusedError("unsigned")
            return sign_document(EnvelopeType.ACCEPTANCE, payload, [box])
        document = msgspec.json.encode(
            {"payload": encode_base64url(payload).decode("ascii"), "signatures": [request.signature]}
        )
        trust = Trust(self._agency.root)
        opened = open_document(document, EnvelopeType.ACCEPTANCE, trust, now.wall, Role.PERSON)
        if [each.id for each in opened.signers] != [request.installer]:
            raise RefusedError("foreign_signer")
        return add_signature(document, EnvelopeType.ACCEPTANCE, box)

    async def _write(self, kind: str, source: str, facts: StartedFacts | PointFacts | FinishedFacts) -> None:
        await self._agency.watch.keep([self._finding(kind, source, acceptance.as_facts(facts))])

    def _finding(self, kind: str, source: str, facts: Mapping[str, object]) -> Finding:
        return Finding(kind=kind, source=source, phase=Phase.TOLD, at=self._agency.now(), facts=facts)
