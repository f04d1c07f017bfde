"""Fetches a model's files over HTTPS and keeps what is exactly the pinned file. By a person's word only.

Never more bytes than the file has, checked while they come; a file is in its place whole or not at all.
Flow: models_words.py -> here -> models.py for what is right.
"""

import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha384
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from protocol.people_models import Model, Pinned, fault, looks_like_page
from protocol.texts import Said, SaidError, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

PATIENCE_S: Final = 30.0
"""Without a byte."""

PART: Final = 64 * 1024

Progress = Callable[[str, int, int], None]
"""A file's name, how many bytes there are, how many it has."""


class UnreachableError(SaidError):
    """The place cannot be reached, or broke off."""


class WrongFileError(SaidError):
    """What came is not the pinned file; nothing of it was kept."""


class UnwritableError(SaidError):
    """The disk or the folder refuses; nothing was changed."""


class _Secure(urllib.request.HTTPRedirectHandler):
    """Follows only where HTTPS leads."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        """A redirection of urllib."""
        if urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("it leads to a place without HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def get_model(model: Model, folder: Path, base: str, context: ssl.SSLContext, tell: Progress) -> list[Path]:
    """Fetch both files that are not right yet into `folder`; gives those that were fetched.

    Raises:
        UnreachableError, WrongFileError, UnwritableError: as they say; what was there before is there.
    """
    handlers = (urllib.request.HTTPSHandler(context=context), _Secure())
    opener = urllib.request.build_opener(*handlers)
    got = []
    for pinned in model.files:
        path = model.paths(folder, pinned)[1]
        if _is_right(path, pinned):
            continue
        with _kept(path) as file:
            _fetch(opener, model.address(pinned, base), pinned, file, tell)
        got.append(path)
    return got


def _is_right(path: Path, pinned: Pinned) -> bool:
    try:
        with path.open("rb") as file:
            return fault(pinned, file.read(pinned.size + 1)) is None
    except OSError:
        return False


def _fetch(opener: urllib.request.OpenerDirector, address: str, pinned: Pinned, file: int, tell: Progress) -> None:
    taken, size, begin = sha384(), 0, b""
    for part in _parts(opener, address):
        begin = begin or part
        size += len(part)
        if size > pinned.size:
            break
        taken.update(part)
        _write(file, part)
        tell(pinned.name, size, pinned.size)
    if looks_like_page(begin):
        raise _wrong(address, said(N_("is a web page, not a model")))
    if size < pinned.size:
        raise UnreachableError(
            N_("{address} broke off after {size} of {wanted} bytes; nothing was kept. Next step: the same again"),
            address=address,
            size=size,
            wanted=pinned.size,
        )
    if size > pinned.size or taken.hexdigest() != pinned.sha384:
        raise _wrong(address, said(N_("has another SHA-384 than the one that is pinned")))


def _wrong(address: str, reason: Said) -> WrongFileError:
    return WrongFileError(
        N_("{address} {reason}; nothing was kept. Next step: take the models from the installer's kit"),
        address=address,
        reason=reason,
    )


def _parts(opener: urllib.request.OpenerDirector, address: str) -> Iterator[bytes]:
    try:
        with opener.open(address, timeout=PATIENCE_S) as answer:
            while part := answer.read(PART):
                yield part
    except http.client.IncompleteRead:
        return
    except (OSError, http.client.HTTPException, ValueError) as error:  # URLError is an OSError
        raise UnreachableError(
            N_("{address} cannot be reached: {reason}. Next step: see to the way there, or bring the file by --models"),
            address=address,
            reason=_why(error),
        ) from None


def _why(error: Exception) -> Said:
    inner = getattr(error, "reason", None)
    if isinstance(error, urllib.error.HTTPError):
        return said(N_("it answers {code}"), code=error.code)
    if isinstance(inner, ssl.SSLCertVerificationError) or isinstance(error, ssl.SSLCertVerificationError):
        return said(N_("its certificate is of no authority that this machine trusts"))
    if isinstance(inner, OSError) and inner.strerror:
        return system_said(inner)
    if isinstance(error, TimeoutError) or isinstance(inner, TimeoutError):
        return said(N_("it does not answer"))
    return Said(str(inner or type(error).__name__).replace("{", "{{").replace("}", "}}"))


@contextmanager
def _kept(path: Path) -> Iterator[int]:
    """A new file beside the old one, which takes its place at the end; after any failure it is gone."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield file
        try:
            os.fsync(file)
            fresh.replace(path)
            _sync(path.parent)
        except OSError as error:
            raise _unwritable(path, error) from None
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def _write(file: int, part: bytes) -> None:
    try:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError as error:
        raise _unwritable(Path(f"/proc/self/fd/{file}").readlink(), error) from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> UnwritableError:
    return UnwritableError(
        N_("{path} cannot be written: {reason}. Nothing was kept. Next step: make room, or run this as its owner"),
        path=path,
        reason=system_said(error),
    )
