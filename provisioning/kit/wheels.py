"""The wheels of a kit: ours and what the box needs beside it, each with a hash that was known before.

pip first says what our wheel needs, held to the versions of requirements.lock, then fetches exactly that, held to the
lock's hashes; nothing that it fetches is run. It also fetches itself: a box without Debian's python3-venv installs by
that wheel. The one file that starts pip.
Flow: kit_words.py -> here -> writing.py.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.kit.materials import Materials, MaterialsError, read
from provisioning.refusal import RefusedError

OURS: Final = "branchwatch"
EXTRA: Final = "agent,people"
INSTALLER: Final = "pip"
SOURCE: Final = ("pyproject.toml", "README.md", "requirements.lock", "branchwatch.py")
SOURCE_FOLDERS: Final = ("agent", "collector", "docs", "protocol", "provisioning", "simulator", "systemd")
NOT_SOURCE: Final = shutil.ignore_patterns("__pycache__", "*.egg-info", "pictures", "decisions")
DEVELOPMENT: Final = "# --- development only"
"""The line of the lock from which on nothing runs on a box."""

PATIENCE_S: Final = 1800.0
"""For all the downloads of one kit, some 250 MB; a slow line of a bank's proxy counted in."""

BYTE_CODE: Final = 1.3
"""Bytes of byte code to a byte of Python, measured over what a kit installs: 90 MiB beside 69."""

BLOCK: Final = 4096

GLIBC: Final = ("36", "35", "34", "31", "28", "27", "24", "17", "12", "5")
"""Minor versions of glibc 2 for which wheels are made, up to that of Debian 12."""

_NAME: Final = re.compile(r"([A-Za-z0-9_.]+)-([A-Za-z0-9_.!+]+)-.+\.whl\Z")
_CHANGED: Final = re.compile(r"^ {4}([A-Za-z0-9_.-]+)==\S+ from ", re.MULTILINE)
_MISSING: Final = re.compile(r"have no matching distributions available for your environment:\n((?: {4}\S+\n)+)")
_LAST_WORDS: Final = 400
"""Characters of what pip says at its end; its beginnings are long."""

Progress = Callable[[Said], None]


class Arch(StrEnum):
    """What the box's processor is."""

    X86_64 = "x86-64"
    ARM64 = "arm64"

    @property
    def machine(self) -> str:
        """As `uname -m` and the wheels say it."""
        return "x86_64" if self is Arch.X86_64 else "aarch64"


@dataclass(frozen=True, kw_only=True)
class Target:
    """The machine that the kit is for."""

    arch: Arch
    python: str


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One wheel, looked at."""

    name: str
    version: str
    file: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return sha256(self.content).hexdigest()

    @property
    def installed_bytes(self) -> int:
        """What it takes on the box's disk: whole blocks, and byte code beside each file of Python."""
        with tempfile.TemporaryFile() as file:
            file.write(self.content)
            with zipfile.ZipFile(file) as archive:
                return sum(_on_disk(each.filename, each.file_size) for each in archive.infolist())


def _on_disk(name: str, size: int) -> int:
    code = int(size * BYTE_CODE) if name.endswith(".py") else 0
    return sum(-(-each // BLOCK) * BLOCK for each in (size, code))


class WheelsError(RefusedError):
    """The wheels cannot be had; the message says why and what would do."""


def gather_wheels(
    materials: Materials, target: Target, given: Path | None, tell: Progress, temporary: Path
) -> tuple[Wheel, ...]:
    """All wheels of a kit, ours first; from the folder `given` alone if there is one, and then without any network.

    Raises:
        WheelsError: one is missing, or not the one that the lock names.
        MaterialsError: neither our own wheel nor our source is here.
    """
    ours = _given_ours(given) if given is not None else None
    if ours is None:
        ours = _built(materials, tell, temporary)
    tell(
        said(N_("Taking the other wheels from {folder}."), folder=given)
        if given is not None
        else said(
            N_("Fetching the other wheels for {arch} and Python {python}."), arch=target.arch, python=target.python
        )
    )
    folder = temporary / "wheels"
    _fetch(materials, target, ours, given, folder)
    wheels = [_looked_at(path) for path in sorted(folder.glob("*.whl"))]
    if not any(wheel.name == INSTALLER for wheel in wheels):
        raise WheelsError(N_("the lock names no pip, and a box cannot install without it; next step: make lock"))
    return tuple(sorted(wheels, key=lambda wheel: (wheel.name != OURS, wheel.file)))


def requirements(wheels: Sequence[Wheel]) -> bytes:
    """What `pip install --require-hashes` is told on the box: these files and no others."""
    head = "# Every wheel of this kit with its hash; install.sh installs these and nothing else.\n"
    lines = (f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels)
    return (head + "".join(lines)).encode("ascii")


def version_of(wheels: Sequence[Wheel]) -> str:
    """Of our own wheel, which stands first."""
    return wheels[0].version


def _given_ours(folder: Path) -> Path | None:
    found = sorted(folder.glob(f"{OURS}-*.whl"))
    if len(found) > 1:
        raise WheelsError(N_("{folder} holds more than one wheel of ours; leave the one that is meant"), folder=folder)
    return found[0] if found else None


def _built(materials: Materials, tell: Progress, temporary: Path) -> Path:
    """Our wheel from a copy of the source: a build leaves things behind, and earlier ones would get in."""
    if materials.source is None:
        raise MaterialsError(
            N_("this program was installed without its source; give a folder with our wheel by --wheels")
        )
    if not any((materials.source / "protocol" / "texts").rglob("*.mo")):
        raise MaterialsError(N_("the texts are not compiled, the box would speak English only; next step: make setup"))
    tell(said(N_("Building our own wheel.")))
    copy, out = temporary / "source", temporary / "ours"
    copy.mkdir()
    for name in SOURCE:
        (copy / name).write_bytes(read(materials.source / name))
    for name in SOURCE_FOLDERS:
        shutil.copytree(materials.source / name, copy / name, ignore=NOT_SOURCE)
    _pip(["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(out), str(copy)])
    return next(out.glob(f"{OURS}-*.whl"))


def _fetch(materials: Materials, target: Target, ours: Path, given: Path | None, folder: Path) -> None:
    """What our wheel asks for, each file with a hash of the lock; pip refuses every other one."""
    pinned = _pinned(read(materials.lock).partition(DEVELOPMENT.encode())[0].decode())
    versions = folder.with_suffix(".versions")
    versions.write_text("".join(f"{block.partition(' ')[0]}\n" for block in pinned.values()))
    machine = target.arch.machine
    source = ["--no-index", "--find-links", str(given)] if given is not None else []
    source += ["--only-binary=:all:", f"--python-version={target.python}", "--implementation=cp"]
    source += [f"--platform=manylinux{tag}_{machine}" for tag in ("2014", *(f"_2_{minor}" for minor in GLIBC))]
    report = folder.with_suffix(".json")
    dry = ["--dry-run", "--ignore-installed", f"--target={folder}", f"--report={report}", f"--constraint={versions}"]
    _pip(["install", *dry, *source, f"{OURS}[{EXTRA}] @ {ours.absolute().as_uri()}"])
    names = {_normal(each["metadata"]["name"]) for each in json.loads(report.read_bytes())["install"]} - {OURS}
    if unpinned := names - pinned.keys():
        raise WheelsError(N_("the lock does not name {names}; next step: make lock"), names=", ".join(sorted(unpinned)))
    wanted = folder.with_suffix(".txt")
    wanted.write_text("".join(pinned[name] for name in sorted(names)))
    _pip(["download", "--no-deps", "--require-hashes", *source, f"--dest={folder}", f"--requirement={wanted}"])
    shutil.copy(ours, folder)


def _pinned(lock: str) -> dict[str, str]:
    """The lock's blocks by name: `name==version` and its hashes; pip decides what is for which machine."""
    blocks = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\\n]+)[^\n]*\n((?:    --hash=.*\n)*)", lock, re.MULTILINE)
    return {_normal(name): f"{name}=={version} \\\n{hashes}" for name, version, hashes in blocks}


def _normal(name: str) -> str:
    """A name as packages are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip(words: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise WheelsError(
            N_("the wheels did not come within {seconds} seconds; nothing was made"), seconds=int(PATIENCE_S)
        ) from None
    if done.returncode != 0:
        raise WheelsError(N_("the wheels cannot be had: {reason}"), reason=_why(done.stdout, done.stderr))


def _why(out: str, err: str) -> Said:
    """What pip means, as one sentence; its own last words where we know no better."""
    if "No module named pip" in err:
        return said(N_("this Python has no pip; a kit is made with it"))
    if changed := _CHANGED.findall(err):
        return said(N_("{names}: not the file whose hash stands in the lock"), names=", ".join(dict.fromkeys(changed)))
    if "Retrying (" in err:
        return said(N_("the package registry cannot be reached; take them from a folder by --wheels"))
    if missing := _MISSING.search(out):
        names = ", ".join(missing[1].split())
        return said(N_("none of {names} for this processor, this Python and the version in the lock"), names=names)
    faults = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith("WARNING")]
    return said(N_("pip says: {words}"), words=" ".join(faults)[-_LAST_WORDS:])


def _looked_at(path: Path) -> Wheel:
    match = _NAME.match(path.name)
    if match is None:
        raise WheelsError(N_("{file} is not the wheel that was asked for"), file=path.name)
    return Wheel(name=match[1], version=match[2], file=path.name, content=path.read_bytes())
