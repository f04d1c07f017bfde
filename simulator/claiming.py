"""What a demo takes for itself alone: its folder and its ports. Asked before anything starts: a no comes early."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HOST: Final = "127.0.0.1"
USUAL_PORT: Final = 8080


class ClaimedError(SaidError):
    """Somebody else has the folder or the port; the message says what would do."""


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep a second demo out of the same folder.

    Raises:
        ClaimedError: one runs from it already.
    """
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaimedError(
                N_("a demo already runs from {folder}; end it, or choose another with --dir"), folder=root
            ) from None
        yield


def console_port(wanted: int | None) -> int:
    """The port asked for; else the usual one, or any if that is taken.

    Raises:
        ClaimedError: the port asked for is taken.
    """
    for port in (wanted,) if wanted is not None else (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                reason = system_said(error)
                continue
            return int(probe.getsockname()[1])
    raise ClaimedError(
        N_("port {port} cannot be used ({reason}); choose another with --port, 0 takes a free one"),
        port=wanted,
        reason=reason,
    )


@contextmanager
def held(port: int) -> Iterator[int]:
    """Keep a free port until our own part listens there: the system gives it to nobody meanwhile, for listening or for
    a call of his own. A part that listens with SO_REUSEADDR, as all of ours do, may take it."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, port))
        yield port


def free_port() -> int:
    """Any free port on loopback, for TCP."""
    return console_port(0)


def free_port_of_both() -> int:
    """One that is free for TCP and UDP."""
    while True:
        port = free_port()
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
