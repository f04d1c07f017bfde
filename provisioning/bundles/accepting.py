"""Taking the keys of enrolled boxes into the inventory, after people compared them by voice. Decides what may be taken.

The files come from the enrolment machine and are worth nothing before that: whoever stole that machine would have his
own sealing key accepted, and read the site's secrets. Flow: boxes_words.py -> here -> inventory/boxes.
"""

from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.enrolled import MAX_ENROLLED_BYTES, Enrolled, EnrolledError, read_enrolled, spoken_fingerprint
from protocol.sealing import SealingError, read_sealing_key
from protocol.texts import Said, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.inventory.folder import BOXES
from provisioning.inventory.shapes import Inventory
from provisioning.keeping import PUBLIC_MODE, write_whole
from provisioning.refusal import RefusedError

MAX_FILES: Final = 20_000
"""Files of the enrolment machine that are looked at."""

_FILE: Final = (
    '# Written by "branchwatch provision boxes accept".\nsigning = "{signing}"\nsealing_key = "{sealing_key}"\n'
)


class AcceptError(RefusedError):
    """The folder cannot be read, or the inventory not written."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One file of the enrolment machine: a box to be compared, one that is known, or one that cannot be taken."""

    path: Path
    enrolled: Enrolled | None = None
    fingerprint: str = ""
    known: bool = False
    fault: Said | None = None


def found_in(folder: Path, inventory: Inventory) -> Iterator[Found]:
    """Every file, in the order of their names.

    Raises:
        AcceptError: the folder cannot be read, or holds too many.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise AcceptError(N_("{path} cannot be read: {reason}"), path=folder, reason=system_said(error)) from None
    if len(paths) > MAX_FILES:
        raise AcceptError(N_("{folder} holds too many files"), folder=folder)
    taken: set[str] = set()
    for path in paths:
        each = _looked_at(path, inventory)
        if each.enrolled is not None and each.fault is None and not each.known:
            keys = {each.enrolled.signing, each.enrolled.sealing_key}
            if taken & keys:
                each = Found(path=path, fault=said("another box here has the same keys; a disk was copied"))
            taken |= keys
        yield each


def accept(found: Found, inventory: Path) -> Path:
    """Write the box's file into the inventory.

    Raises:
        AcceptError: it cannot be written.
    """
    enrolled = found.enrolled
    if enrolled is None or found.fault is not None:
        raise ValueError("only what was found sound can be accepted")
    path = inventory / BOXES / f"{enrolled.box}.toml"
    text = _FILE.format(signing=enrolled.signing, sealing_key=enrolled.sealing_key)
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text.encode(), PUBLIC_MODE)
    except OSError as error:
        raise AcceptError(N_("{path} cannot be written: {reason}"), path=path, reason=system_said(error)) from None
    return path


def same_fingerprint(spoken: str, typed: str) -> bool:
    """Whether what was typed is what is to be compared, whatever case, blanks, dashes and colons it came with."""
    letters = "".join(letter for letter in typed if letter not in " -:\t").upper()
    return letters == spoken.replace(" ", "")


def _looked_at(path: Path, inventory: Inventory) -> Found:
    if path.is_symlink() or not path.is_file():  # whoever wrote the folder may lay a link there, or what never ends
        return Found(path=path, fault=said("it is no file of an enrolled box; copy it again"))
    try:
        with path.open("rb") as file:
            enrolled = read_enrolled(file.read(MAX_ENROLLED_BYTES + 1))
        sealing_key = b64decode(enrolled.sealing_key, validate=True)
        read_sealing_key(sealing_key)
    except OSError as error:
        return Found(path=path, fault=system_said(error))
    except (EnrolledError, SealingError, BinasciiError, ValueError):
        return Found(path=path, fault=said("it is no file of an enrolled box; copy it again"))
    site = inventory.sites.get(enrolled.site)
    if path.stem != enrolled.box:
        return Found(path=path, fault=said("it is of box {box}, but is called otherwise", box=enrolled.box))
    if site is None or site.box != enrolled.box:
        wrong = said("the inventory has no box {box} at site {site}", box=enrolled.box, site=enrolled.site)
        return Found(path=path, fault=wrong)
    known = inventory.boxes.get(enrolled.box)
    if known is not None and (known.signing, known.sealing_key) != (enrolled.signing, sealing_key):
        other = said(
            "the inventory has other keys of {box}; a new machine gets an id of its own, next step: "
            "branchwatch provision replace {site}",
            box=enrolled.box,
            site=enrolled.site,
        )
        return Found(path=path, fault=other)
    others = (keys for box, keys in inventory.boxes.items() if box != enrolled.box)
    if any(enrolled.signing == keys.signing or sealing_key == keys.sealing_key for keys in others):
        return Found(path=path, fault=said("another box here has the same keys; a disk was copied"))
    spoken = spoken_fingerprint(enrolled.signing, sealing_key)
    return Found(path=path, enrolled=enrolled, fingerprint=spoken, known=known is not None)
