"""The enrolment's folder: what lies where in it, how it is made, and what is read from it.

It holds one key, the boxes' issuer's, and neither the root's nor any other: whoever takes it can make boxes and nothing
else. Flow: `provision enrolment new` -> here -> the machine that enrols boxes -> `provision serve`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Issuer, Role
from protocol.enrolled import MAX_ENROLLED_BYTES
from protocol.ids import new_run
from protocol.limits import MAX_BUNDLE_BYTES, MAX_DOCUMENT_BYTES
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning import deeds
from provisioning.issuing import Credential
from provisioning.keeping import (
    CRLS,
    MAX_PEM_BYTES,
    PUBLIC_MODE,
    ROOT,
    growing_folder,
    load_certificate,
    load_issuer,
    require_authority,
    save_issuer,
    write_whole,
)
from provisioning.record import Act, Deed, Entry
from provisioning.record_file import RECORD, begin_record, hold_record
from provisioning.refusal import RefusedError

BUNDLES, ENROLLED, READMIT = "bundles", "enrolled", "readmit"
PRIVATE_MODE: Final = 0o600


class FolderError(RefusedError):
    """The folder is no enrolment, or a file of it cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What the folder holds for good; opened by `open_enrolment`."""

    folder: Path
    root: x509.Certificate
    issuer: Credential


def new_enrolment(authority: Path, folder: Path, now: datetime) -> Enrolment:
    """Hand the boxes' issuer of an authority over to a new enrolment folder, whole or not at all.

    Every box that the authority knows is known to the enrolment from its first day.

    Raises:
        KeepingError: no authority there, or a damaged one.
        FolderError: the new folder is not empty.
        RecordError: the authority's record is in use, broken or cannot be written.
    """
    require_authority(authority)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderError(N_("{folder} is not empty; choose a new folder"), folder=folder)
    root, issuer = load_certificate(authority / f"{ROOT}.pem"), load_issuer(authority, Issuer.BOXES)
    digest, run = deeds.digest_of(issuer.certificate), new_run(os.urandom(16))
    made = Deed(act=Act.MADE, facts={ROOT: deeds.digest_of(root), Issuer.BOXES.value: digest, "of": "enrolment"})
    handed = Deed(act=Act.HANDED, facts={"issuer": Issuer.BOXES.value, "certificate": digest, "record": run})
    with hold_record(authority / RECORD) as record, growing_folder(folder) as growing:
        for name in (BUNDLES, ENROLLED, READMIT):
            (growing / name).mkdir(mode=0o700)
        save_issuer(issuer, Issuer.BOXES, growing)
        write_whole(growing / f"{ROOT}.pem", root.public_bytes(Encoding.PEM), PUBLIC_MODE)
        write_whole(growing / CRLS, _bytes(authority / CRLS, MAX_PEM_BYTES) or b"", PUBLIC_MODE)
        begin_record(growing / RECORD, run, [made, *_known_boxes(record.entries)], now)
        record.append([handed], now)  # before it leaves, as everything that the authority gives away
    return Enrolment(folder=folder, root=root, issuer=issuer)


def open_enrolment(folder: Path) -> Enrolment:
    """The enrolment in `folder`; it needs nothing of the authority's.

    Raises:
        FolderError: it is none.
        KeepingError: a file of it is missing or damaged.
    """
    require_enrolment(folder)
    root, issuer = load_certificate(folder / f"{ROOT}.pem"), load_issuer(folder, Issuer.BOXES)
    try:
        issuer.certificate.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError):
        raise FolderError(N_("{folder} holds an issuer that its root did not make"), folder=folder) from None
    return Enrolment(folder=folder, root=root, issuer=issuer)


def is_enrolment(folder: Path) -> bool:
    """Whether a folder is an enrolment and not an authority."""
    return (folder / ENROLLED).is_dir() and (folder / RECORD).exists()


def require_enrolment(folder: Path) -> None:
    """Say so if `folder` is no enrolment.

    Raises:
        FolderError: it is none.
    """
    if not is_enrolment(folder):
        raise FolderError(
            N_(
                "{folder} is no enrolment; make one beside the authority with: "
                "branchwatch provision enrolment new --dir ca --out {folder}"
            ),
            folder=folder,
        )


def bundle_of(folder: Path, box: str) -> bytes | None:
    """The signed bundle that lies ready for a box; None where none does.

    Raises:
        FolderError: it is there and cannot be read.
    """
    return _bytes(folder / BUNDLES / f"{box}.json", MAX_BUNDLE_BYTES)


def readmission_of(folder: Path, box: str) -> bytes | None:
    """The leave that lies ready for a box. Raises: FolderError."""
    return _bytes(folder / READMIT / f"{box}.json", MAX_DOCUMENT_BYTES)


def enrolled_of(folder: Path, box: str) -> bytes | None:
    """What was told of a box when it was enrolled. Raises: FolderError."""
    return _bytes(folder / ENROLLED / f"{box}.json", MAX_ENROLLED_BYTES)


def lay(folder: Path, place: str, box: str, content: bytes) -> Path:
    """Put `<box>.json` into one of the folder's folders, whole, for nobody else to read."""
    path = folder / place / f"{box}.json"
    write_whole(path, content, PRIVATE_MODE)
    return path


def _known_boxes(entries: Sequence[Entry]) -> list[Deed]:
    withdrawn = {entry.facts["certificate"] for entry in entries if entry.act is Act.WITHDRAWN}
    return [Deed(act=Act.KNOWN, facts=entry.facts) for entry in entries if _is_box(entry, withdrawn)]


def _is_box(entry: Entry, withdrawn: set[str]) -> bool:
    issued = entry.act in (Act.ISSUED, Act.RENEWED) and entry.facts.get("role") == Role.BOX.value
    return issued and entry.facts["certificate"] not in withdrawn


def _bytes(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FolderError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if len(content) > limit:
        raise FolderError(N_("{path} is larger than {limit} KiB"), path=path, limit=limit // 1024)
    return content
