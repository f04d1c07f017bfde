"""What a kit holds, signed: the manifest, its sums for `sha256sum`, its signature for `openssl`, and the judgement.

Pure. The manifest names every file of the kit with its size and SHA-256, SHA256SUMS among them; beside it stand only
the manifest itself and what is derived from it. Flow: writing.py makes it last, install.sh and checking.py read it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Meta

from protocol.envelope import decode_base64url
from protocol.messages import Hash, Id, Time, Version
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "manifest.sig.der"
SIGNER: Final = "signer.pem"
BESIDE: Final = frozenset({MANIFEST, SIGNATURE, SIGNER})
"""What no manifest can name: itself, and its one signature and signer once more in a form for openssl."""

MAX_FILES: Final = 500
"""A kit has some forty."""

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""A wheel is at most some 60 MB: OpenCV's."""

PATH: Final = r"^(?:[a-z-]+/)?[A-Za-z0-9][A-Za-z0-9._+-]{0,200}\Z"
"""At most one folder, nothing that leads out of it or that FAT or a shell would take for something else."""


class KitFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a kit."""

    path: Annotated[str, Meta(pattern=PATH)]
    bytes: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Hash


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """What the kit installs, and on what kind of machine."""

    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,60}\Z")]
    arch: Annotated[str, Meta(pattern=r"^[a-z0-9_]{2,20}\Z")]
    """As `uname -m` says it."""
    python: Annotated[str, Meta(pattern=r"^3\.[0-9]{1,2}\Z")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a `bw-kit` document."""

    v: Version
    site: Id
    box: Id
    software: Software
    at: Time
    files: Annotated[tuple[KitFile, ...], Meta(min_length=1, max_length=MAX_FILES)]


class ManifestError(Exception):
    """The payload is no manifest; the text says where."""


def encode_manifest(manifest: Manifest) -> bytes:
    """The payload as it is signed."""
    return msgspec.json.encode(manifest)


def read_manifest(payload: bytes) -> Manifest:
    """The manifest in a document's payload.

    Raises:
        ManifestError: it is none.
    """
    try:
        return msgspec.json.decode(payload, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(str(error)) from None


def sums(files: Iterable[KitFile]) -> bytes:
    """SHA256SUMS, as `sha256sum -c` reads it."""
    return "".join(f"{file.sha256}  {file.path}\n" for file in files).encode("ascii")


def signature_der(document: bytes) -> bytes:
    """The first signature of a document as openssl wants it: the two numbers in DER (RFC 3279 section 2.2.3)."""
    raw = decode_base64url(msgspec.json.decode(document)["signatures"][0]["signature"].encode("ascii"))
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def faults(manifest: Manifest, found: Mapping[str, KitFile]) -> Iterator[Said]:
    """Everything in which a kit's files, by path, are not those of its manifest."""
    named = {file.path: file for file in manifest.files}
    for path, file in named.items():
        seen = found.get(path)
        if seen is None:
            yield said(N_("{path} is missing"), path=path)
        elif seen != file:
            yield said(N_("{path} was changed"), path=path)
    for path in sorted(found.keys() - named.keys() - BESIDE):
        yield said(N_("{path} does not belong to the kit"), path=path)
    if SUMS not in named:
        yield said(N_("{path} is missing"), path=SUMS)
