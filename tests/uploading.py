"""A box that promises, seals and brings pictures, and a real evidence server over a real database in virtual time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from collector.alarms.service import AlarmService
from collector.evidence.callers import Callers
from collector.evidence.folder import Folder
from collector.evidence.keeping import Keeping
from collector.evidence.service import EvidenceService
from collector.evidence.serving import PATIENCE, EvidenceServer, Patience, server_context
from collector.ingest.pipeline import Sending
from collector.people import Person, PersonRole
from collector.storage import evidence
from collector.storage.evidence import EvidenceRow
from collector.storage.records import AlarmState
from protocol.certificates import Role
from protocol.kinds import Lane
from protocol.messages import Event
from protocol.uploads import MAX_PIECE_BYTES, UPLOAD_PATH, Upload, content_range, seal_upload
from provisioning.authority import Authority
from provisioning.issuing import Credential
from tests.collecting import Box, PaperCentre
from tests.ledgers import trust_of
from tests.pictures import sealed_facts, told
from tests.waiting import eventually


def upload_of(by: Box, slot: str, data: bytes, **unlike: Any) -> Upload:
    """A box's word about a file."""
    fields: dict[str, Any] = {
        "v": 1,
        "box": by.id,
        "slot": slot,
        "sha256": sha256(data).hexdigest(),
        "bytes": len(data),
        "media_type": "image/jpeg",
    }
    return Upload(**(fields | unlike))


def write_credential(folder: Path, name: str, authority: Authority, credential: Credential) -> tuple[Path, Path]:
    """A certificate with its chain, and its key, as files."""
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in authority.chain(credential.certificate)))
    key.write_bytes(credential.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, key


@dataclass
class EvidenceWorld:
    """A centre that takes pictures. `limits` are of what one box may fill, and of all."""

    folder: Path
    authority: Authority
    box_limit_bytes: int = 10_000_000
    disk_limit_bytes: int = 100_000_000
    keep: timedelta = timedelta(days=90)
    centre: PaperCentre = field(init=False)
    port: int = 0

    def __post_init__(self) -> None:
        # The server's TLS knows the machine's own clock and no other.
        self.centre = PaperCentre(folder=self.folder, authority=self.authority, now=datetime.now(UTC))
        self.files = Folder(self.folder / "evidence", self._now_s)
        self.files.prepare()
        self.keeping = Keeping(
            collector=self.centre.id,
            store=self.centre.store,
            files=self.files,
            keep=self.keep,
            disk_limit_bytes=self.disk_limit_bytes,
            box_limit_bytes=self.box_limit_bytes,
            now=lambda: self.centre.now,
        )
        self.changes = 0
        self.root = self.folder / "root.pem"
        self.root.write_bytes(self.authority.root.certificate.public_bytes(Encoding.PEM))

    def _now_s(self) -> float:
        return self.centre.now.timestamp()

    @asynccontextmanager
    async def serving(self, patience: Patience = PATIENCE) -> AsyncIterator[None]:
        """The real server on a free port."""

        def changed() -> None:
            self.changes += 1

        service = EvidenceService(
            collector=self.centre.id,
            store=self.centre.store,
            files=self.files,
            box_limit_bytes=self.box_limit_bytes,
            now=lambda: self.centre.now,
            changed=changed,
            rejected=self.centre.pipeline.reject,
            make_room=self.keeping.make_room,
        )
        credential = self.authority.issue(Role.BROKER, "broker-1", now=self.centre.now, hosts=("127.0.0.1",))
        chain, key = write_credential(self.folder, "broker-1", self.authority, credential)
        pipeline = self.centre.pipeline
        server = EvidenceServer(
            service=service,
            callers=Callers(self.centre.store, lambda: pipeline.trusted, lambda: pipeline.locked),
            context=server_context(trust=self.root, certificate=chain, key=key),
            host="127.0.0.1",
            port=0,
            now=lambda: self.centre.now,
            patience=patience,
        )
        self.port = server.port
        async with server:
            await eventually(lambda: server.serves)
            yield

    def box(self, name: str = "0755-031-a") -> Box:
        """A box that has said who it is, and its certificate as files."""
        box = self.centre.box(name, name.removesuffix("-a"))
        self.centre.take(box.birth())
        self.centre.take(box.events(box.opened(Lane.URGENT)), box.events(box.opened(Lane.ROUTINE)))
        write_credential(self.folder, box.id, self.authority, box.credential)
        return box

    def promise(self, box: Box, *pictures: tuple[str, str], kind: str = "presence.loitering") -> Event:
        """An event that promises pictures arrives now."""
        line, event = told(box, kind, "area/atm-hall", pictures=pictures or (("03", "still"),))
        self.centre.take(box.events(line))
        return event

    def seal(self, box: Box, slot: str, data: bytes, **unlike: Any) -> None:
        """`evidence.sealed` arrives now."""
        line, _ = told(box, "evidence.sealed", "camera/03", sealed_facts(slot, data, **unlike))
        self.centre.take(box.events(line))

    def missing(self, box: Box, slot: str, reason: str) -> None:
        """The box says that there is none."""
        facts = {"event": slot.rpartition("-")[0], "slot": slot, "kind": "still", "missing": reason}
        line, _ = told(box, "evidence.sealed", "camera/03", facts)
        self.centre.take(box.events(line))

    def came(self, box: Box, slot: str, sha256: str, size: int) -> None:
        """The row says that its file is here."""
        row = replace(self.row(box, slot), state="here", came_sha256=sha256, came_bytes=size)
        with self.centre.store.write() as connection:
            evidence.save_evidence(connection, [row])

    def beating(self, box: Box, seconds: int) -> Sending:
        """Time passes while a box beats; what is to be sent."""
        sending = Sending()
        for _ in range(0, seconds, 5):
            self.centre.take(box.beat())
            sending.posts.extend(self.centre.pass_time(min(5, seconds)).posts)
        return sending

    def resolve(self, kind: str) -> None:
        """The open alarm of this kind is handled."""
        service = AlarmService(self.centre.store, lambda: self.centre.now, lambda: None, self.centre.around)
        (alarm,) = [each for each in self.centre.alarms(kind=kind) if each.state is not AlarmState.RESOLVED]
        person = Person(id="wang", name="Wang", roles=frozenset({PersonRole.OPERATOR}), unit="", language="zh")
        held = service.acknowledge(alarm.id, person, version=alarm.version)
        service.resolve(alarm.id, person, version=held.alarm.version, resolution="false_alarm", narrative="a guest")

    def row(self, box: Box, slot: str) -> EvidenceRow:
        """What the centre knows of a slot."""
        with self.centre.store.read() as reading:
            return evidence.evidence_of(reading.connection, [(box.id, slot)])[box.id, slot]

    def revoke(self, box: Box) -> None:
        """Its certificate is taken back, and the centre hears of it."""
        self.authority = self.authority.revoke(box.credential.certificate, now=self.centre.now)
        self.centre.pipeline.trust(trust_of(self.authority))
        self.centre.tick()

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.root)
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    async def connect(self, box: Box) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection as a box, for bytes that no client would send."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self._context(box.id))

    def client(self, name: str = "0755-031-a", **settings: Any) -> httpx.AsyncClient:
        """A connection as the holder of a certificate; nobody where the name is empty."""
        context = self._context(name)
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.port}", verify=context, trust_env=False, timeout=20, **settings
        )

    async def put(
        self, client: httpx.AsyncClient, by: Box, slot: str, data: bytes, first: int = 0, size: int = 0, **unlike: Any
    ) -> httpx.Response:
        """One piece, by the word of a box."""
        upload = upload_of(by, slot, data, **unlike)
        piece = data[first : first + (size or MAX_PIECE_BYTES)]
        headers = {
            "Authorization": seal_upload(by.sealer, upload),
            "Content-Range": content_range(first, len(piece), upload.bytes),
        }
        return await client.put(UPLOAD_PATH + slot, content=piece, headers=headers)

    async def ask(self, client: httpx.AsyncClient, box: Box, slot: str, data: bytes, **unlike: Any) -> httpx.Response:
        """How much is there, by the word of `box`."""
        authorization = seal_upload(box.sealer, upload_of(box, slot, data, **unlike))
        return await client.get(UPLOAD_PATH + slot, headers={"Authorization": authorization})
