"""Two real collectors on one PostgreSQL behind one Mosquitto, for tests that kill one of them.

`Pair` writes their configurations and starts them; `Line` is a box's connection that hears both; `Page` is a reader of
the live feed of one of them.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from collector.people import token_hash
from protocol.certificates import Role, Trust, kid_of
from protocol.envelope import EnvelopeType, Sealer, open_envelope, read_envelope
from protocol.kinds import Lane
from protocol.messages import Answers, Receipt, decode_receipt
from tests.brokers import COLLECTORS, Broker, Certificates
from tests.collecting import Box
from tests.ledgers import der_chain
from tests.postgres_peer import HOST, OWNER, PASSWORD, Cluster
from tests.processes import RunningProcess
from tests.waiting import eventually_blocking

GROUP = "a-group-nobody-guesses"
TOKEN = "t" * 43
BOX = "0755-031-a"

Start = Callable[..., RunningProcess]
"""The `process` fixture."""


class Pair:
    """Both collectors: their files, processes and common database."""

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        broker: Broker,
        cluster: Cluster,
        start: Start,
        free_port: Callable[[], int],
        more: str = "",
    ) -> None:
        self._cluster, self._start = cluster, start
        self.url = cluster.database()
        self._name = self.url.rpartition("/")[2]
        passfile = folder / "pgpass"
        passfile.write_text(f"{HOST}:{cluster.port}:*:{OWNER}:{PASSWORD}\n")
        passfile.chmod(0o600)
        database = f"postgresql://{OWNER}@{HOST}:{cluster.port}/{self._name}?passfile={quote(str(passfile), safe='/')}"
        self.configs: list[Path] = []
        self.consoles: list[str] = []
        self.running: list[RunningProcess | None] = [None, None]
        for collector in COLLECTORS:
            certificate, key = certificates.pair(collector)
            console = free_port()
            config = folder / f"{collector}.toml"
            config.write_text(
                f"""
id = "{collector}"
listen = "127.0.0.1:{console}"
database = "{database}"
brokers = ["127.0.0.1:{broker.port}"]
share = "{GROUP}"
trust = "{certificates.root}"
certificate = "{certificate}"
key = "{key}"
crls = ["{certificates.crls}"]
{more}
[[person]]
id = "wang"
name = "Wang"
roles = ["operator"]
token_hash = "{token_hash(TOKEN)}"
"""
            )
            self.configs.append(config)
            self.consoles.append(f"http://127.0.0.1:{console}")

    def command(self, number: int, word: str = "serve", *more: str | Path) -> list[str | Path]:
        """What starts collector 0 or 1."""
        return [sys.executable, "-m", "branchwatch", "collector", word, "--config", self.configs[number], *more]

    def start(self, number: int) -> RunningProcess:
        """Start one; `healthy` waits for it."""
        made = self.running[number] = self._start(self.command(number))
        return made

    def other_word(self, word: str) -> RunningProcess:
        """Type another word with the configuration of the first."""
        return self._start(self.command(0, word))

    def other(self, config: Path) -> RunningProcess:
        """Start a further one, of a configuration of its own."""
        return self._start([sys.executable, "-m", "branchwatch", "collector", "serve", "--config", config])

    def healthy(self, number: int) -> None:
        """Wait until it hears its broker and its database."""

        def well() -> bool:
            process = self.running[number]
            if process is None or not process.running():
                raise RuntimeError(f"it ended\n{process.tail() if process else ''}")
            with suppress(httpx.HTTPError):
                return httpx.get(f"{self.consoles[number]}/healthz", timeout=2).status_code == 200
            return False

        eventually_blocking(well, 30.0, f"collector {number} is healthy")

    def kill(self, number: int) -> None:
        """kill -9."""
        process = self.running[number]
        assert process is not None
        process.kill()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        return self._cluster.ask(statement, self._name)


class Line:
    """A box's connection, made of nothing of ours: publishes envelopes, keeps what either collector answers."""

    def __init__(self, certificates: Certificates, port: int, box: str = BOX) -> None:
        self.receipts: list[Receipt] = []
        self.faults: list[str] = []
        trust = Trust(certificates.authority.root.certificate)
        self._collectors = [
            trust.identify(
                [
                    each.public_bytes(Encoding.DER)
                    for each in x509.load_pem_x509_certificates(certificates.pair(name)[0].read_bytes())
                ],
                datetime.now(UTC),
                Role.COLLECTOR,
            )
            for name in COLLECTORS
        ]
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.tls_set_context(certificates.tls(box))
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe(f"bw/1/{box}/down/receipt", qos=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, topic: str, payload: bytes) -> None:
        """Publish; the broker's acknowledgement is waited for and means nothing."""
        if self._client.is_connected():
            with suppress(RuntimeError):
                self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def head(self, lane: Lane) -> int:
        """The highest number that any collector has signed for."""
        return max((head.seq for receipt in self.receipts for head in receipt.heads if head.lane is lane), default=0)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
        del self._client  # it holds a pair of sockets to wake itself until it is gone

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        unverified = read_envelope(bytes(message.payload), 1 << 20)
        claimed = decode_receipt(unverified.claimed_payload)
        signer = next(each for each in self._collectors if each.id == claimed.collector)
        opened = open_envelope(unverified, signer.public_key, EnvelopeType.RECEIPT)
        self.receipts.append(decode_receipt(opened.payload))


class Page:
    """A reader of one collector's live feed, in a thread; `last` is the number to go on from elsewhere."""

    def __init__(self, console: str, after: int | None = None) -> None:
        self.last = after
        self.told: list[tuple[str, Any]] = []
        self.numbers: list[int] = []
        """Of the journal, as they came."""
        self._client = httpx.Client(timeout=httpx.Timeout(5, read=10), headers={"Authorization": f"Bearer {TOKEN}"})
        self._ending = False
        self._thread = threading.Thread(target=self._read, args=(console,))
        self._thread.start()
        eventually_blocking(lambda: bool(self.told) or not self._thread.is_alive(), 20.0, "the page is live")

    def kinds(self, topic: str = "event") -> list[str]:
        """The kinds of the events (or alarms) it was told, in their order."""
        return [data["kind"] for name, data in list(self.told) if name == topic]

    def close(self) -> None:
        """Go away."""
        self._ending = True
        self._thread.join()
        self._client.close()

    def _read(self, console: str) -> None:
        headers = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        with (
            suppress(httpx.HTTPError),
            self._client.stream("GET", f"{console}/api/v1/live", headers=headers) as answer,
        ):
            name, number = "", None
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    number = int(value)
                elif field == "data":
                    self.told.append((name, json.loads(value)))
                    if number is not None:
                        self.numbers.append(number)
                        self.last, number = number, None
                if self._ending:
                    return


def paper_box(certificates: Certificates, box: str = BOX) -> Box:
    """A box on paper that writes with the key its broker knows it by."""
    made = Box(authority=certificates.authority, id=box, site=box.rpartition("-")[0], now=datetime.now(UTC))
    pem, key = certificates.pair(box)
    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    private_key = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private_key, EllipticCurvePrivateKey)
    made.sealer = Sealer(private_key, kid_of(certificate))
    made.chain = der_chain(certificates.authority, certificate)
    return made


def introduced(box: Box, line: Line) -> None:
    """The box sends its birth until a collector answers."""

    def answered() -> bool:
        line.send(f"bw/1/{box.id}/up/birth", box.birth().payload)
        return any(receipt.answers is Answers.BIRTH for receipt in line.receipts)

    eventually_blocking(answered, 30.0, "the birth is answered")


def delivered(box: Box, line: Line, messages: Sequence[bytes]) -> None:
    """Send until everything is signed for, as a box does."""

    def signed_for() -> bool:
        if line.head(Lane.URGENT) < box.tips[Lane.URGENT].seq:
            for message in messages:
                line.send(f"bw/1/{box.id}/up/event", message)
        return line.head(Lane.URGENT) == box.tips[Lane.URGENT].seq

    eventually_blocking(signed_for, 40.0, "everything is receipted")
