"""Telling systemd that a program is ready and alive (sd_notify(3)), when systemd started it.

Agent and collector both say it, and may import nothing of each other; one file here is less to go wrong than the same
datagram written twice. It is the one file of `protocol` beside `command.py` that touches the machine: it sends, reads
nothing back and decides nothing, so what stands around it stays as pure as before. What is said, and when, is decided
in `agent/app.py` and `collector/systemd.py`.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta


def notify(state: str, environment: Mapping[str, str] | None = None) -> bool:
    """Send a state like `READY=1`; False when nobody listens. Never raises: a deaf systemd is no fault of ours."""
    address = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
        link.connect("\0" + address[1:] if address.startswith("@") else address)  # @ names the abstract namespace
        link.sendall(state.encode())
        return True
    return False


def watchdog_interval(environment: Mapping[str, str] | None = None) -> timedelta | None:
    """How often to say that the program is alive: half of what systemd waits; None when it does not ask."""
    asked = (os.environ if environment is None else environment).get("WATCHDOG_USEC", "")
    pid = (os.environ if environment is None else environment).get("WATCHDOG_PID", str(os.getpid()))
    if not asked.isdigit() or int(asked) == 0 or pid != str(os.getpid()):
        return None
    return timedelta(microseconds=int(asked)) / 2
