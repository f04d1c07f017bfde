"""The second signature: a bundle that one person signed is shown to another, who signs the same bytes.

Nothing of the first person's machine is believed but its signature; what the bundle changes is compared with the
folder of bundles that the second person has. Flow: bundle_words.py -> here -> building.py, shelf.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.bundle import Bundle, BundleError, read_bundle
from protocol.certificates import Role, Trust
from protocol.documents import DocumentError, add_signature, open_document
from protocol.limits import MAX_DOCUMENT_BYTES
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said, system_said
from provisioning.bundles.building import TYPE, BuildError, check_as_box, past_of
from provisioning.bundles.compiling import Past, touches_any
from provisioning.bundles.faults import document_fault
from provisioning.bundles.shelf import Shelf
from provisioning.signers import ProvisioningKey, SignerError


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A bundle that waits, its signatures checked."""

    path: Path
    document: bytes
    bundle: Bundle
    past: Past
    signers: tuple[str, ...]
    touches: tuple[str, ...]


def look_at(path: Path, shelf: Shelf, key: ProvisioningKey, now: datetime) -> Signed:
    """What a file asks the second person to sign.

    Raises:
        BuildError: not signed, changed after it was signed, or not readable.
        SignerError: this key signed it already.
    """
    document = read_document(path)
    try:
        opened = open_document(document, TYPE, Trust(key.root), now, Role.PROVISIONING)
        bundle = read_bundle(opened.payload)
    except DocumentError as error:
        raise BuildError(N_("{path}: {fault}; nothing was signed"), path=path, fault=document_fault(error)) from None
    except BundleError as error:
        raise BuildError(
            N_("{path}: {fault}; nothing was signed"), path=path, fault=said("no site bundle ({fault})", fault=error)
        ) from None
    if any(each.id == key.identity.id or each.public_key == key.identity.public_key for each in opened.signers):
        raise SignerError(
            N_("{path} is signed by {id} already; the second signature has to be another person's"),
            path=path,
            id=key.identity.id,
        )
    past, _ = past_of(shelf, bundle.box, key.root, now, enrolled=True)
    return Signed(
        path=path,
        document=document,
        bundle=bundle,
        past=past,
        signers=tuple(each.id for each in opened.signers),
        touches=touches_any(past.in_force or (None,), bundle),
    )


def sign_and_put(asked: Sequence[Signed], shelf: Shelf, key: ProvisioningKey, now: datetime) -> None:
    """Sign all of them and give them out, or none.

    Raises:
        BuildError: a box would refuse one of them.
        ShelfError: they cannot be written.
    """
    signer = key.signer()
    given: dict[tuple[str, int], bytes] = {}
    for each in asked:
        document = add_signature(each.document, TYPE, signer)
        check_as_box(document, each.bundle, each.past, key.root, now)
        given[each.bundle.box, each.bundle.version] = document
    if len({box for box, _ in given}) < len(asked):
        raise BuildError(N_("two of the files are for one box; sign the newer one only"))
    shelf.put(given, {})


def read_document(path: Path) -> bytes:
    """A file's content, as long as a document may be.

    Raises:
        BuildError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise BuildError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    return content
