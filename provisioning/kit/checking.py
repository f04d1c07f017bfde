"""A kit looked at on a machine that is trusted: signature, signer, root, every file. Changes nothing.

What `install.sh` does on the box, by other means; a stick whose install.sh was changed is found here and not there.
Flow: kit_words.py -> here -> manifest.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Role, Trust, VerifiedIdentity, fingerprint, thumbprint
from protocol.documents import DocumentError, open_document
from protocol.envelope import EnvelopeType
from protocol.limits import MAX_DOCUMENT_BYTES
from protocol.texts import Said, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.answer import SAYS_NO
from provisioning.bundles.faults import document_fault
from provisioning.keeping import load_certificate
from provisioning.kit.manifest import (
    BESIDE,
    MANIFEST,
    MAX_FILE_BYTES,
    MAX_FILES,
    SIGNATURE,
    SIGNER,
    KitFile,
    Manifest,
    ManifestError,
    faults,
    read_manifest,
    signature_der,
)
from provisioning.kit.writing import PINS, ROOT
from provisioning.refusal import RefusedError

MAX_PINS_BYTES: Final = 64 * 1024


class KitRefusedError(RefusedError):
    """This folder is no kit that may be installed; the message says why."""

    code = SAYS_NO


@dataclass(frozen=True, kw_only=True)
class CheckedKit:
    """A kit that is whole. Made by `check_kit` only."""

    manifest: Manifest
    signer: VerifiedIdentity
    fingerprint: str


def check_kit(folder: Path, root: x509.Certificate, now: datetime) -> CheckedKit:
    """Look at everything.

    Raises:
        KitRefusedError: unsigned, of another root, incomplete or changed; all faults are named.
    """
    document = _read(folder / MANIFEST, MAX_DOCUMENT_BYTES)
    try:
        opened = open_document(document, EnvelopeType.KIT, Trust(root), now, Role.PROVISIONING)
        manifest = read_manifest(opened.payload)
    except (DocumentError, ManifestError) as error:
        raise KitRefusedError(
            N_("{folder}: the manifest does not hold ({reason}); make the kit anew"),
            folder=folder,
            reason=document_fault(error) if isinstance(error, DocumentError) else said("it is none of a kit"),
        ) from None
    found = list(faults(manifest, _found(folder)))
    if not found:
        found = list(_faults_beside(folder, document, opened.signers[0], root))
    if found:
        raise KitRefusedError(N_("{folder}: {faults}; make the kit anew"), folder=folder, faults=_listed(found))
    signer = opened.signers[0]
    return CheckedKit(
        manifest=manifest, signer=signer, fingerprint=fingerprint(x509.load_der_x509_certificate(signer.chain[0]))
    )


def _listed(parts: list[Said]) -> Said:
    """Several sentences as one."""
    return reduce(lambda one, other: said(N_("{one}; {other}"), one=one, other=other), parts)


def _faults_beside(folder: Path, document: bytes, signer: VerifiedIdentity, root: x509.Certificate) -> Iterator[Said]:
    """What stands beside the manifest must be derived from it; root and pins must be what the kit was made for."""
    chain = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in signer.chain)
    if _read(folder / SIGNER, MAX_DOCUMENT_BYTES) != chain:
        yield said(N_("{path} was changed"), path=SIGNER)
    if _read(folder / SIGNATURE, MAX_DOCUMENT_BYTES) != signature_der(document):
        yield said(N_("{path} was changed"), path=SIGNATURE)
    if load_certificate(folder / ROOT) != root:
        yield said(N_("{path} is another root"), path=ROOT)
    try:
        pins = msgspec.json.decode(_read(folder / PINS, MAX_PINS_BYTES), type=list[str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        pins = []
    if thumbprint(signer.public_key) not in pins:
        yield said(N_("{path} does not pin the key that signed the kit"), path=PINS)


def _found(folder: Path) -> dict[str, KitFile]:
    """Every file that is there; a link or a device counts as one that does not belong."""
    found: dict[str, KitFile] = {}
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder).as_posix()
        if place.is_dir() and not place.is_symlink():
            continue
        if len(found) > MAX_FILES + len(BESIDE):
            raise KitRefusedError(N_("{folder} holds too many files for a kit"), folder=folder)
        if place.is_symlink() or not place.is_file():
            found[path] = KitFile(path=path, bytes=-1, sha256="")
            continue
        content = _read(place, MAX_FILE_BYTES)
        found[path] = KitFile(path=path, bytes=len(content), sha256=sha256(content).hexdigest())
    return found


def _read(place: Path, limit: int) -> bytes:
    try:
        with place.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise KitRefusedError(N_("{path} cannot be read: {reason}"), path=place, reason=system_said(error)) from None
    if len(content) > limit:
        raise KitRefusedError(N_("{path} is too large for a kit"), path=place)
    return content
