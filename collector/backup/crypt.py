"""Age (age-encryption.org/v1) as a stream: whoever has a recipient can lock, only its identity opens.

The only file that knows pyrage. It touches no file: bytes come from and go to functions. Age says nothing of who wrote
a file; that is what the signed manifest inside is for. Flow: writing.py and checking.py -> here.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

import pyrage  # type: ignore[import-untyped]

MAGIC: Final = b"age-encryption.org/v1\n"
MAX_IDENTITY_BYTES: Final = 64 * 1024
"""An identity file: a line of 74 characters, and remarks."""

_PREFIX: Final = "AGE-SECRET-KEY-1"

Read = Callable[[int], bytes]
Write = Callable[[bytes], None]


class CryptFault(StrEnum):
    """Why nothing comes out."""

    NO_AGE = "no_age"  # another kind of file
    NOT_FOR_US = "not_for_us"  # locked for other identities
    DAMAGED = "damaged"  # a byte is wrong, missing or too many


class CryptError(Exception):
    """A file that does not open; `fault` says why."""

    def __init__(self, fault: CryptFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class IdentityError(Exception):
    """The text holds no identity; nothing of the text is repeated."""


class Identity:
    """What opens; shown nowhere."""

    def __init__(self, key: "pyrage.x25519.Identity") -> None:
        self._key = key

    @property
    def recipient(self) -> str:
        """What locks for it: no secret."""
        return str(self._key.to_public())

    @property
    def secret(self) -> str:
        """Its only secret, for its own file."""
        return str(self._key)

    def __repr__(self) -> str:
        return f"Identity({self.recipient})"


def new_identity() -> Identity:
    """A fresh X25519 identity."""
    return Identity(pyrage.x25519.Identity.generate())


def read_identity(text: str) -> Identity:
    """The identity of a file as `age-keygen` and `collector backup key` write it: remarks, then one secret line.

    Raises:
        IdentityError: none, or more than one.
    """
    lines = [line.strip() for line in text.splitlines()]
    secrets = [line for line in lines if line.upper().startswith(_PREFIX)]
    if len(secrets) != 1:
        raise IdentityError
    try:
        return Identity(pyrage.x25519.Identity.from_str(secrets[0].upper()))
    except pyrage.IdentityError:
        raise IdentityError from None


def is_recipient(text: str) -> bool:
    """Whether this is a recipient, checksum and all."""
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return False
    return True


def lock(read: Read, write: Write, recipients: Sequence[str]) -> None:
    """Lock everything that `read` gives for these recipients. What `read` and `write` raise passes through."""
    source, sink = _Source(read), _Sink(write)
    keys = [pyrage.x25519.Recipient.from_str(text) for text in recipients]
    try:
        pyrage.encrypt_io(source, sink, keys)
    except Exception:
        _pass_on(source.fault or sink.fault)
        raise


def unlock(read: Read, write: Write, identity: Identity) -> None:
    """Open everything that `read` gives; `write` gets only bytes that are authentic. What they raise passes through.

    Raises:
        CryptError: not for this identity, no age file, or one that ends or differs anywhere; some of it may have been
            written by then.
    """
    source, sink = _Source(read), _Sink(write)
    try:
        pyrage.decrypt_io(source, sink, [identity._key])
    except Exception as error:
        _pass_on(source.fault or sink.fault)
        if not isinstance(error, pyrage.DecryptError | OSError):
            raise
        if not source.head.startswith(MAGIC):
            raise CryptError(CryptFault.NO_AGE) from None
        foreign = "matching keys" in str(error)
        raise CryptError(CryptFault.NOT_FOR_US if foreign else CryptFault.DAMAGED) from None


class _Source:
    """A reader for the library, which turns what its callbacks raise into errors of its own."""

    def __init__(self, read: Read) -> None:
        self.head = b""
        self.fault: BaseException | None = None
        self._read = read

    def read(self, size: int) -> bytes:
        try:
            data = self._read(size)
        except BaseException as error:  # an interruption too: the library would make an error of its own of it
            self.fault = error
            raise
        if len(self.head) < len(MAGIC):
            self.head += data[: len(MAGIC)]
        return data


class _Sink:
    def __init__(self, write: Write) -> None:
        self.fault: BaseException | None = None
        self._write = write

    def write(self, data: bytes) -> int:
        try:
            self._write(data)
        except BaseException as error:
            self.fault = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


def _pass_on(fault: BaseException | None) -> None:
    if fault is not None:
        raise fault from None
