"""A person's key file: made, locked, opened. PEM, PKCS#8 under a passphrase (`protocol/key_lock.py`).

An open key file that others on the machine could read is not used. Flow: FILE -> here -> `signing.py`.
"""

import os
import tempfile
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ordering.refusal import InputError
from ordering.settings import read_file
from protocol.key_lock import KeyLockError, is_locked, lock_key, unlock_key
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said

MAX_PEM_BYTES: Final = 16 * 1024
_OTHERS: Final = 0o077


@dataclass(frozen=True, kw_only=True)
class PersonalKey:
    """An opened key file."""

    path: Path
    private: EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        """The public half: SubjectPublicKeyInfo."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_key(self) -> str:
        """The public half as a roster holds it: base64."""
        return b64encode(self.der).decode("ascii")

    @property
    def public_pem(self) -> str:
        """The public half as the desk takes it."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def open_key(path: Path, passphrase: Callable[[Path], bytes]) -> PersonalKey:
    """Open a key file; `passphrase` is asked only where it is locked.

    Raises:
        InputError: missing, readable by others, no P-256 key, or another passphrase.
    """
    pem = read_file(path, MAX_PEM_BYTES)
    locked = is_locked(pem)
    if not locked and path.stat().st_mode & _OTHERS:
        raise InputError(
            N_("{path} is not locked, and others on this machine can read it. Next step: chmod 600 {path}"), path=path
        )
    try:
        private = unlock_key(pem, passphrase(path) if locked else None)
    except KeyLockError:
        if locked:
            text = N_("the passphrase does not open {path}; it is wrong, or the file is damaged")
        else:
            text = N_("{path} is no private key in PEM")
        raise InputError(text, path=path) from None
    if not isinstance(private.curve, SECP256R1):
        raise InputError(N_("{path} is no key on P-256; make one with: branchwatch order keygen FILE"), path=path)
    return PersonalKey(path=path, private=private)


def make_key(path: Path, passphrase: bytes | None, random: Callable[[int], bytes]) -> PersonalKey:
    """Make a key and keep it in a new file that only its owner reads; with None, unlocked.

    Raises:
        InputError: something stands there already, or it cannot be written.
    """
    private = generate_private_key(SECP256R1())
    if passphrase is None:
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    else:
        pem = lock_key(private, passphrase, random)
    try:
        _write_new(path, pem)
    except FileExistsError:
        raise InputError(N_("{path} is there already; a key is never written over"), path=path) from None
    except OSError as error:
        raise InputError(N_("{path} cannot be written: {reason}"), path=path, reason=system_said(error)) from None
    return PersonalKey(path=path, private=private)


def _write_new(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over something that is there."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
