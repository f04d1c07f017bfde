"""Many site files at once: all of them or none, whenever the power goes.

They are written into a folder of their own, which one rename makes the import: from then on every reader takes its
files before those beside it (folder.py). Moving each to its place is tidying, and the next import ends it if need be.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.inventory.folder import ENDING, IMPORT, SITES
from provisioning.keeping import PUBLIC_MODE, sync_folder
from provisioning.refusal import RefusedError


class WriteSitesError(RefusedError):
    """No site was written; the message says why."""


def write_sites(folder: Path, texts: Mapping[str, str]) -> None:
    """Site files by id; those that are there are replaced. With none, an import that was cut off is ended.

    Raises:
        WriteSitesError: the disk refuses; nothing was changed.
    """
    sites = folder / SITES
    try:
        sites.mkdir(exist_ok=True)
        _tidy(sites)
        if not texts:
            return
        _grow(sites, texts)
    except OSError as error:
        raise WriteSitesError(
            N_("{folder} cannot be written: {reason}; nothing was changed"), folder=sites, reason=system_said(error)
        ) from None
    sync_folder(sites)
    _tidy(sites)


def _grow(sites: Path, texts: Mapping[str, str]) -> None:
    growing = Path(tempfile.mkdtemp(dir=sites, prefix=f"{IMPORT}-"))
    try:
        for name, text in texts.items():
            _write(growing / f"{name}{ENDING}", text)
        sync_folder(growing)
        growing.replace(sites / IMPORT)
    except BaseException:
        shutil.rmtree(growing, ignore_errors=True)
        raise


def _write(path: Path, text: str) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), PUBLIC_MODE)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _tidy(sites: Path) -> None:
    """End an import that counts already, and clear away one that never came to count."""
    ready = sites / IMPORT
    if ready.is_dir():
        for file in sorted(ready.iterdir()):
            file.replace(sites / file.name)
        sync_folder(sites)
        ready.rmdir()
    for left in sites.glob(f"{IMPORT}-*"):
        shutil.rmtree(left, ignore_errors=True)
