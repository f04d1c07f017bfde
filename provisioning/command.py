"""`branchwatch provision`: makes an authority, issues, revokes, and writes broker settings.

The shell around `authority.py`: reads the clock and the files, prints one sentence, returns the exit code.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.brokers import BrokerFolder, BrokerKind, write_broker_settings
from provisioning.issuing import IssueRefusedError
from provisioning.keeping import (
    CRLS,
    KeepingError,
    load_authority,
    load_certificate,
    save_authority,
    save_credential,
    save_crls,
)

DONE, INPUT_WRONG = 0, 2


def main(argv: list[str]) -> int:
    """Run one `branchwatch provision` command; 0 done, 2 the input is wrong."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (IssueRefusedError, KeepingError) as error:
        print(f"branchwatch provision: {error}", file=sys.stderr)
    except OSError as error:
        print(f"branchwatch provision: {error.filename}: {error.strerror}", file=sys.stderr)
    return INPUT_WRONG


def _new(arguments: argparse.Namespace) -> int:
    authority = Authority.create(now=datetime.now(UTC), organisation=arguments.organisation)
    save_authority(authority, arguments.dir)
    print(f"{arguments.dir}: root and three issuers made. Keep root.key and provisioning.key offline.")
    return DONE


def _issue(arguments: argparse.Namespace) -> int:
    authority = load_authority(arguments.dir)
    role = Role(arguments.role)
    for identity in arguments.id:
        site = arguments.site
        if role is Role.BOX and site is None:
            site = identity.rpartition("-")[0]
        credential = authority.issue(role, identity, site=site, hosts=arguments.host, now=datetime.now(UTC))
        save_credential(
            credential,
            name=identity,
            chain=authority.chain(credential.certificate),
            root=authority.root.certificate,
            folder=arguments.out,
        )
        until = f"{credential.certificate.not_valid_after_utc:%Y-%m-%d}"
        print(f"{arguments.out / identity}.pem and .key: {role.value} {identity}, valid until {until}")
    return DONE


def _revoke(arguments: argparse.Namespace) -> int:
    authority = load_authority(arguments.dir)
    for path in arguments.certificate:
        authority = authority.revoke(load_certificate(path), now=datetime.now(UTC))
    save_crls(authority, arguments.dir)
    print(f"{arguments.dir / CRLS}: {len(arguments.certificate)} revoked. Hand it to collectors and brokers now.")
    return DONE


def _crl(arguments: argparse.Namespace) -> int:
    save_crls(load_authority(arguments.dir).renew_crls(now=datetime.now(UTC)), arguments.dir)
    print(f"{arguments.dir / CRLS}: renewed for seven days.")
    return DONE


def _broker(arguments: argparse.Namespace) -> int:
    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise IssueRefusedError("--listen takes address:port, like 0.0.0.0:8883")
    if not (arguments.out / f"{arguments.id}.key").exists():
        _issue(argparse.Namespace(**vars(arguments) | {"role": Role.BROKER.value, "id": [arguments.id], "site": None}))
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
    print(f"{config}: start the broker with this file; its user must be able to read the folder.")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch provision",
        description="Makes the certificates that boxes, collectors and brokers know each other by.",
        epilog="example:  branchwatch provision authority new --dir ca\n"
        "          branchwatch provision issue box 0755-031-a --site 0755-031 --dir ca --out kit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(required=True, metavar="COMMAND")

    authority = words.add_parser("authority", help="make a new authority", description="Makes a new authority.")
    new = authority.add_subparsers(required=True, metavar="new").add_parser(
        "new",
        help="one root, three issuers",
        description="Makes one root (keep it offline) and the issuers for boxes, centre and provisioning.",
        epilog="example:  branchwatch provision authority new --dir ca",
    )
    new.add_argument("--dir", type=Path, required=True, help="folder that does not hold an authority yet")
    new.add_argument("--organisation", default="Branchwatch", help="name at the head of the certificates")
    new.set_defaults(run=_new)

    issue = words.add_parser(
        "issue",
        help="a key and its certificate",
        description="Issues a key and its certificate to a box, a collector or a broker.",
        epilog="example:  branchwatch provision issue broker broker-1 --host mqtt.bank.example --dir ca --out broker",
    )
    issue.add_argument("role", choices=[Role.BOX.value, Role.COLLECTOR.value, Role.BROKER.value])
    issue.add_argument("id", nargs="+", metavar="ID", help="a collector's begins with centre-")
    issue.add_argument("--site", help="of a box; left out, the id without its last part (0755-031-a: 0755-031)")
    issue.add_argument("--host", action="append", default=[], help="of a broker: a name or address, beside localhost")
    issue.add_argument("--dir", type=Path, required=True, help="the authority's folder")
    issue.add_argument("--out", type=Path, required=True, help="folder for ID.pem, ID.key and root.pem")
    issue.set_defaults(run=_issue)

    broker = words.add_parser(
        "broker",
        help="settings for a production broker",
        description="Writes settings for Mosquitto or NATS: mutual TLS, and to each certificate its own topics only.",
        epilog="example:  branchwatch provision broker mosquitto --listen 0.0.0.0:8883 --dir ca --out broker",
    )
    broker.add_argument("kind", choices=[kind.value for kind in BrokerKind])
    broker.add_argument("--id", default="broker-1", help="of the broker's certificate (default: broker-1)")
    broker.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    broker.add_argument("--host", action="append", default=[], help="a name or address boxes know it by")
    broker.add_argument("--collector", action="append", default=[], help="id of a collector (default: centre-1)")
    broker.add_argument("--box", action="append", default=[], help="of NATS: a box that is let in; once for each")
    broker.add_argument("--dir", type=Path, required=True, help="the authority's folder")
    broker.add_argument("--out", type=Path, required=True, help="the broker's folder")
    broker.set_defaults(run=_broker)

    revoke = words.add_parser(
        "revoke",
        help="take certificates back",
        description="Takes certificates back and writes the revocation lists anew.",
        epilog="example:  branchwatch provision revoke kit/0755-031-a.pem --dir ca",
    )
    revoke.add_argument("certificate", nargs="+", type=Path, metavar="FILE.pem")
    revoke.add_argument("--dir", type=Path, required=True, help="the authority's folder")
    revoke.set_defaults(run=_revoke)

    crl = words.add_parser(
        "crl",
        help="renew the revocation lists",
        description="Writes the revocation lists with a new date; they hold for seven days.",
        epilog="example:  branchwatch provision crl --dir ca",
    )
    crl.add_argument("--dir", type=Path, required=True, help="the authority's folder")
    crl.set_defaults(run=_crl)
    return parser
