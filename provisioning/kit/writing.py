"""Puts a kit together and writes it: the manifest last, the folder whole or not at all.

A stick that was pulled out, or a copy that was cut off, lacks files that the manifest names or the manifest itself;
install.sh refuses both. Flow: kit_words.py -> here; manifest.py says what is signed.
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.documents import Signer, sign_document
from protocol.envelope import EnvelopeType
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from protocol.timestamps import format_time
from provisioning.kit.manifest import (
    MANIFEST,
    SIGNATURE,
    SIGNER,
    SUMS,
    KitFile,
    Manifest,
    Software,
    encode_manifest,
    signature_der,
    sums,
)
from provisioning.kit.models import FOLDER
from provisioning.kit.site_toml import as_toml
from provisioning.kit.wheels import Wheel, requirements
from provisioning.refusal import RefusedError

ROOT: Final = "root.pem"
PINS: Final = "pins.json"
SITE: Final = "site.toml"
ENROL: Final = "enrol.json"
CODE: Final = "code.txt"
FACTS: Final = "kit.txt"
REQUIREMENTS: Final = "requirements.txt"

OWN_BYTES: Final = 4 * 1024 * 1024
"""The virtual environment itself, units, records."""


class KitError(RefusedError):
    """No kit was made; the message says why and what would do."""


@dataclass(frozen=True, kw_only=True)
class KitOrder:
    """What one kit is made of."""

    site: str
    box: str
    enrolment: str
    settings: Mapping[str, Any]
    root: x509.Certificate
    pins: Sequence[str]
    wheels: Sequence[Wheel]
    software: Software
    at: datetime
    code: bytes | None = field(default=None, repr=False)


def kit_name(site: str) -> str:
    """Of the folder."""
    return f"kit-{site}"


def contents(order: KitOrder, parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file that the manifest names, but the sums."""
    files = {
        **parts,
        ROOT: order.root.public_bytes(Encoding.PEM),
        PINS: _json(list(order.pins)),
        SITE: as_toml(order.settings).encode(),
        ENROL: _json({"v": 1, "site": order.site, "box": order.box, "at": order.enrolment}),
        FACTS: _facts(order, parts),
        REQUIREMENTS: requirements(order.wheels),
        **{f"wheels/{wheel.file}": wheel.content for wheel in order.wheels},
    }
    if order.code is not None:
        files[CODE] = order.code
    return files


def signed(order: KitOrder, files: Mapping[str, bytes], signer: Signer) -> dict[str, bytes]:
    """The same with sums, and after them, last, what signs it all."""
    listed = [_file(path, content) for path, content in files.items()]
    text = sums(listed)
    manifest = Manifest(
        v=1,
        site=order.site,
        box=order.box,
        software=order.software,
        at=format_time(order.at),
        files=(*listed, _file(SUMS, text)),
    )
    document = sign_document(EnvelopeType.KIT, encode_manifest(manifest), [signer])
    chain = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in signer.chain)
    return {**files, SUMS: text, SIGNER: chain, SIGNATURE: signature_der(document), MANIFEST: document}


def write_kit(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them in their order, so the manifest last, into a folder that appears whole.

    Raises:
        KitError: there is one already, no room, or the disk or stick went away.
    """
    if folder.exists():
        raise KitError(N_("{folder} is there already; remove it or choose another folder"), folder=folder)
    growing: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        growing = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        growing.chmod(0o755)  # nothing in it is secret but a code, which has a mode of its own
        for path, content in files.items():
            _write(growing / path, content)
        for each in (*{(growing / path).parent for path in files}, growing):
            _settle(each)
        growing.replace(folder)
        _settle(folder.parent)
    except OSError as error:
        if growing is not None:
            shutil.rmtree(growing, ignore_errors=True)
        raise KitError(
            N_("{folder} cannot be written: {reason}; there is no kit"), folder=folder, reason=system_said(error)
        ) from None
    except BaseException:
        if growing is not None:
            shutil.rmtree(growing, ignore_errors=True)
        raise


def room_kib(wheels: Sequence[Wheel]) -> int:
    """What an installation takes on the box's disk while it is made, with the kit's own copy."""
    installed = sum(wheel.installed_bytes for wheel in wheels)
    kit = sum(len(wheel.content) for wheel in wheels)
    return (installed + kit + OWN_BYTES) // 1024


def models_kib(parts: Mapping[str, bytes]) -> int:
    """What the people models take: in the agent's folder, and as much in the kit's copy while it is installed."""
    return sum(len(content) // 1024 + 1 for path, content in parts.items() if path.startswith(f"{FOLDER}/"))


def _facts(order: KitOrder, parts: Mapping[str, bytes]) -> bytes:
    """What install.sh reads: one `name=value` a line, never run as a script."""
    facts = {
        "site": order.site,
        "box": order.box,
        "version": order.software.version,
        "arch": order.software.arch,
        "python": order.software.python,
        "at": format_time(order.at),
        "room_kib": str(room_kib(order.wheels) + models_kib(parts)),
        "models_kib": str(models_kib(parts)),
    }
    return "".join(f"{name}={value}\n" for name, value in facts.items()).encode("ascii")


def _file(path: str, content: bytes) -> KitFile:
    return KitFile(path=path, bytes=len(content), sha256=sha256(content).hexdigest())


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode("ascii")


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(exist_ok=True)
    mode = 0o600 if place.name == CODE else 0o755 if place.suffix == ".sh" else 0o644
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Names are on the disk too; some sticks' file systems cannot say so of a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
