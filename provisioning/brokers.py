"""A production broker's folder: its certificate, the revocation lists, and the settings that name them.

Rights come from `protocol/broker_config.py`, the same for every broker; this file only says where things stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from protocol.broker_config import BrokerFiles, mosquitto_acl, mosquitto_config, nats_config
from provisioning.keeping import CRLS, KEY_MODE, PUBLIC_MODE, ROOT, write_whole


class BrokerKind(StrEnum):
    """Brokers whose settings can be written."""

    MOSQUITTO = "mosquitto"  # boxes by pattern: any box of this authority that is not revoked
    NATS = "nats"  # boxes by list: it reads no revocation list


@dataclass(frozen=True, kw_only=True)
class BrokerFolder:
    """What a broker is given and where it listens."""

    kind: BrokerKind
    id: str
    host: str
    port: int
    folder: Path  # holds <id>.pem, <id>.key and root.pem already
    collectors: Sequence[str]
    boxes: Sequence[str]


def write_broker_settings(broker: BrokerFolder, crls: bytes) -> Path:
    """Write settings beside the certificates; returns the file that the broker is started with."""
    folder = broker.folder.absolute()
    files = BrokerFiles(
        host=broker.host,
        port=broker.port,
        trust=folder / f"{ROOT}.pem",
        certificate=folder / f"{broker.id}.pem",
        key=folder / f"{broker.id}.key",
    )
    if broker.kind is BrokerKind.NATS:
        config = folder / "nats.json"
        text = nats_config(
            files,
            store=folder / "jetstream",
            log=folder / "nats.log",
            boxes=broker.boxes,
            collectors=broker.collectors,
        )
        write_whole(config, text.encode(), PUBLIC_MODE)
        return config
    config, acl = folder / "mosquitto.conf", folder / "mosquitto.acl"
    write_whole(folder / CRLS, crls, PUBLIC_MODE)
    write_whole(acl, mosquitto_acl(broker.collectors).encode(), KEY_MODE)
    write_whole(config, mosquitto_config(files, acl=acl, crls=folder / CRLS).encode(), PUBLIC_MODE)
    return config
