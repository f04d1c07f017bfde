"""What a straightforward collector of the same job costs: PyJWT, one table, a batch a transaction. A yardstick only.

`python -m benchmarks.plain_pipeline FOLDER PORT DATABASE COLLECTOR`. It trusts whatever key a birth brings, checks no
chain of certificates and no chain of hashes, opens no alarm and writes no journal. Says "ready" once it is subscribed.
"""

import os
import queue
import sqlite3
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.bank import HOST
from protocol.certificates import kid_of
from protocol.envelope import EnvelopeType, Sealer
from protocol.kinds import Lane
from protocol.ledger import line_hash
from protocol.messages import Answers, LaneHead, Receipt, encode

AT_ONCE: Final = 1_000
SCHEMA: Final = "CREATE TABLE events (box TEXT, lane TEXT, seq INTEGER, hash TEXT, line BLOB, envelope BLOB)"
_DECODE: Final = jwt.api_jws.PyJWS(algorithms=["ES256"])


def main(folder: Path, port: int, database: Path, collector: str) -> None:
    """Take, decode, insert, commit, acknowledge, receipt; until killed."""
    arrived: queue.SimpleQueue[mqtt.MQTTMessage] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=os.urandom(16).hex(), manual_ack=True)
    client.tls_set(str(folder / "root.pem"), str(folder / f"{collector}.pem"), str(folder / f"{collector}.key"))
    client.max_inflight_messages_set(20_000)
    client.on_message = lambda _client, _data, message: arrived.put(message)
    client.on_connect = _subscribe
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect(HOST, port)
    client.loop_start()
    sealer = _sealer(folder, collector)
    rows = sqlite3.connect(database, isolation_level=None)
    rows.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA};")
    keys: dict[str, Any] = {}
    heads: dict[str, dict[str, LaneHead]] = {}
    while True:
        batch = [arrived.get()]
        while len(batch) < AT_ONCE and not arrived.empty():
            batch.append(arrived.get())
        told: set[str] = set()
        fresh: list[tuple[Any, ...]] = []
        for message in batch:
            envelope = bytes(message.payload)
            if message.topic.endswith("birth"):
                claimed = _DECODE.decode(envelope, options={"verify_signature": False})
                chain = [x509.load_der_x509_certificate(b64decode(der)) for der in msgspec.json.decode(claimed)["x5c"]]
                keys[kid_of(chain[0])] = chain[0].public_key()
                continue
            kid = jwt.get_unverified_header(envelope)["kid"]
            for line in _DECODE.decode(envelope, keys[kid], algorithms=["ES256"]).split(b"\n"):
                event = msgspec.json.decode(line)
                box, lane, digest = event["box"], event["lane"], line_hash(line)
                fresh.append((box, lane, event["seq"], digest, line, envelope))
                head = LaneHead(lane=Lane(lane), run=event["run"], seq=event["seq"], hash=digest)
                heads.setdefault(box, {})[lane] = head
                told.add(box)
        rows.execute("BEGIN IMMEDIATE")
        rows.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", fresh)
        rows.execute("COMMIT")
        for message in batch:
            client.ack(message.mid, message.qos)
        for box in told:
            receipt = Receipt(
                v=1,
                collector=collector,
                box=box,
                at="2026-01-01T00:00:00.000Z",
                answers=Answers.EVENTS,
                heads=tuple(heads[box].values()),
            )
            client.publish(f"bw/1/{box}/down/receipt", sealer.seal(EnvelopeType.RECEIPT, encode(receipt)), qos=1)


def _subscribe(client: mqtt.Client, *_: Any) -> None:
    client.subscribe("bw/1/+/up/#", qos=1)


def _sealer(folder: Path, collector: str) -> Sealer:
    certificate = x509.load_pem_x509_certificate((folder / f"{collector}.pem").read_bytes())
    key = load_pem_private_key((folder / f"{collector}.key").read_bytes(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return Sealer(key, kid_of(certificate))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
