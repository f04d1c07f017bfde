"""`branchwatch provision`: makes an authority, issues, revokes, and writes broker settings.

The shell around `authority.py`: reads the clock and the files, prints one sentence, returns the exit code.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from protocol.certificates import Role
from protocol.texts import Texts, system_said, texts_for_user, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
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
    say = texts_for_user()
    arguments = _parser(say).parse_args(argv)
    try:
        return int(arguments.run(arguments, say))
    except (IssueRefusedError, KeepingError) as error:
        print(f"branchwatch provision: {told(error, say)}", file=sys.stderr)
    except OSError as error:
        print(f"branchwatch provision: {error.filename}: {system_said(error).told(say)}", file=sys.stderr)
    return INPUT_WRONG


def _new(arguments: argparse.Namespace, say: Texts) -> int:
    authority = Authority.create(now=datetime.now(UTC), organisation=arguments.organisation)
    save_authority(authority, arguments.dir)
    made = say("{folder}: root and three issuers made. Keep root.key and provisioning.key offline.")
    print(made.format(folder=arguments.dir))
    return DONE


def _issue(arguments: argparse.Namespace, say: Texts) -> int:
    authority = load_authority(arguments.dir)
    role = Role(arguments.role)
    for identity in arguments.id:
        site = arguments.site
        if role is Role.BOX and site is None:
            site = identity.rpartition("-")[0]
        if (arguments.out / f"{identity}.key").exists():
            raise KeepingError(
                N_("{folder} already holds a key of {id}; choose another folder"), folder=arguments.out, id=identity
            )
        credential = authority.issue(role, identity, site=site, hosts=arguments.host, now=datetime.now(UTC))
        save_credential(
            credential,
            name=identity,
            chain=authority.chain(credential.certificate),
            root=authority.root.certificate,
            folder=arguments.out,
        )
        until = f"{credential.certificate.not_valid_after_utc:%Y-%m-%d}"
        issued = say("{file}.pem and .key: {role} {id}, valid until {until}")
        print(issued.format(file=arguments.out / identity, role=role.value, id=identity, until=until))
    return DONE


def _revoke(arguments: argparse.Namespace, say: Texts) -> int:
    authority = load_authority(arguments.dir)
    for path in arguments.certificate:
        authority = authority.revoke(load_certificate(path), now=datetime.now(UTC))
    save_crls(authority, arguments.dir)
    revoked = say("{file}: {count} revoked. Hand it to collectors and brokers now.")
    print(revoked.format(file=arguments.dir / CRLS, count=len(arguments.certificate)))
    return DONE


def _crl(arguments: argparse.Namespace, say: Texts) -> int:
    save_crls(load_authority(arguments.dir).renew_crls(now=datetime.now(UTC)), arguments.dir)
    print(say("{file}: renewed for seven days.").format(file=arguments.dir / CRLS))
    return DONE


def _broker(arguments: argparse.Namespace, say: Texts) -> int:
    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise IssueRefusedError(N_("--listen takes address:port, like 0.0.0.0:8883"))
    if not (arguments.out / f"{arguments.id}.key").exists():
        named = {"role": Role.BROKER.value, "id": [arguments.id], "site": None}
        _issue(argparse.Namespace(**vars(arguments) | named), say)
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
    written = say("{file}: start the broker with this file; its user must be able to read the folder.")
    print(written.format(file=config))
    return DONE


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch provision",
        description=say("Makes the certificates that boxes, collectors and brokers know each other by."),
        epilog=say("example:") + "\n  branchwatch provision authority new --dir ca\n"
        "  branchwatch provision issue box 0755-031-a --site 0755-031 --dir ca --out kit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(required=True, metavar="COMMAND")

    authority = words.add_parser(
        "authority", help=say("make a new authority"), description=say("Makes a new authority.")
    )
    new = authority.add_subparsers(required=True, metavar="new").add_parser(
        "new",
        help=say("one root, three issuers"),
        description=say("Makes one root (keep it offline) and the issuers for boxes, centre and provisioning."),
        epilog=say("example:") + "  branchwatch provision authority new --dir ca",
    )
    new.add_argument("--dir", type=Path, required=True, help=say("folder that does not hold an authority yet"))
    new.add_argument("--organisation", default="Branchwatch", help=say("name at the head of the certificates"))
    new.set_defaults(run=_new)

    issue = words.add_parser(
        "issue",
        help=say("a key and its certificate"),
        description=say("Issues a key and its certificate to a box, a collector or a broker."),
        epilog=say("example:")
        + "  branchwatch provision issue broker broker-1 --host mqtt.bank.example --dir ca --out broker",
    )
    issue.add_argument("role", choices=[Role.BOX.value, Role.COLLECTOR.value, Role.BROKER.value])
    issue.add_argument("id", nargs="+", metavar="ID", help=say("a collector's begins with centre-"))
    issue.add_argument("--site", help=say("of a box; left out, the id without its last part (0755-031-a: 0755-031)"))
    issue.add_argument(
        "--host", action="append", default=[], help=say("of a broker: a name or address, beside localhost")
    )
    issue.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    issue.add_argument("--out", type=Path, required=True, help=say("folder for ID.pem, ID.key and root.pem"))
    issue.set_defaults(run=_issue)

    broker = words.add_parser(
        "broker",
        help=say("settings for a production broker"),
        description=say(
            "Writes settings for Mosquitto or NATS: mutual TLS, and to each certificate its own topics only."
        ),
        epilog=say("example:") + "  branchwatch provision broker mosquitto --listen 0.0.0.0:8883 --dir ca --out broker",
    )
    broker.add_argument("kind", choices=[kind.value for kind in BrokerKind])
    broker.add_argument("--id", default="broker-1", help=say("of the broker's certificate (default: broker-1)"))
    broker.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    broker.add_argument("--host", action="append", default=[], help=say("a name or address boxes know it by"))
    broker.add_argument("--collector", action="append", default=[], help=say("id of a collector (default: centre-1)"))
    broker.add_argument("--box", action="append", default=[], help=say("of NATS: a box that is let in; once for each"))
    broker.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    broker.add_argument("--out", type=Path, required=True, help=say("the broker's folder"))
    broker.set_defaults(run=_broker)

    revoke = words.add_parser(
        "revoke",
        help=say("take certificates back"),
        description=say("Takes certificates back and writes the revocation lists anew."),
        epilog=say("example:") + "  branchwatch provision revoke kit/0755-031-a.pem --dir ca",
    )
    revoke.add_argument("certificate", nargs="+", type=Path, metavar="FILE.pem")
    revoke.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    revoke.set_defaults(run=_revoke)

    crl = words.add_parser(
        "crl",
        help=say("renew the revocation lists"),
        description=say("Writes the revocation lists with a new date; they hold for seven days."),
        epilog=say("example:") + "  branchwatch provision crl --dir ca",
    )
    crl.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    crl.set_defaults(run=_crl)
    return parser
