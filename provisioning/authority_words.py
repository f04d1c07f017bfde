"""`provision authority new | issue | renew | revoke | crl | audit`: arguments in, sentences out.

Reads the clock and asks for the passphrase; what is done is done by `office.py`. Flow: command.py -> here.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from protocol.certificates import Role, thumbprint
from protocol.texts import Texts, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import SAYS_NO, Answer
from provisioning.auditing import Audit, AuditError
from provisioning.authority import Authority
from provisioning.bundles.preview import clean
from provisioning.enrolment.auditing import EnrolmentAudit
from provisioning.enrolment.folder import is_enrolment
from provisioning.enrolment.handing_back import handed_at, issued_elsewhere
from provisioning.issuing import IssueRefusedError
from provisioning.keeping import CRLS, load_certificate, save_authority
from provisioning.office import Order, open_office
from provisioning.passphrase import new_passphrase, passphrase_from
from provisioning.record import Act, Entry, RecordBrokenError
from provisioning.refusal import RefusedError
from provisioning.words import takes_authority

ACTS: Final[Mapping[Act, str]] = {
    Act.MADE: N_("authority made"),
    Act.ISSUED: N_("issued"),
    Act.RENEWED: N_("renewed"),
    Act.WITHDRAWN: N_("withdrawn"),
    Act.REVOKED: N_("revoked"),
    Act.LISTED: N_("revocation list"),
    Act.HANDED: N_("issuer handed over"),
    Act.KNOWN: N_("known from the authority"),
    Act.TOKEN: N_("code made"),
    Act.ENROLLED: N_("enrolled"),
    Act.REFUSED: N_("refused"),
    Act.CODE_DEAD: N_("code dead"),
    Act.READMITTED: N_("readmitted"),
}


def add_authority_words(words: Words) -> None:
    """Teach `provision` its words about certificates."""
    say = words.say
    new = words.below("authority", say("make a new authority")).add(
        "new",
        say("one root, three issuers"),
        say(
            "Makes one root and the issuers for boxes, centre and provisioning. Every key but that of the boxes' "
            "issuer is locked with a passphrase, which is asked for at the terminal."
        ),
        "branchwatch provision authority new --dir ca",
        _new,
    )
    new.add_argument("--dir", type=Path, required=True, help=say("folder that does not hold an authority yet"))
    new.add_argument("--organisation", default="Branchwatch", help=say("name at the head of the certificates"))
    how = new.add_mutually_exclusive_group()
    how.add_argument("--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N"))
    how.add_argument("--no-passphrase", action="store_true", help=say("leave every key open; for trials only"))

    issue = words.add(
        "issue",
        say("a key and its certificate"),
        say("Issues keys and their certificates: all that are asked for, or none."),
        "branchwatch provision issue broker broker-1 --host mqtt.bank.example --dir ca --out broker",
        _issue,
    )
    issue.add_argument("role", choices=[role.value for role in Role])
    issue.add_argument("id", nargs="+", metavar="ID", help=say("a collector's begins with centre-"))
    issue.add_argument("--site", help=say("of a box; left out, the id without its last part (0755-031-a: 0755-031)"))
    issue.add_argument(
        "--host", action="append", default=[], help=say("of a broker: a name or address, beside localhost")
    )
    issue.add_argument("--out", type=Path, required=True, help=say("folder for ID.pem, ID.key and root.pem"))
    takes_authority(issue, say)

    renew = words.add(
        "renew",
        say("a new certificate for the same key"),
        say("Renews certificates: the same name and key, a new validity. What is revoked is not renewed."),
        "branchwatch provision renew kit/0755-031-a.pem --dir ca --out renewed",
        _renew,
    )
    renew.add_argument("certificate", nargs="+", type=Path, metavar="FILE.pem")
    renew.add_argument("--out", type=Path, required=True, help=say("folder for ID.pem and root.pem"))
    takes_authority(renew, say)

    revoke = words.add(
        "revoke",
        say("take certificates back"),
        say(
            "Takes back every certificate of an id, or of the key in a certificate's file, and writes the revocation "
            "lists anew."
        ),
        "branchwatch provision revoke 0755-031-a --dir ca --enrolment enrolment",
        _revoke,
    )
    revoke.add_argument("what", nargs="+", metavar="ID|FILE.pem")
    takes_authority(revoke, say)
    _takes_enrolment(revoke, say)

    crl = words.add(
        "crl",
        say("renew the revocation lists"),
        say("Writes the revocation lists with a new date; they hold for seven days."),
        "branchwatch provision crl --dir ca --enrolment enrolment",
        _crl,
    )
    takes_authority(crl, say)
    _takes_enrolment(crl, say)

    audit = words.add(
        "audit",
        say("everything that was ever issued, renewed and revoked"),
        say("Shows the authority's record and verifies that nothing in it was changed, moved or taken away."),
        "branchwatch provision audit --dir ca",
        _audit,
    )
    audit.add_argument("--dir", type=Path, required=True, help=say("the authority's folder, or the enrolment's"))


def _takes_enrolment(word: ArgumentParser, say: Texts) -> None:
    word.add_argument(
        "--enrolment",
        type=Path,
        metavar="DIR",
        help=say("the enrolment's folder: its boxes count, and it gets the lists"),
    )


def _new(arguments: Namespace, say: Texts) -> Answer:
    passphrase = None if arguments.no_passphrase else new_passphrase(arguments.passphrase_fd, say)
    authority = Authority.create(now=datetime.now(UTC), organisation=arguments.organisation)
    save_authority(authority, arguments.dir, passphrase)
    made = say("{folder}: root and three issuers made.").format(folder=arguments.dir)
    if passphrase is None:
        warning = say(
            "The keys in {folder} are open to whoever can read the folder: use this authority for trials only."
        )
        return Answer(lines=[made], warning=warning.format(folder=arguments.dir))
    offline = say(
        "Keep the folder offline. What the machine that enrols boxes needs is made by: "
        "branchwatch provision enrolment new --dir {folder} --out enrolment"
    )
    return Answer(lines=[made, offline.format(folder=arguments.dir)])


def _issue(arguments: Namespace, say: Texts) -> Answer:
    role = Role(arguments.role)
    orders = [
        Order(role=role, id=each, site=_site(role, each, arguments.site), hosts=tuple(arguments.host))
        for each in arguments.id
    ]
    with open_office(arguments.dir, passphrase_from(arguments.passphrase_fd, say)) as office:
        made = office.issue(orders, arguments.out, datetime.now(UTC))
        handed = handed_at(office.entries) if role is Role.BOX else None
    warning = say("Boxes enrol by code since {at}; the enrolment does not know this one, and may give its id away.")
    line = say("{file}.pem and .key: {role} {id}, valid until {until}")
    lines = [
        line.format(
            file=arguments.out / order.id,
            role=role.value,
            id=order.id,
            until=f"{credential.certificate.not_valid_after_utc:%Y-%m-%d}",
        )
        for order, credential in zip(orders, made, strict=True)
    ]
    if role is Role.PROVISIONING:
        pins = ", ".join(f'"{thumbprint(each.private_key.public_key())}"' for each in made)
        lines.append(say("These keys are open. Next step, by whoever keeps each: branchwatch provision lock NAME.key"))
        lines.append(say("For bank.toml, beside those of the other keys: provisioning = [{pins}]").format(pins=pins))
    return Answer(lines=lines, warning=warning.format(at=handed) if handed is not None else "")


def _site(role: Role, identity: str, site: str | None) -> str | None:
    if role is not Role.BOX or site is not None:
        return site
    named = identity.rpartition("-")[0]
    if not named:
        raise IssueRefusedError(N_('"{id}" names no site before a dash; give it by --site SITE'), id=identity)
    return named


def _renew(arguments: Namespace, say: Texts) -> Answer:
    certificates = [load_certificate(path) for path in arguments.certificate]
    with open_office(arguments.dir, passphrase_from(arguments.passphrase_fd, say)) as office:
        renewed = office.renew(certificates, arguments.out, datetime.now(UTC))
    line = say("{file}.pem: renewed, valid until {until}; the key stays the same")
    return Answer(
        lines=[
            line.format(file=arguments.out / name, until=f"{certificate.not_valid_after_utc:%Y-%m-%d}")
            for name, certificate in renewed.items()
        ]
    )


def _revoke(arguments: Namespace, say: Texts) -> Answer:
    files = [Path(word) for word in arguments.what if word.endswith(".pem") or "/" in word]
    ids = [word for word in arguments.what if Path(word) not in files]
    certificates = [load_certificate(path) for path in files]
    ask = passphrase_from(arguments.passphrase_fd, say)
    with open_office(arguments.dir, ask) as office, issued_elsewhere(arguments.enrolment, arguments.dir) as elsewhere:
        count = office.revoke(certificates, ids, datetime.now(UTC), elsewhere)
    lists = arguments.dir / CRLS
    told = [say("{file}: certificates newly revoked: {count}.").format(file=lists, count=count)]
    if elsewhere:
        line = say("Boxes that {folder} enrolled or renewed count up to {at}, where its record ends.")
        told.append(line.format(folder=arguments.enrolment, at=clean(elsewhere[-1].at)))
    return Answer(
        lines=[
            *told,
            say("Hand the lists to the collectors now; restart Mosquitto with them; take the box off NATS' list."),
        ]
    )


def _crl(arguments: Namespace, say: Texts) -> Answer:
    ask = passphrase_from(arguments.passphrase_fd, say)
    with open_office(arguments.dir, ask) as office, issued_elsewhere(arguments.enrolment, arguments.dir):
        office.renew_crls(datetime.now(UTC))
    return Answer(lines=[say("{file}: renewed for seven days.").format(file=arguments.dir / CRLS)])


def _audit(arguments: Namespace, say: Texts) -> Answer:
    audit = EnrolmentAudit(arguments.dir) if is_enrolment(arguments.dir) else Audit(arguments.dir)
    return Answer(lines=_audited(audit, say))


def _audited(audit: Audit | EnrolmentAudit, say: Texts) -> Iterator[str]:
    try:
        for entry in audit.entries():
            yield _line(entry, say)
        old = audit.check()
    except RecordBrokenError as broken:
        raise BreakFoundError(
            N_("the record breaks at line {line}: {reason}"), line=broken.line, reason=say(broken.fault)
        ) from None
    except AuditError as error:
        raise BreakFoundError(N_("the record does not hold: {reason}"), reason=told(error, say)) from None
    for issuer in old:
        yield say("the revocation list of {issuer} is older than the record; next step: provision crl").format(
            issuer=issuer.value
        )
    if audit.position is not None:
        whole = say("the record is whole: {count} lines, the last one's hash is {hash}")
        yield whole.format(count=audit.position.seq, hash=audit.position.hash)


class BreakFoundError(RefusedError):
    """An audit found a break: the answer is no."""

    code = SAYS_NO


def _line(entry: Entry, say: Texts) -> str:
    facts = "  ".join(f"{name} {value}" for name, value in entry.facts.items())
    return clean(f"{entry.seq:>6}  {entry.at}  {say(ACTS[entry.act])}  {facts}")  # an intruder may have written it
