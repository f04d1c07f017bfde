"""`provision broker mosquitto|nats`: a broker's certificate and settings. Flow: command.py -> here -> brokers.py."""

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from protocol.certificates import Role
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import Answer
from provisioning.brokers import BrokerFolder, BrokerKind, write_broker_settings
from provisioning.issuing import IssueRefusedError
from provisioning.keeping import CRLS
from provisioning.office import Order, open_office
from provisioning.passphrase import passphrase_from
from provisioning.words import takes_authority


def add_broker_words(words: Words) -> None:
    """Teach `provision` its word about brokers."""
    say = words.say
    broker = words.add(
        "broker",
        say("settings for a production broker"),
        say("Writes settings for Mosquitto or NATS: mutual TLS, and to each certificate its own topics only."),
        "branchwatch provision broker mosquitto --listen 0.0.0.0:8883 --dir ca --out broker",
        _broker,
    )
    broker.add_argument("kind", choices=[kind.value for kind in BrokerKind])
    broker.add_argument("--id", default="broker-1", help=say("of the broker's certificate (default: broker-1)"))
    broker.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    broker.add_argument("--host", action="append", default=[], help=say("a name or address boxes know it by"))
    broker.add_argument("--collector", action="append", default=[], help=say("id of a collector (default: centre-1)"))
    broker.add_argument("--box", action="append", default=[], help=say("of NATS: a box that is let in; once for each"))
    broker.add_argument("--out", type=Path, required=True, help=say("the broker's folder"))
    takes_authority(broker, say)


def _broker(arguments: Namespace, say: Texts) -> Answer:
    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise IssueRefusedError(N_("--listen takes address:port, like 0.0.0.0:8883"))
    with open_office(arguments.dir, passphrase_from(arguments.passphrase_fd, say)) as office:
        if not (arguments.out / f"{arguments.id}.key").exists():
            order = Order(role=Role.BROKER, id=arguments.id, hosts=tuple(arguments.host))
            office.issue([order], arguments.out, datetime.now(UTC))
    broker = BrokerFolder(
        kind=BrokerKind(arguments.kind),
        id=arguments.id,
        host=host,
        port=int(port),
        folder=arguments.out,
        collectors=arguments.collector or ["centre-1"],
        boxes=arguments.box,
    )
    config = write_broker_settings(broker, (arguments.dir / CRLS).read_bytes())
    line = say("{file}: start the broker with this file; its user must be able to read the folder.")
    return Answer(lines=[line.format(file=config)])
