"""The files of an identity: their names below the state folder, and reading them with a limit. Judges nothing.

Whatever a parser would say of a key stays out of every message: it may quote the key. Flow: identity.py (certificates),
keystore_files.py (keys) -> here.
"""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_PEM_BYTES: Final = 64 * 1024
"""A PEM file of a key or of a chain; ours are under 3 KiB."""

FOLDER: Final = "identity"
SIGNING_KEY: Final = "signing.key"
SEALING_KEY: Final = "sealing.key"
CERTIFICATE: Final = "box.pem"
ROOT: Final = "root.pem"
PINS: Final = "pins.json"
"""What an enrolled box keeps of itself below its state folder (docs/trust.md 6)."""


class IdentityError(SaidError):
    """The box's own key or certificate cannot be used; the message names the file and the next step."""


def read_private_key(file: Path) -> EllipticCurvePrivateKey:
    """A private key that nobody else on this machine can read.

    Raises:
        IdentityError: missing, open to others, or no P-256 key in PEM.
    """
    content = read_limited(file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _closed_bits(file):
        raise IdentityError(
            N_("{file} can be read by others (mode {mode}); next step: chmod 600 {file}"), file=file, mode=f"{mode:o}"
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Whatever the parser would say stays out of the message: it may quote the key.
        raise IdentityError(N_("{file} is no private key in PEM without a password"), file=file) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise IdentityError(N_("{file} is no P-256 key"), file=file)
    return key


def _closed_bits(file: Path) -> int:
    """The rights that nobody but the owner may have on a key.

    A credential from systemd is opened to the service's user by an access list, whose mask shows as the group's bits.
    """
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY")
    return 0o007 if handed_over and file.absolute().is_relative_to(handed_over) else 0o077


def read_limited(file: Path) -> bytes:
    """A small file, whole.

    Raises:
        IdentityError: it cannot be read, or is too large to be what it should be.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise IdentityError(N_("{file} cannot be read: {reason}"), file=file, reason=system_said(error)) from None
    if len(content) > MAX_PEM_BYTES:
        raise IdentityError(
            N_("{file} is larger than {limit} KiB; it cannot be a key or a certificate"),
            file=file,
            limit=MAX_PEM_BYTES // 1024,
        )
    return content
