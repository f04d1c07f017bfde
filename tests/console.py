"""A console for tests: the real application over a real database that the real pipeline fills, in virtual time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi.dependencies import models
from msgspec.structs import replace

from collector.acceptance.records import WalkTests
from collector.alarms.service import AlarmService
from collector.bundles import BundleService
from collector.console import create_app
from collector.evidence.files import Part
from collector.evidence.folder import Folder
from collector.evidence.showing import Showing
from collector.health import Check
from collector.ingest.picturing import entry_of
from collector.live import Feed
from collector.notify.answers import AnswerService
from collector.orders.posting import Outgoing
from collector.orders.requests import RequestService
from collector.orders.service import OrderService
from collector.people import Credentials, People, Person, PersonRole, hash_password, token_hash
from collector.registering import Registry
from collector.services import Services
from collector.storage import evidence, writing
from collector.storage.journal import write_journal
from collector.storms.service import SuspensionService
from protocol.ids import new_event_id
from protocol.kinds import KINDS, Lane, lane_of
from protocol.ledger import Link, after, line_hash
from protocol.limits import MAX_EVENTS_PER_ENVELOPE
from protocol.messages import BecauseRow, Clock, Event, PointState, encode
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre
from tests.described import answer_faults, described
from tests.pictures import sealed_facts, told

PASSWORD = "gate-7-lamp-river"
ADDRESS = "http://desk.test"
POINTS = (
    PointState(id="door/outer", state="open", age_ms=1000, name="通道外门"),
    PointState(id="door/inner", state="closed", age_ms=2000, name="通道内门"),
    PointState(id="door/vault", state="unknown", age_ms=38_000, name="金库门", cause="cannot be connected"),
)


def person(name: str, *roles: PersonRole, unit: str = "", language: str = "zh") -> Person:
    """Somebody of that name, whose token is `token-<name>`."""
    return Person(id=name, name=name.capitalize(), roles=frozenset(roles), unit=unit, language=language)


PEOPLE = (
    person("wang", PersonRole.OPERATOR),
    person("chen", PersonRole.OPERATOR),
    person("li", PersonRole.SHIFT_LEADER),
    person("qian", PersonRole.AUDITOR),
    person("zhao", PersonRole.SECURITY_OFFICER),
    person("admin", PersonRole.ADMINISTRATOR),
    person("east-officer", PersonRole.SECURITY_OFFICER, unit="市分行/东区支行"),
    person("west-auditor", PersonRole.AUDITOR, unit="市分行/西区支行"),
    person("sun", PersonRole.ENGINEER),
    person("east", PersonRole.OPERATOR, unit="市分行/东区支行"),
    person("zhou", PersonRole.REVIEWER),
    person("lin", PersonRole.CENTRE_DIRECTOR),
)
_HASH = hash_password(PASSWORD)


@dataclass
class ConsoleWorld:
    """One centre with its console; `checks` is what /healthz finds."""

    folder: Path
    authority: Authority
    checks: list[Check] = field(default_factory=list)
    asked: set[tuple[str, str, int]] = field(default_factory=set)
    gateways: dict[str, bytes] = field(default_factory=dict)
    make_centre: type[PaperCentre] = PaperCentre

    def __post_init__(self) -> None:
        people = People(
            Credentials(person=each, password_hash=_HASH, token_hash=token_hash(f"token-{each.id}")) for each in PEOPLE
        )
        self.centre = self.make_centre(folder=self.folder, authority=self.authority, people=people)
        store = self.centre.store
        self.feed = Feed(store)
        self.outgoing = Outgoing()
        self.files = Folder(self.folder / "evidence")
        self.files.prepare()
        self.app = create_app(
            Services(
                collector=self.centre.id,
                store=store,
                people=people,
                alarms=AlarmService(store, self._now, self.feed.changed, self.centre.around),
                suspensions=SuspensionService(store, self.centre.around, self._now, self.feed.changed),
                bundles=BundleService(store, lambda: self.centre.pipeline.trusted, self._now, self.feed.changed),
                registry=Registry(store, self._now, os.urandom),
                orders=OrderService(store, self._now, os.urandom, self.feed.changed, self.outgoing.post),
                requests=RequestService(store, self._now, os.urandom, self.feed.changed, self.outgoing.post),
                answers=AnswerService(store, self._now, self.feed.changed, self.centre.around),
                gateways=self.gateways,
                evidence=Showing(
                    collector=self.centre.id,
                    store=store,
                    files=self.files,
                    now=self._now,
                    rejected=self.centre.pipeline.reject,
                ),
                walk_tests=WalkTests(store, lambda: self.centre.pipeline.trusted, self._now),
                feed=self.feed,
                metrics=self.centre.metrics,
                now=self._now,
                health=lambda: tuple(self.checks),
                export=self._export,
            )
        )
        self.box = self.site("0755-031", "市分行/西区支行")

    def site(self, name: str, unit: str) -> Box:
        """A site with one box that has said who it is."""
        box = self.centre.box(f"{name}-a", name, unit=unit)
        self.centre.take(box.birth(POINTS))
        self.centre.take(box.events(box.opened(Lane.URGENT)), box.events(box.opened(Lane.ROUTINE)))
        self.feed.changed()
        return box

    def happens(
        self,
        kind: str,
        source: str = "interlock/vestibule",
        facts: Mapping[str, Any] | None = None,
        because: tuple[BecauseRow, ...] = (),
        box: Box | None = None,
        restores: str | None = None,
    ) -> str:
        """An event of this kind arrives now; returns its id."""
        box = box or self.box
        line, event = _line(box, kind, source, facts or {}, because, restores)
        self.centre.take(box.events(line))
        self.feed.changed()
        return event.id

    def pictured(self, *pictures: tuple[str, str], kind: str = "presence.loitering", **facts: Any) -> str:
        """An event that promises pictures (camera, kind) arrives now; returns its id."""
        source = "camera/03" if kind.startswith("camera.") else "area/atm-hall"
        line, event = told(self.box, kind, source, facts, pictures=pictures or (("03", "still"),))
        self.centre.take(self.box.events(line))
        self.feed.changed()
        return event.id

    def brought(self, slot: str, data: bytes, kind: str = "still") -> str:
        """A promised piece is sealed, and its file is here; returns its hash."""
        line, _ = told(self.box, "evidence.sealed", "camera/03", sealed_facts(slot, data, kind))
        self.centre.take(self.box.events(line))
        with self.centre.store.read() as reading:
            row = evidence.evidence_of(reading.connection, [(self.box.id, slot)])[self.box.id, slot]
        part = Part(box=row.box, slot=slot, sha256=row.sha256)
        self.files.append(part, self.files.size_of(part), data)
        assert self.files.finish(part)
        row = replace(row, state="here", came_sha256=row.sha256, came_bytes=len(data))
        with self.centre.store.write() as connection:
            number = writing.lock_counters(connection)
            evidence.save_evidence(connection, [row])
            write_journal(connection, [entry_of(row, self.centre.id)], int(self.centre.now.timestamp() * 1000))
            writing.save_counter(connection, number)
        self.feed.changed()
        return row.sha256

    def flood(self, count: int, kind: str = "device.offline") -> None:
        """So many alarms of different sources, in full envelopes."""
        lines = [_line(self.box, kind, f"device/d{number}", {}, (), None)[0] for number in range(count)]
        for start in range(0, count, MAX_EVENTS_PER_ENVELOPE):
            self.centre.take(self.box.events(*lines[start : start + MAX_EVENTS_PER_ENVELOPE]))
        self.feed.changed()

    def dual_open(self, source: str = "interlock/vestibule", box: Box | None = None) -> str:
        """Both doors of the vestibule open at once, told as the agent tells it."""
        now = (box or self.box).now
        return self.happens(
            "door.dual_open",
            source,
            {"overlap_s": 0.9, "tolerance_s": 0.5, "doors": ["outer", "inner"]},
            (
                (format_time(now - timedelta(seconds=1.6)), "door/outer", "open", "exit button"),
                (format_time(now - timedelta(seconds=0.9)), "door/inner", "open", "outer not closed"),
            ),
            box,
        )

    @asynccontextmanager
    async def client(self, who: str | None = "wang", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """Asks the console as somebody (by token), or as nobody."""
        if who is not None:
            headers["Authorization"] = f"Bearer token-{who}"
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        hooks = {"response": [self._is_described]}
        async with httpx.AsyncClient(
            transport=transport, base_url=ADDRESS, headers=headers, event_hooks=hooks
        ) as client:
            yield client

    def close(self) -> None:
        """End it. FastAPI remembers the routes of every application there ever was, and with them whole worlds."""
        self.centre.close()
        for each in vars(models).values():
            if callable(forget := getattr(each, "cache_clear", None)):
                forget()

    async def _is_described(self, answer: httpx.Response) -> None:
        """No test gets an answer that the API's own description does not name."""
        body, request = await answer.aread(), answer.request
        media = answer.headers.get("Content-Type", "").partition(";")[0]
        found = answer_faults(described(self.app), request.method, request.url.path, answer.status_code, media, body)
        assert not found, found[:5]
        self.asked.add((request.method, request.url.path, answer.status_code))

    def _now(self) -> datetime:
        return self.centre.now

    def _export(self) -> Iterator[bytes]:
        yield b"the\n"
        yield b"ledger\n"


def _line(
    box: Box, kind: str, source: str, facts: Mapping[str, Any], because: tuple[BecauseRow, ...], restores: str | None
) -> tuple[bytes, Event]:
    lane = lane_of(kind)
    tip = box.tips[lane]
    now_ms = int(box.now.timestamp() * 1000)
    event = Event(
        v=1,
        id=new_event_id(now_ms, bytes.fromhex(line_hash(f"{box.id} {lane} {tip.seq}".encode()))[:10]),
        site=box.site,
        box=box.id,
        run=box.run,
        lane=lane,
        seq=tip.seq + 1,
        prev=tip.hash,
        kind=kind,
        level=KINDS[kind.removesuffix(".restored")].level,
        at=format_time(box.now),
        mono_ms=1,
        clock=Clock.SYNCED,
        source=source,
        facts=dict(facts),
        because=because,
        restores=restores,
    )
    line = encode(event)
    box.tips[lane] = after(Link(run=box.run, seq=event.seq, prev=event.prev, hash=line_hash(line)))
    return line, event
