"""Broker settings rendered from the table of rights: Mosquitto for production, NATS built in (WIRE 1.5, 1.6).

Pure text from facts. Both brokers take the client's name from its certificate alone and give it the rights of
`protocol.topics`; neither's queue is relied upon: receipts make persistent sessions needless.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.limits import MAX_EVENTS_ENVELOPE_BYTES
from protocol.topics import BOX_RIGHTS, COLLECTOR_RIGHTS, Rights

MAX_MESSAGE_BYTES: Final = MAX_EVENTS_ENVELOPE_BYTES + 64 * 1024
"""The largest envelope with its topic and MQTT's own bytes."""

MAX_UNACKNOWLEDGED: Final = 20_000
"""QoS 1 messages on their way to one client. NATS allows 65,535 a session and counts a filter ending in # twice."""

MAX_QUEUED: Final = 100_000
"""Messages Mosquitto keeps for a slow client; its own default of 1,000 drops a collector's backlog."""

MAX_LOG_BYTES: Final = 5 * 1024 * 1024
"""NATS' log file, one old one kept: a refused client must not fill a disk."""


@dataclass(frozen=True, kw_only=True)
class BrokerFiles:
    """Where a broker listens and finds its certificates."""

    host: str
    port: int
    trust: Path  # the root
    certificate: Path  # the broker's, with its issuer behind it
    key: Path


def mosquitto_config(files: BrokerFiles, *, acl: Path, crls: Path) -> str:
    """mosquitto.conf(5): mutual TLS, names from certificates, the revocation lists in one file."""
    return "\n".join(
        (
            "per_listener_settings false",
            f"listener {files.port} {files.host}",
            f"cafile {files.trust}",
            f"certfile {files.certificate}",
            f"keyfile {files.key}",
            f"crlfile {crls}",
            "tls_version tlsv1.2",
            "require_certificate true",
            "use_identity_as_username true",
            # Two clients of one name cannot throw a third one off by taking its client id.
            "use_username_as_clientid true",
            "allow_anonymous false",
            f"acl_file {acl}",
            "persistence false",
            f"max_packet_size {MAX_MESSAGE_BYTES}",
            f"max_inflight_messages {MAX_UNACKNOWLEDGED}",
            f"max_queued_messages {MAX_QUEUED}",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "",
        )
    )


def mosquitto_acl(collectors: Iterable[str]) -> str:
    """The access list: each collector by name, every box by the pattern of its own."""
    lines: list[str] = []
    for collector in sorted(collectors):
        lines.append(f"user {collector}")
        lines += [f"topic write {topic}" for topic in COLLECTOR_RIGHTS.publish]
        lines += [f"topic read {topic}" for topic in COLLECTOR_RIGHTS.subscribe]
        lines.append("")
    # Patterns hold for everybody, collectors too: a collector might write as the box of its own name, which is none.
    lines += [f"pattern write {topic.format(id='%u')}" for topic in BOX_RIGHTS.publish]
    lines += [f"pattern read {topic.format(id='%u')}" for topic in BOX_RIGHTS.subscribe]
    return "\n".join([*lines, ""])


def nats_config(files: BrokerFiles, *, store: Path, log: Path, boxes: Iterable[str], collectors: Iterable[str]) -> str:
    """nats-server's configuration, as JSON (which its format includes): each box and collector a user by DNS name.

    NATS reads no revocation lists: a revoked box is left out and the server told to reload.
    """
    users = [_nats_user(box, BOX_RIGHTS) for box in sorted(boxes)]
    users += [_nats_user(collector, COLLECTOR_RIGHTS) for collector in sorted(collectors)]
    tls = {
        "cert_file": str(files.certificate),
        "key_file": str(files.key),
        "ca_file": str(files.trust),
        "verify_and_map": True,
        "timeout": 5,
    }
    settings = {
        "server_name": "branchwatch",  # JetStream, which MQTT stands on, refuses a server without a name
        "listen": "127.0.0.1:-1",  # NATS' own protocol is not used; its listener cannot be left out
        "tls": tls,
        "log_file": str(log),
        "logfile_size_limit": MAX_LOG_BYTES,
        "logfile_max_num": 2,
        "max_payload": MAX_MESSAGE_BYTES,
        "jetstream": {"store_dir": str(store), "max_memory_store": 256 * 1024**2, "max_file_store": 4 * 1024**3},
        "mqtt": {
            "listen": f"{files.host}:{files.port}",
            "tls": tls,
            "max_ack_pending": MAX_UNACKNOWLEDGED,
            "ack_wait": "60s",
            "consumer_memory_storage": True,
        },
        "accounts": {"branchwatch": {"jetstream": "enabled", "users": users}, "system": {"users": []}},
        "system_account": "system",
    }
    return json.dumps(settings, indent=1, ensure_ascii=False) + "\n"


def _nats_user(name: str, rights: Rights) -> dict[str, object]:
    return {
        "user": name,
        "allowed_connection_types": ["MQTT"],
        "permissions": {
            "publish": {"allow": _subjects(rights.publish, name)},
            "subscribe": {"allow": _subjects(rights.subscribe, name)},
        },
    }


def _subjects(filters: tuple[str, ...], name: str) -> list[str]:
    """MQTT filters as NATS subjects; `x/#` means x itself too, which NATS wants said apart."""
    subjects: list[str] = []
    for topic in filters:
        subject = topic.format(id=name).replace("/", ".").replace("+", "*")
        if subject.endswith(".#"):
            subjects += [subject[:-2], subject[:-1] + ">"]
        else:
            subjects.append(subject)
    return subjects
