"""Writing below `identity/`: each file whole or not at all, on the disk before its name is, and its owner's alone.

Decides nothing. One command writes there at a time, through the folder's descriptor: whoever took over the agent's user
and lays a link in its place leads nobody elsewhere. Flow: keystore_files.py, enrolling.py, renewing.py -> here.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agent.identity_reading import FOLDER
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


class IdentityFilesError(SaidError):
    """The folder cannot be written, or another command writes there; the message names it."""


class IdentityFiles:
    """The folder `identity/` of one box; made by `identity_files`, which keeps other commands out."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder, self._descriptor = folder, descriptor

    def write(self, name: str, content: bytes, mode: int) -> None:
        """Put a file there in the place of what was.

        Raises:
            IdentityFilesError: the disk refuses; what was there is there.
        """
        fresh, here = f".{name}.new", self._descriptor
        try:
            with suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=here)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(fresh, flags, PRIVATE, dir_fd=here), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                _give_to_owner(file.fileno(), os.fstat(here))
                os.fchmod(file.fileno(), mode)
            os.replace(fresh, name, src_dir_fd=here, dst_dir_fd=here)
            os.fsync(here)
        except OSError as error:
            with suppress(OSError):
                os.unlink(fresh, dir_fd=here)  # half of a key is nobody's to find
            raise IdentityFilesError(
                N_("{file} cannot be written: {reason}; nothing was changed"),
                file=self.folder / name,
                reason=system_said(error),
            ) from None


@contextmanager
def identity_files(state: Path) -> Iterator[IdentityFiles]:
    """The folder, made if it is not there, and for nobody else until the end.

    Raises:
        IdentityFilesError: it cannot be made or opened, or another command is at work there.
    """
    folder = state / FOLDER
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = not folder.is_dir()
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise IdentityFilesError(
            N_("{folder} cannot be used: {reason}"), folder=folder, reason=system_said(error)
        ) from None
    try:
        if made:
            _give_to_owner(descriptor, state.stat())
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise IdentityFilesError(
                N_("another command is at work in {folder}; try again when it has ended"), folder=folder
            ) from None
        yield IdentityFiles(folder, descriptor)
    finally:
        os.close(descriptor)


def _give_to_owner(descriptor: int, owner: os.stat_result) -> None:
    """What an installer writes as root belongs to the agent's user."""
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
