"""What can go wrong with a backup, by who must act; each says one sentence with its next step."""

from pathlib import Path

from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class BackupError(SaidError):
    """Nothing was done, or what was done was taken back."""


class WrongInputError(BackupError):
    """What was given cannot be used as it is: exit code 2."""


class UnsoundError(BackupError):
    """A backup or a database does not hold: exit code 1."""


class OutOfReachError(BackupError):
    """A place cannot be written or reached now: exit code 3."""


def unwritable(path: Path, error: OSError) -> OutOfReachError:
    """A place that refuses to be written."""
    return OutOfReachError(N_("{file} cannot be written: {reason}"), file=path, reason=system_said(error))


def no_room(folder: Path, wanted_bytes: int, free_bytes: int) -> OutOfReachError:
    """A disk that is too full, found before anything was written."""
    return OutOfReachError(
        N_("{folder} has {free} MB free and {wanted} MB are needed; make room there"),
        folder=folder,
        free=free_bytes // 1_000_000,
        wanted=-(-wanted_bytes // 1_000_000),
    )


def damaged(path: Path) -> UnsoundError:
    """A backup of which a byte is wrong."""
    return UnsoundError(N_("{file} is damaged or cut off; take another copy of it"), file=path)
