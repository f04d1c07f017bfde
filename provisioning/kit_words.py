"""`provision kit`: a folder for the installer's stick, and a look at one on a trusted machine.

Flow: command.py -> here -> kit/: wheels, contents, signature, folder.
"""

import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from protocol.certificates import fingerprint
from protocol.enrolment_code import MAX_TYPED_CHARACTERS, CodeError, read_invitation
from protocol.texts import Said, Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import Answer
from provisioning.inventory.folder import BANK
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.shapes import BankEntry, SiteEntry
from provisioning.keeping import load_certificate
from provisioning.kit.checking import check_kit
from provisioning.kit.manifest import Software
from provisioning.kit.materials import find_materials
from provisioning.kit.models import kit_models
from provisioning.kit.wheels import Arch, Target, gather_wheels, version_of
from provisioning.kit.writing import KitError, KitOrder, contents, kit_name, signed, write_kit
from provisioning.passphrase import passphrase_from
from provisioning.signers import ProvisioningKey, load_provisioning_key

PYTHONS: Final = ("3.11", "3.12", "3.13")
"""What Debian 12 and 13 and their neighbours bring."""


def add_kit_words(words: Words) -> None:
    """Teach `provision` its word about kits."""
    say = words.say
    kit = words.add(
        "kit",
        say("the installer's folder for a USB stick"),
        say(
            "Makes the folder that turns a bare machine into a site's box: software, units, settings without secrets, "
            "root and pins, with a signed manifest. It holds no private key."
        ),
        "branchwatch provision kit 0755-031 --inventory inventory --key bureau/bureau-1.key --out stick",
        _kit,
    )
    kit.add_argument("site", nargs="?", metavar="SITE", help=say("id of a site of the inventory"))
    kit.add_argument("--inventory", type=Path, metavar="DIR", help=say("the inventory's folder"))
    kit.add_argument("--key", type=Path, metavar="NAME.key", help=say("the provisioning key that signs the manifest"))
    kit.add_argument("--out", type=Path, metavar="DIR", help=say("where the folder kit-SITE is made"))
    kit.add_argument("--arch", choices=[each.value for each in Arch], default=Arch.X86_64.value)
    kit.add_argument("--python", choices=PYTHONS, default=PYTHONS[0], help=say("of the box; Debian 12 has 3.11"))
    kit.add_argument("--wheels", type=Path, metavar="DIR", help=say("take every wheel from here, without any network"))
    kit.add_argument(
        "--models", type=Path, metavar="DIR", help=say("people models for the box, as Intel's release lays them out")
    )
    kit.add_argument("--code-file", type=Path, metavar="FILE", help=say("put this enrolment code on the stick too"))
    kit.add_argument("--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N"))
    kit.add_argument("--check", type=Path, metavar="DIR", help=say("look at a kit instead: signature and every file"))
    kit.add_argument("--root", type=Path, metavar="root.pem", help=say("your own copy of the root, for --check"))


def _kit(arguments: Namespace, say: Texts) -> Answer:
    if arguments.check is not None:
        return _checked(arguments, say)
    given = {"SITE": arguments.site, "--inventory": arguments.inventory, "--key": arguments.key, "--out": arguments.out}
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise KitError(N_("{words} must be given; see: branchwatch provision kit --help"), words=", ".join(missing))
    return _made(arguments, say)


def _made(arguments: Namespace, say: Texts) -> Answer:
    now = datetime.now(UTC)
    folder = arguments.out / kit_name(arguments.site)
    if folder.exists():
        raise KitError(N_("{folder} is there already; remove it or choose another folder"), folder=folder)
    site, bank = _site(arguments.inventory, arguments.site)
    key = load_provisioning_key(arguments.key, passphrase_from(arguments.passphrase_fd, say, arguments.key), now)
    enrolment = _enrolment(bank, arguments.inventory / BANK, key)
    code = _code(arguments.code_file, site)
    models = kit_models(arguments.models) if arguments.models is not None else {}
    materials = find_materials()
    parts = {**materials.parts(), **models}
    signer = key.signer()  # a wrong passphrase is found before anything is fetched
    arch = Arch(arguments.arch)
    with tempfile.TemporaryDirectory(prefix="branchwatch-kit.") as temporary:
        target = Target(arch=arch, python=arguments.python)
        wheels = gather_wheels(materials, target, arguments.wheels, _progress(say), Path(temporary))
    order = KitOrder(
        site=site.id,
        box=site.box,
        enrolment=enrolment,
        settings=site.settings,
        root=key.root,
        pins=bank.provisioning,
        wheels=wheels,
        software=Software(version=version_of(wheels), arch=arch.machine, python=arguments.python),
        at=now,
        code=code,
    )
    files = signed(order, contents(order, parts), signer)
    write_kit(files, folder)
    size = sum(len(content) for content in files.values()) / 1024 / 1024
    lines = [
        say("{folder}: the kit of box {box}, {count} files, {size} MiB.").format(
            folder=folder, box=site.box, count=len(files), size=f"{size:.1f}"
        ),
        say("signed by {id}:  {fingerprint}").format(
            id=key.identity.id, fingerprint=fingerprint(key.credential.certificate)
        ),
        say("root:  {fingerprint}").format(fingerprint=fingerprint(key.root)),
        say("Give the installer both fingerprints on paper; install.sh shows them again."),
    ]
    if len(bank.provisioning) == 1:
        lines.append(say("The inventory names one provisioning key only; a first site file needs two."))
    if not models:
        lines.append(say("No people models are in it; cameras see only what moves until the box has one (--models)."))
    if arch is Arch.ARM64:
        lines.append(say("Kits for arm64 are made but were not tried on such a machine."))
    warning = say("The code is on the stick: whoever has the stick can enrol as this box. Carry it apart if you can.")
    return Answer(lines=lines, warning=warning if code is not None else "")


def _site(inventory: Path, site: str) -> tuple[SiteEntry, BankEntry]:
    found = load_inventory(inventory)
    entry = found.sites.get(site)
    if entry is None:
        raise KitError(N_("{folder} knows no site {site}"), folder=inventory, site=site)
    return entry, found.bank


def _enrolment(bank: BankEntry, file: Path, key: ProvisioningKey) -> str:
    """Where a box enrols; and the key that signs must be one that it will obey."""
    if bank.centre.enrolment is None:
        raise KitError(
            N_("{file}: [centre] names no enrolment address; a box would not know where to enrol"), file=file
        )
    if key.thumbprint not in bank.provisioning:
        raise KitError(
            N_('{file}: provisioning must name the key {path}, as "{pin}"; a box would not obey it'),
            file=file,
            path=key.path,
            pin=key.thumbprint,
        )
    return bank.centre.enrolment


def _code(path: Path | None, site: SiteEntry) -> bytes | None:
    """The code as the enrolment wrote it; one for another site or box would only be found out at the branch."""
    if path is None:
        return None
    with path.open("rb") as file:
        text = file.read(MAX_TYPED_CHARACTERS)
    try:
        invitation = read_invitation(text.decode("utf-8", "replace").strip())
    except CodeError as error:
        raise KitError(N_("{path} holds no enrolment code: {reason}"), path=path, reason=error.said) from None
    if (invitation.site, invitation.box) != (site.id, site.box):
        raise KitError(
            N_("the code in {path} is for box {other}, the kit for {box}"),
            path=path,
            other=invitation.box,
            box=site.box,
        )
    return text


def _checked(arguments: Namespace, say: Texts) -> Answer:
    if arguments.root is None:
        raise KitError(N_("--check needs --root: your own copy of the root, not the stick's"))
    checked = check_kit(arguments.check, load_certificate(arguments.root), datetime.now(UTC))
    manifest = checked.manifest
    whole = say("{folder}: whole; box {box} of site {site}, Branchwatch {version}, made {at}.").format(
        folder=arguments.check, box=manifest.box, site=manifest.site, version=manifest.software.version, at=manifest.at
    )
    signed_by = say("signed by {id}:  {fingerprint}").format(id=checked.signer.id, fingerprint=checked.fingerprint)
    return Answer(lines=[whole, signed_by])


def _progress(say: Texts) -> Callable[[Said], None]:
    """Said at once, on standard error: what is printed at the end may be kept."""

    def tell(sentence: Said) -> None:
        print(sentence.told(say), file=sys.stderr, flush=True)

    return tell
