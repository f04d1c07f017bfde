"""`provision build | sign | show`: arguments in, sentences out. Flow: command.py -> here -> bundles/.

What changes is told before a key is opened, so that whoever types the passphrase has read it.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from protocol.bundle import NEEDED_SIGNATURES
from protocol.texts import Texts, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import SAYS_NO, Answer
from provisioning.asking import says_yes
from provisioning.bundles.building import Builder, BuildError, How
from provisioning.bundles.preview import clean
from provisioning.bundles.report import asked_said, done_said, planned_said
from provisioning.bundles.second import look_at, sign_and_put
from provisioning.bundles.secrets_file import read_secrets
from provisioning.bundles.shelf import WAITING, Shelf, open_shelf
from provisioning.bundles.showing import as_json, look, told_of
from provisioning.inventory.folder import BANK
from provisioning.inventory.loading import load_inventory
from provisioning.inventory_words import takes_inventory
from provisioning.keeping import load_certificate
from provisioning.passphrase import passphrase_from
from provisioning.signers import ProvisioningKey, SignerError, load_provisioning_key


def add_bundle_words(words: Words) -> None:
    """Teach `provision` its words about site bundles."""
    say = words.say
    build = words.add(
        "build",
        say("signed site bundles from the inventory"),
        say(
            "Makes the next bundle of every site whose content changed, shows what it changes, signs it and puts it "
            "into the folder of bundles: all sites or none. What touches roster, provisioning keys, partitions, zones, "
            "outputs, doors, codes or key switches needs two signatures; with one it waits for: "
            "branchwatch provision sign."
        ),
        "branchwatch provision build --inventory inventory --out enrolment/bundles --key bureau/bureau-1.key",
        _build,
    )
    build.add_argument("site", nargs="*", metavar="SITE", help=say("these sites only (default: all)"))
    takes_inventory(build, say)
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help=say("the folder of bundles"))
    _takes_keys(build, say)
    build.add_argument(
        "--secrets", type=Path, metavar="FILE", help=say("TOML of the sites' secrets, readable by you only")
    )
    build.add_argument("--changed", action="store_true", help=say("name only the sites that change"))
    build.add_argument("--preview", action="store_true", help=say("show what would change; sign and write nothing"))
    build.add_argument(
        "--rollback-to", type=int, metavar="VERSION", help=say("go back to the settings of this version")
    )
    build.add_argument("--reason", default="", metavar="TEXT", help=say("why; goes into the bundle"))
    build.add_argument("--again", action="store_true", help=say("a new version even where nothing changed"))
    build.add_argument("--new-roster", action="store_true", help=say("let the roster's time begin anew"))
    build.add_argument(
        "--above", type=int, default=0, metavar="VERSION", help=say("number above this, where the history is lost")
    )

    sign = words.add(
        "sign",
        say("the second signature of a bundle"),
        say("Shows what a bundle that waits would change, adds the second person's signature and gives it out."),
        "branchwatch provision sign enrolment/bundles/waiting/0755-031-a.json --key bureau/bureau-2.key",
        _sign,
    )
    sign.add_argument("file", nargs="+", type=Path, metavar="FILE", help=say("a bundle that waits"))
    sign.add_argument("--out", type=Path, metavar="DIR", help=say("the folder of bundles (default: that of FILE)"))
    sign.add_argument("--yes", action="store_true", help=say("do not ask"))
    _takes_keys(sign, say, required=True)

    show = words.add(
        "show",
        say("what a bundle says and who signed it"),
        say("Shows a site bundle; with your own copy of the root also whether its signatures hold."),
        "branchwatch provision show enrolment/bundles/0755-031-a.json --root ca/root.pem",
        _show,
    )
    show.add_argument("file", type=Path, metavar="FILE", help=say("a signed site bundle"))
    show.add_argument("--root", type=Path, metavar="root.pem", help=say("your own copy of the root"))
    show.add_argument("--json", action="store_true", help=say("for a machine to read"))


def _takes_keys(word: ArgumentParser, say: Texts, *, required: bool = False) -> None:
    word.add_argument(
        "--key",
        type=Path,
        action="append",
        required=required,
        metavar="NAME.key",
        help=say("a provisioning key; its certificate NAME.pem and root.pem stand beside it"),
    )
    word.add_argument(
        "--passphrase-fd",
        type=int,
        action="append",
        metavar="N",
        help=say("read the passphrase from file descriptor N; once for all keys, or once for each"),
    )


def _keys(arguments: Namespace, say: Texts, now: datetime) -> list[ProvisioningKey]:
    paths: list[Path] = arguments.key or []
    descriptors: list[int | None] = arguments.passphrase_fd or []
    if len(descriptors) > 1 and len(descriptors) != len(paths):
        raise SignerError(N_("give --passphrase-fd once for all keys, or once for each"))
    if len(descriptors) == 1:
        shared = passphrase_from(descriptors[0], say)
        asks = [shared for _ in paths]
    else:
        asks = [
            passphrase_from(descriptor, say, path)
            for path, descriptor in zip(paths, descriptors or [None for _ in paths], strict=True)
        ]
    keys = [load_provisioning_key(path, ask, now) for path, ask in zip(paths, asks, strict=True)]
    for number, key in enumerate(keys):
        if any(key.identity.id == other.identity.id for other in keys[:number]):
            raise SignerError(
                N_("{path} is of {id} too: two signatures have to be of two people"), path=key.path, id=key.identity.id
            )
        if key.root != keys[0].root:
            raise SignerError(N_("{path} is of another root than {other}"), path=key.path, other=keys[0].path)
    return keys


def _build(arguments: Namespace, say: Texts) -> Answer:
    now = datetime.now(UTC)
    if not arguments.preview and not arguments.key:
        raise SignerError(N_("who signs? give --key NAME.key, or --preview to look only"))
    if arguments.rollback_to is not None and not (arguments.reason.strip() and arguments.site):
        raise BuildError(N_("going back needs the sites by name and a reason: SITE... --reason TEXT"))
    how = How(
        sites=tuple(arguments.site),
        above=arguments.above,
        again=arguments.again,
        new_roster=arguments.new_roster,
        rollback_to=arguments.rollback_to,
        reason=clean(arguments.reason.strip()),
    )
    inventory = load_inventory(arguments.inventory)
    secrets = read_secrets(arguments.secrets) if arguments.secrets is not None else None
    keys = _keys(arguments, say, now)
    if len(set(inventory.bank.provisioning)) < NEEDED_SIGNATURES:
        raise BuildError(
            N_("a box obeys two provisioning keys at least; {file}: provisioning = [{keys}], their thumbprints"),
            file=arguments.inventory / BANK,
            keys=", ".join(f'"{key.thumbprint}"' for key in keys) or "...",
        )

    def lines() -> Iterator[str]:
        held = nullcontext(Shelf(arguments.out)) if arguments.preview else open_shelf(arguments.out)
        with held as shelf:
            builder = Builder(inventory, shelf, keys[0].root if keys else None, secrets, now)
            planned = builder.plan(how, len(keys))
            for each in planned:
                yield from (line.told(say) for line in planned_said(each, only_changed=arguments.changed))
            if arguments.preview:
                yield say("Nothing was signed or written.")
                return
            builder.put(planned, builder.make(planned, keys), len(keys))
            yield from (line.told(say) for line in done_said(planned, arguments.out, keys))

    return Answer(lines=lines())


def _sign(arguments: Namespace, say: Texts) -> Answer:
    now = datetime.now(UTC)
    if len(arguments.key) > 1:
        raise SignerError(N_("one person signs at a time: give --key once"))
    (key,) = _keys(arguments, say, now)
    parent = arguments.file[0].absolute().parent
    out = arguments.out or (parent.parent if parent.name == WAITING else parent)

    def lines() -> Iterator[str]:
        with open_shelf(out) as shelf:
            asked = [look_at(path, shelf, key, now) for path in arguments.file]
            for each in asked:
                yield from (line.told(say) for line in asked_said(each))
            question = said("Sign as {id} (bundles: {count})?", count=len(asked), id=key.identity.id)
            if not arguments.yes and not says_yes(question.told(say), say):
                raise NotSignedError(N_("nothing was signed"))
            sign_and_put(asked, shelf, key, now)
            for each in asked:
                signers = ", ".join((*each.signers, key.identity.id))
                done = said("{file}: signed by {signers}", file=out / f"{each.bundle.box}.json", signers=signers)
                yield done.told(say)

    return Answer(lines=lines())


class NotSignedError(SignerError):
    """The person said no."""

    code = SAYS_NO


def _show(arguments: Namespace, say: Texts) -> Answer:
    root = load_certificate(arguments.root) if arguments.root is not None else None
    seen = look(arguments.file, root, datetime.now(UTC))
    lines = [as_json(seen, say)] if arguments.json else [line.told(say) for line in told_of(seen)]
    return Answer(lines=lines, code=SAYS_NO if seen.fault is not None else 0)
