"""Where a kit's own parts come from: the project's folder if this program runs from it, else what its wheel carried.

Reads only. Flow: here -> wheels.py (source and lock), writing.py (install.sh, units, pages).
"""

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.refusal import RefusedError

UNITS: Final = (
    "branchwatch-agent.service",
    "branchwatch-renew.service",
    "branchwatch-renew.timer",
)
"""What a box runs; the centre's units stay at home."""

PAGES: Final = ("install.md", "install.zh-CN.md", "pictures/acceptance.png", "pictures/acceptance-zh.png")
LOCK: Final = "requirements.lock"
SCRIPT: Final = "install.sh"


class MaterialsError(RefusedError):
    """This installation lacks something that a kit is made of."""


@dataclass(frozen=True, kw_only=True)
class Materials:
    """The folders; `source` is None where the program was installed from a wheel."""

    source: Path | None
    units: Path
    pages: Path
    lock: Path

    def parts(self) -> dict[str, bytes]:
        """The files of a kit that are the same for every site, by their path in it.

        Raises:
            MaterialsError: one is missing.
        """
        places = {
            SCRIPT: Path(__file__).with_name(SCRIPT),
            **{f"units/{name}": self.units / name for name in UNITS},
            **{name: self.pages / name for name in PAGES},
        }
        return {path: read(place) for path, place in places.items()}


def find_materials() -> Materials:
    """Beside this package, or where `pip install` put what the wheel carried."""
    project = Path(__file__).resolve().parents[2]
    if (project / "pyproject.toml").is_file():
        return Materials(source=project, units=project / "systemd", pages=project / "docs", lock=project / LOCK)
    share = Path(sysconfig.get_path("data")) / "share" / "branchwatch"
    return Materials(source=None, units=share / "systemd", pages=share / "docs", lock=share / LOCK)


def read(place: Path) -> bytes:
    """A file's content.

    Raises:
        MaterialsError: it cannot be read.
    """
    try:
        return place.read_bytes()
    except OSError as error:
        raise MaterialsError(N_("{path} cannot be read: {reason}"), path=place, reason=system_said(error)) from None
