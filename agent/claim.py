"""One agent a state folder: two would write two histories under one identity, which the centre rightly calls a fork.

The folder is the agent's user's, and root claims it too and gives the lock to that user: what a taken-over agent laid
there in its place is never followed to a file elsewhere.
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LOCK_NAME: Final = "agent.lock"


class FolderTakenError(SaidError):
    """Another agent runs with this folder."""


def claim(folder: Path) -> int:
    """Hold the folder until this process ends; returns the descriptor that holds it.

    Raises:
        FolderTakenError: another process holds it.
        OSError: the folder cannot be written, or a link lies there.
    """
    file = folder / LOCK_NAME
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_nlink != 1:
        os.close(descriptor)
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), str(file))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderTakenError(N_("another agent already runs with {folder}; stop it first"), folder=folder) from None
    give_to_owner(descriptor, folder)
    return descriptor


def give_to_owner(descriptor: int, folder: Path) -> None:
    """What an engineer writes as root belongs to the folder's owner, the agent's user, who must be able to replace it.

    Raises:
        OSError: the folder is gone.
    """
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:  # the unit's filter forbids the call, which root alone needs
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
