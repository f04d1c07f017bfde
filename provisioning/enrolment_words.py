"""`provision enrolment new | token | serve | readmit | replace`: arguments in, sentences out.

Reads the clock and chance; what is done stands in `enrolment/`. A code is shown once and kept nowhere.
Flow: command.py -> here.
"""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from protocol.durations import DurationError, parse_duration
from protocol.enrolment_code import Invitation, encode_code, grouped, invitation_uri
from protocol.pinned_channel import pin_of
from protocol.site.addresses import AddressError, parse_address
from protocol.texts import Texts, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import DONE, SAYS_NO, Answer
from provisioning.enrolment.book import Book, open_book
from provisioning.enrolment.folder import new_enrolment, open_enrolment
from provisioning.enrolment.handing_back import handed_at
from provisioning.enrolment.qr import check_image, save_image, terminal_lines
from provisioning.enrolment.readmitting import readmit
from provisioning.enrolment.ready import bundle_lack
from provisioning.enrolment.replacing import next_box, write_box
from provisioning.enrolment.tokens import Token, make_token
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.shapes import Inventory
from provisioning.keeping import require_authority, write_whole
from provisioning.passphrase import passphrase_from
from provisioning.record import Entry, RecordBrokenError
from provisioning.record_file import RECORD, read_record
from provisioning.refusal import RefusedError

FIRST = "-a"
GROUPS_A_LINE = 4
SECRET_MODE = 0o600


class EnrolmentWordError(RefusedError):
    """What was typed cannot be used."""


class NothingToReplaceError(RefusedError):
    """The site's box was never used by anybody."""

    code = SAYS_NO


def add_enrolment_words(words: Words) -> None:
    """Teach `provision` its words about enrolment."""
    say = words.say
    new = words.below("enrolment", say("begin an enrolment")).add(
        "new",
        say("hand the boxes' issuer over to the machine that enrols"),
        say(
            "Makes the folder that `serve` works with: the boxes' issuer with its key, the root, the revocation lists "
            "and a record of its own, and nothing else of the authority. Carry it to the machine that enrols boxes."
        ),
        "branchwatch provision enrolment new --dir ca --out enrolment",
        _new,
    )
    new.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    new.add_argument("--out", type=Path, required=True, help=say("folder that does not hold anything yet"))

    token = words.add(
        "token",
        say("a one-time code for a site's box"),
        say(
            "Makes a one-time code and shows it once: as text, as a QR image in the terminal, and as files if they are "
            "asked for. A code that was open for the same box is closed."
        ),
        "branchwatch provision token 0755-031 --dir enrolment --inventory inventory --qr code.png",
        _token,
    )
    token.add_argument("site", metavar="SITE")
    _takes_enrolment(token, say)
    token.add_argument("--box", metavar="ID", help=say("left out: the inventory's, or SITE-a"))
    token.add_argument(
        "--valid", default="24h", metavar="TIME", help=say("how long the code lives, like 24h; at most 30d")
    )
    token.add_argument("--again", action="store_true", help=say("for a box and key that were enrolled before"))
    token.add_argument("--inventory", type=Path, metavar="DIR", help=say("the inventory's folder"))
    token.add_argument(
        "--at", metavar="HOST:PORT", help=say("where boxes reach the enrolment; left out, as bank.toml says")
    )
    token.add_argument("--qr", type=Path, metavar="FILE", help=say("write the QR image, .png or .svg"))
    token.add_argument(
        "--kit-file", type=Path, metavar="FILE", help=say("write the link for `agent enrol --code-file`")
    )

    serve = words.add(
        "serve",
        say("enrol boxes until told to stop"),
        say(
            "Answers boxes that show a code, renews certificates, and lets the centre read the record. It needs the "
            "enrolment's folder and nothing else."
        ),
        "branchwatch provision serve --dir enrolment --listen 192.0.2.7:8443",
        _serve,
    )
    _takes_enrolment(serve, say)
    serve.add_argument(
        "--listen", default="127.0.0.1:8443", metavar="HOST:PORT", help=say("127.0.0.1:8443 if not said")
    )

    readmit = words.add(
        "readmit",
        say("let a box renew a certificate that has ended"),
        say(
            "Signs leave for one box to renew its ended certificate once, and lays it into the enrolment's folder. "
            "The key is a provisioning key, or that of a person to whom the box's roster gives the right readmit."
        ),
        "branchwatch provision readmit 0755-031-a --dir enrolment --key bureau/bureau-1.key",
        _readmit,
    )
    readmit.add_argument("box", metavar="BOX")
    _takes_enrolment(readmit, say)
    readmit.add_argument("--key", type=Path, required=True, metavar="NAME.key", help=say("with NAME.pem beside it"))
    readmit.add_argument("--valid", default="7d", metavar="TIME", help=say("how long the leave holds; at most 30d"))
    readmit.add_argument(
        "--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N")
    )

    replace = words.add(
        "replace",
        say("a new box for a site"),
        say(
            "Gives the site a new box id, -b after -a, writes it into the site's file of the inventory, and says what "
            "is to be done next. The old id is never used again."
        ),
        "branchwatch provision replace 0755-031 --inventory inventory --dir enrolment",
        _replace,
    )
    replace.add_argument("site", metavar="SITE")
    replace.add_argument("--inventory", type=Path, required=True, metavar="DIR", help=say("the inventory's folder"))
    _takes_enrolment(replace, say)


def _takes_enrolment(word: ArgumentParser, say: Texts) -> None:
    word.add_argument("--dir", type=Path, required=True, help=say("the enrolment's folder"))


def _new(arguments: Namespace, say: Texts) -> Answer:
    require_authority(arguments.dir)
    earlier = handed_at(_entries(arguments.dir / RECORD))
    made = new_enrolment(arguments.dir, arguments.out, datetime.now(UTC))
    twice = say("There is one since {at} already. Two know nothing of each other's boxes: keep one, destroy the other.")
    return Answer(
        warning=twice.format(at=earlier) if earlier is not None else "",
        lines=[
            say(
                "{folder}: ready. It holds the key that makes boxes, open: only the enrolment's user may read it."
            ).format(folder=made.folder),
            say("Fingerprint of the issuer's key: {pin}").format(pin=pin_of(made.issuer.certificate).hex()),
        ],
    )


def _entries(record: Path) -> list[Entry]:
    try:
        return [entry for entry, _ in read_record(record)]
    except RecordBrokenError:
        return []  # told in full where the record is held to be written


def _token(arguments: Namespace, say: Texts) -> Answer:
    inventory = load_inventory(arguments.inventory) if arguments.inventory else None
    at, valid = _address(arguments.at, inventory), _duration(arguments.valid, "--valid")
    if arguments.qr:
        check_image(arguments.qr)
    files: dict[Path, Callable[[Path, str], None]] = {}
    files |= {arguments.qr: _write_image} if arguments.qr else {}
    files |= {arguments.kit_file: _write_link} if arguments.kit_file else {}
    for path in files:
        if not path.absolute().parent.is_dir():
            raise EnrolmentWordError(N_("{folder} is not there; make it first"), folder=path.absolute().parent)
    enrolment = open_enrolment(arguments.dir)
    with open_book(enrolment.folder) as book:
        box = _box_of(arguments.site, arguments.box, inventory, book)
        token = make_token(
            enrolment,
            book,
            box=box,
            site=arguments.site,
            valid=valid,
            again=arguments.again,
            random=os.urandom,
            now=datetime.now(UTC),
        )
    uri = invitation_uri(Invitation(site=arguments.site, box=box, at=at, code=token.code))
    # The code lives from here on and is kept nowhere: it is shown even where a file of it cannot be written.
    written, missing = [], ""
    for path, write in files.items():
        try:
            write(path, uri)
            written.append(path)
        except OSError as error:
            missing = say("{path} cannot be written: {reason}; the code that is shown is good without it").format(
                path=path, reason=system_said(error).told(say)
            )
    lines = _shown(token, arguments.site, box, at, terminal_lines(uri), written, say)
    lack = bundle_lack(enrolment, box, datetime.now(UTC))
    warning = "\n".join(filter(None, [missing, lack.told(say) if lack is not None else ""]))
    return Answer(lines=lines, warning=warning, code=SAYS_NO if missing else DONE)


def _write_image(path: Path, uri: str) -> None:
    save_image(uri, path)


def _write_link(path: Path, uri: str) -> None:
    write_whole(path, f"{uri}\n".encode(), SECRET_MODE)


def _shown(
    token: Token, site: str, box: str, at: str, image: list[str], files: list[Path], say: Texts
) -> Iterator[str]:
    yield say("Site {site}, box {box}, enrolment at {at}").format(site=site, box=box, at=at)
    yield ""
    numbered = [f"{number:>3} {group}" for number, group in enumerate(grouped(encode_code(token.code)), start=1)]
    for start in range(0, len(numbered), GROUPS_A_LINE):
        yield "  " + "   ".join(numbered[start : start + GROUPS_A_LINE])
    yield ""
    yield from image
    yield ""
    yield say("Good once, until {until}. Whoever has it can enrol this box; it is shown now and kept nowhere.").format(
        until=f"{token.ends.astimezone():%Y-%m-%d %H:%M %Z}"
    )
    if token.replaces:
        yield say("The code that was open for this box is closed.")
    for path in files:
        yield say("{file}: written; it holds the code").format(file=path)


def _serve(arguments: Namespace, say: Texts) -> Answer:
    from provisioning.enrolment.serving import serve  # a web server that no other word needs

    try:
        host, port = parse_address(arguments.listen)
    except AddressError as error:
        raise EnrolmentWordError(N_("{option} {fault}"), option="--listen", fault=error.said) from None
    serve(open_enrolment(arguments.dir), host, port)
    return Answer(lines=[])


def _readmit(arguments: Namespace, say: Texts) -> Answer:
    done = readmit(
        open_enrolment(arguments.dir),
        arguments.box,
        key=arguments.key,
        ask=passphrase_from(arguments.passphrase_fd, say, arguments.key),
        valid=_duration(arguments.valid, "--valid"),
        now=datetime.now(UTC),
    )
    line = say("{file}: {box} may renew its ended certificate once, until {until}; signed by {person}")
    until = f"{done.until.astimezone():%Y-%m-%d %H:%M %Z}"
    return Answer(
        lines=[
            line.format(file=done.path, box=arguments.box, until=until, person=done.by),
            say("The box asks by itself at its next try, or now with: branchwatch agent renew --now"),
        ]
    )


def _replace(arguments: Namespace, say: Texts) -> Answer:
    inventory = load_inventory(arguments.inventory)
    entry = inventory.sites.get(arguments.site)
    if entry is None:
        raise EnrolmentWordError(N_("{folder} has no site {site}"), folder=arguments.inventory, site=arguments.site)
    named = {site.box for site in inventory.sites.values()} | inventory.boxes.keys()
    with open_book(open_enrolment(arguments.dir).folder) as book, book.turn() as turn:
        new = next_box(
            entry.box,
            lambda box: box in named or turn.key_of_box(box) is not None or turn.newest_code(box) is not None,
        )
        enrolled = turn.key_of_box(entry.box) is not None
        unused = not enrolled and turn.newest_code(entry.box) is None and entry.box not in inventory.boxes
    if unused:
        raise NothingToReplaceError(
            N_(
                "{box} was never enrolled and never had a code: nothing is to be replaced. "
                "Next step: branchwatch provision token {site}"
            ),
            box=entry.box,
            site=arguments.site,
        )
    path = arguments.inventory / "sites" / f"{arguments.site}.toml"
    write_box(path, new)
    site, bank = arguments.site, f"--inventory {arguments.inventory}"
    steps = [
        *([f"branchwatch provision revoke {entry.box} --dir CA --enrolment {arguments.dir}"] if enrolled else []),
        f"branchwatch provision build {site} {bank} --out {arguments.dir}/bundles --key NAME.key",
        f"branchwatch provision sign {arguments.dir}/bundles/waiting/{new}.json --key OTHER.key",
        f"branchwatch provision token {site} {bank} --dir {arguments.dir}",
        f"branchwatch provision kit {site} {bank} --key NAME.key --out DIR",
        say("Install the kit on the new box, or on the old one after it was wiped (install.sh --uninstall --purge)."),
    ]
    line = say("{file}: box {new} in the place of {old}").format(file=path, new=new, old=entry.box)
    numbered = [f"  {number}. {step}" for number, step in enumerate(steps, start=1)]
    return Answer(lines=[line, say("Next steps:"), *numbered])


def _box_of(site: str, asked: str | None, inventory: Inventory | None, book: Book) -> str:
    if inventory is not None:
        entry = inventory.sites.get(site)
        if entry is None:
            raise EnrolmentWordError(N_("the inventory has no site {site}"), site=site)
        if asked not in (None, entry.box):
            raise EnrolmentWordError(
                N_("by the inventory the box of site {site} is {box}, not {other}"),
                site=site,
                box=entry.box,
                other=asked,
            )
        return entry.box
    if asked is not None:
        return asked
    with book.turn() as turn:
        return turn.box_of_site(site) or f"{site}{FIRST}"


def _address(at: str | None, inventory: Inventory | None) -> str:
    said = at or (inventory.bank.centre.enrolment if inventory is not None else None)
    if not said:
        raise EnrolmentWordError(
            N_("where do boxes reach the enrolment? give --at HOST:PORT, or --inventory with enrolment in bank.toml")
        )
    try:
        parse_address(said)
    except AddressError as error:
        raise EnrolmentWordError(N_("{option} {fault}"), option="--at", fault=error.said) from None
    return said


def _duration(text: str, option: str) -> timedelta:
    try:
        return parse_duration(text)
    except DurationError as error:
        raise EnrolmentWordError(N_("{option} {fault}"), option=option, fault=error.said) from None
