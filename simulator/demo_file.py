"""`demo.json`: where a running demo can be reached (WIRE section 6). Written whole and readable by its owner only."""

import os
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

NAME: Final = "demo.json"
MAX_BYTES: Final = 4 * 1024 * 1024
"""500 sites need about 200 KiB."""


class DemoFileError(SaidError):
    """There is no demo in this folder, or its file is damaged; the message says what to do."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the console."""

    name: str
    password: str


class BrokerAccess(msgspec.Struct, frozen=True, kw_only=True):
    """The broker, and files of a client that may read what boxes send."""

    host: str
    port: int
    ca: str
    cert: str
    key: str


class PanelAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where a branch's alarm panel dials (SIA DC-09), as whom, and the key in hex that it encrypts with."""

    address: str  # host:port
    account: str
    key: str


class CameraAccess(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated camera or recorder of a branch, and where it is told what happens to it."""

    name: str  # camera-03, recorder-nvr1: as `simulate act` knows it
    onvif: str  # host:port
    rtsp: str
    control: str  # host:port


class SiteAccess(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated branch and its box."""

    id: str
    box: str
    modbus: str  # host:port
    cert: str
    key: str
    state: str  # the box's folder
    panel: PanelAccess | None = None
    cameras: list[CameraAccess] = []


class Officer(msgspec.Struct, frozen=True, kw_only=True):
    """A person who gives orders: his key file, and his token at the console."""

    id: str
    name: str
    token: str
    key: str


class SeatAccess(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the console by what he is: operator, shift_leader, centre_director, reviewer, security_officer."""

    id: str
    name: str
    role: str
    token: str


class DemoFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    console: str
    token: str
    login: Login
    broker: BrokerAccess
    collector_db: str
    sites: list[SiteAccess]
    people: list[Officer] = []
    seats: list[SeatAccess] = []
    phones: str = ""  # the page with everybody's telephone


def read_demo(folder: Path) -> DemoFile:
    """The demo that runs from `folder`.

    Raises:
        DemoFileError: none there, or damaged.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DemoFileError(N_("{path} is larger than any demo's; name the folder of a demo with --dir"), path=path)
        return msgspec.json.decode(content, type=DemoFile)
    except FileNotFoundError:
        raise DemoFileError(
            N_("there is no demo in {folder}: {file} is missing. Start one with: branchwatch demo --dir {folder}"),
            folder=folder,
            file=path.name,
        ) from None
    except OSError as error:
        raise DemoFileError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    except msgspec.DecodeError as error:
        raise DemoFileError(N_("{path} is damaged ({reason}); start the demo again"), path=path, reason=error) from None


def write_demo(demo: DemoFile, folder: Path) -> None:
    """Write it so that a reader finds the old file or the new one, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{NAME}.")  # mkstemp makes it 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(demo), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(folder / NAME)
