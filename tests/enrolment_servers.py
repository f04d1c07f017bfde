"""The real enrolment server and the real commands around it, for tests: `Enrolling` makes the folders and runs them."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Issuer, thumbprint
from provisioning import command
from provisioning.authority import Authority
from provisioning.enrolment.serving import show_certificate
from provisioning.keeping import load_authority, save_authority
from provisioning.record import Entry
from provisioning.record_file import RECORD, read_record
from tests.conftest import EventuallyBlocking, StartProcess
from tests.processes import RunningProcess

ROOT = Path(__file__).resolve().parents[1]
BRANCHWATCH = [sys.executable, "-m", "branchwatch"]
SITE, BOX = "0755-031", "0755-031-a"
COMMAND_S = 30


@dataclass
class Enrolling:
    """An authority, its enrolment, kits, and boxes that ask; everything below one folder."""

    folder: Path
    port: int
    process: StartProcess
    eventually: EventuallyBlocking
    server: RunningProcess | None = None
    env: dict[str, str] = field(default_factory=lambda: {"LC_ALL": "C"})
    pins: Sequence[str] = ("a" * 64,)

    @property
    def ca(self) -> Path:
        """The authority."""
        return self.folder / "ca"

    @property
    def enrol(self) -> Path:
        """The enrolment's folder."""
        return self.folder / "enrol"

    @property
    def at(self) -> str:
        """Where the server answers."""
        return f"127.0.0.1:{self.port}"

    def make(self, made_at: datetime | None = None) -> Enrolling:
        """A new authority, without a passphrase, and its enrolment."""
        save_authority(Authority.create(now=made_at or datetime.now(UTC)), self.ca)
        self.provision("enrolment", "new", "--dir", str(self.ca), "--out", str(self.enrol))
        return self

    def authority(self) -> Authority:
        """The authority's keys."""
        return load_authority(self.ca)

    def serve(self, *, env: dict[str, str] | None = None) -> RunningProcess:
        """Start the server and wait until it answers."""
        words = ["provision", "serve", "--dir", str(self.enrol), "--listen", self.at]
        self.server = self.process([*BRANCHWATCH, *words], cwd=ROOT, env={**self.env, **(env or {})})
        self.eventually(self._listens, timeout_s=COMMAND_S, what="the enrolment answers")
        return self.server

    def _listens(self) -> bool:
        assert self.server is not None
        assert self.server.running(), self.server.tail()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def provision(self, *words: str) -> None:
        """A word of `provision` that must work."""
        assert command.main(list(words)) == 0, words

    def token(self, site: str = SITE, *more: str, box: str | None = None) -> Path:
        """A code in a file, as `token` writes it."""
        file = self.folder / f"code-{len(list(self.folder.glob('code-*')))}.txt"
        named = ["--box", box] if box else []
        self.provision("token", site, "--dir", str(self.enrol), "--at", self.at, "--kit-file", str(file), *named, *more)
        return file

    def kit(self, site: str = SITE, box: str = BOX) -> Path:
        """What a kit says of the bank."""
        folder = self.folder / f"kit-{box}"
        folder.mkdir(exist_ok=True)
        root = self.authority().root.certificate.public_bytes(Encoding.PEM)
        (folder / "root.pem").write_bytes(root)
        (folder / "pins.json").write_text(json.dumps(list(self.pins)))
        (folder / "enrol.json").write_text(json.dumps({"v": 1, "site": site, "box": box, "at": self.at}))
        return folder

    def state(self, name: str = "state") -> Path:
        """A box's folder."""
        return self.folder / name

    def agent(
        self, *words: str | Path, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One agent command to its end."""
        return subprocess.run(
            [*BRANCHWATCH, "agent", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=COMMAND_S,
            env={**os.environ, **self.env, **(env or {})},
        )

    def ask(
        self, code: Path, *more: str, state: str = "state", site: str = SITE, box: str = BOX
    ) -> subprocess.CompletedProcess[str]:
        """`agent enrol` with a code's file."""
        kit = self.kit(site, box)
        return self.agent("enrol", "--code-file", code, "--kit", kit, "--state", self.state(state), *more)

    def entries(self) -> list[Entry]:
        """The enrolment's record."""
        return [entry for entry, _ in read_record(self.enrol / RECORD)]

    def acts(self) -> list[str]:
        """What was done, without how it began."""
        return [entry.act.value for entry in self.entries() if entry.act.value not in ("made", "known")]

    def reasons(self) -> list[str]:
        """Why somebody was refused."""
        return [entry.facts["reason"] for entry in self.entries() if entry.act.value == "refused"]


class Between:
    """A TLS server with an issuer's certificate of its own choice, which keeps whatever it hears.

    Each connection is met by the next of `authorities`, and ended after its first answer if there is another one.
    """

    def __init__(self, answer: bytes, *authorities: Authority) -> None:
        self.heard: list[bytes] = []
        self._answer = answer
        self._contexts = []
        for authority in authorities:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            show_certificate(context, authority.issuers[Issuer.BOXES], datetime.now(UTC))
            self._contexts.append(context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(COMMAND_S)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        for number, context in enumerate(self._contexts, start=1):
            with suppress(OSError, ssl.SSLError):
                raw, _ = self._listener.accept()
                raw.settimeout(COMMAND_S)
                with raw, context.wrap_socket(raw, server_side=True) as link:
                    self._answer_to(link, last=number == len(self._contexts))

    def _answer_to(self, link: ssl.SSLSocket, *, last: bool) -> None:
        self.heard.append(b"")
        ends = "" if last else "Connection: close\r\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._answer)}\r\n{ends}\r\n"
        while part := link.recv(65_536):
            self.heard[-1] += part
            if self.heard[-1].endswith(b"\r\n\r\n"):
                link.sendall(head.encode() + self._answer)
                if not last:
                    return

    @contextmanager
    def listening(self) -> Iterator[Between]:
        """Answer one connection; it is over at the end."""
        self._thread.start()
        try:
            yield self
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join(COMMAND_S)


def thumbprint_of(state: Path) -> str:
    """The thumbprint of a box's own key."""
    from agent.identity_reading import read_private_key

    return thumbprint(read_private_key(state / "identity" / "signing.key").public_key())


MakeEnrolling = Callable[[], Enrolling]
