"""What a bundle's file says, and whether its signatures hold. Without a root everything is only a claim.

Flow: bundle_words.py -> here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509

from protocol.bundle import Bundle, BundleError, bundle_hash, read_bundle, site_of
from protocol.certificates import Role, Trust, thumbprint
from protocol.documents import DocumentError, claimed_payload, open_document
from protocol.settings import SettingsError
from protocol.texts import Said, Texts, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.bundles.building import TYPE, BuildError
from provisioning.bundles.faults import document_fault
from provisioning.bundles.preview import changes, clean
from provisioning.bundles.second import read_document


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A bundle that was looked at."""

    path: Path
    bundle: Bundle
    hash: str
    checked: bool
    """Whether there was a root to check the signatures with."""
    signers: tuple[tuple[str, str], ...]
    """Id and thumbprint, where the signatures hold."""
    fault: Said | None
    """Why it does not hold."""


def look(path: Path, root: x509.Certificate | None, now: datetime) -> Seen:
    """Look at a file.

    Raises:
        BuildError: it is no site bundle, signed or not.
    """
    document = read_document(path)
    try:
        payload = claimed_payload(document)
        bundle = read_bundle(payload)
    except DocumentError as error:
        raise BuildError(N_("{path}: {fault}"), path=path, fault=document_fault(error)) from None
    except BundleError as error:
        raise BuildError(
            N_("{path}: {fault}"), path=path, fault=said("no site bundle ({fault})", fault=error)
        ) from None
    signers: tuple[tuple[str, str], ...] = ()
    fault: Said | None = None
    try:
        if root is not None:
            opened = open_document(document, TYPE, Trust(root), now, Role.PROVISIONING)
            signers = tuple((each.id, thumbprint(each.public_key)) for each in opened.signers)
        site_of(bundle)
    except DocumentError as error:
        fault = document_fault(error)
    except SettingsError as error:
        fault = said("its settings are wrong: {fault}", fault=error.faults[0].message)
    return Seen(
        path=path,
        bundle=bundle,
        hash=bundle_hash(payload),
        checked=root is not None,
        signers=signers,
        fault=fault,
    )


def told_of(seen: Seen) -> Iterator[Said]:
    """The same in sentences."""
    bundle = seen.bundle
    yield said(
        "{file}: version {version} of {box} at site {site}",
        file=seen.path,
        version=bundle.version,
        box=bundle.box,
        site=bundle.site,
    )
    yield said("  made {at}, hash {hash}", at=bundle.at, hash=seen.hash)
    if bundle.rollback:
        yield said("  {line}", line=said("goes back to earlier settings: {reason}", reason=bundle.reason))
    yield from (said("  {line}", line=line) for line in changes(None, bundle))
    for name, key in seen.signers:
        yield said("  signed by {id}, key {thumbprint}", id=name, thumbprint=key)
    if seen.fault is not None:
        yield said("It does not hold: {fault}", fault=seen.fault)
    elif seen.checked:
        yield said("Its signatures hold.")
    else:
        yield said("Its signatures were not checked: give your own copy of the root with --root.")


def as_json(seen: Seen, say: Texts) -> str:
    """The same for a machine; of sealed secrets the names only."""
    bundle = seen.bundle
    answer: dict[str, Any] = {
        "site": bundle.site,
        "box": bundle.box,
        "version": bundle.version,
        "at": bundle.at,
        "hash": seen.hash,
        "rollback": bundle.rollback,
        "reason": bundle.reason,
        "roster": {
            "version": bundle.roster.version,
            "not_after": bundle.roster.not_after,
            "people": [
                {
                    "id": person.id,
                    "name": person.name,
                    "roles": list(person.roles),
                    "unit": person.unit,
                    "duty": [msgspec.to_builtins(duty) for duty in person.duty],
                    "keys": {key.id: list(key.may) for key in person.keys},
                    "duress": [key.id for key in person.keys if key.duress],
                }
                for person in bundle.roster.people
            ],
        },
        "pins": list(bundle.pins),
        "sealed": sorted(bundle.sealed),
        "pending": sorted(bundle.pending),
        "settings": bundle.settings,
        "signers": [{"id": name, "thumbprint": key} for name, key in seen.signers],
        "valid": None if not seen.checked and seen.fault is None else seen.fault is None,
        "fault": seen.fault.told(say) if seen.fault is not None else None,
    }
    return clean(json.dumps(answer, ensure_ascii=False))
