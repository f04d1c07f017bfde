"""Writes requirements.lock from pyproject.toml: one file, every version and hash, in two parts.

The first part is what `branchwatch` needs to run (agent, collector and what sets them up), the second what tests and
checks need on top, held to the first part's versions. `make demo` installs the first part alone, `make test` both.
`make lock` runs this file; it needs `uv` and a package registry, and writes no registry address.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = "# Written by `make lock` from pyproject.toml. Do not edit: change pyproject.toml and run it again.\n"
DEV_MARK = "# --- development only, from here to the end ---\n"
COMPILE = (
    "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
    "--no-emit-index-url", "--no-annotate", "--group", "setup", "--extra", "agent", "--extra", "collector",
    "--extra", "people", "--extra", "ordering", "--extra", "provisioning",
)  # fmt: skip


def main() -> int:
    """Resolve both parts and write the lock; with `--upgrade` newer versions are taken where pyproject.toml allows."""
    upgrade = "--upgrade" in sys.argv[1:]
    known = LOCK.read_text() if LOCK.exists() and not upgrade else ""
    run = _resolve(preferred=known)
    everything = _resolve("--extra", "dev", preferred=known, held_to=run)
    dev = [block for block in _blocks(everything) if block not in set(_blocks(run))]
    LOCK.write_text(HEAD + run + DEV_MARK + "".join(dev))
    print(f"{LOCK.name}: {len(_blocks(run))} packages to run, {len(dev)} more to develop")
    return 0


def _resolve(*extra: str, preferred: str, held_to: str = "") -> str:
    """One resolution as text; versions of `preferred` are kept where they fit, those of `held_to` must hold."""
    with tempfile.TemporaryDirectory() as folder:
        out, limits = Path(folder, "out.txt"), Path(folder, "limits.txt")
        out.write_text(preferred)
        limits.write_text(held_to)
        command = (*COMPILE, *extra, "--constraint", str(limits), "pyproject.toml", "--output-file", str(out))
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return out.read_text()


def _blocks(text: str) -> list[str]:
    """The requirements of a compiled file, each with its hash lines."""
    blocks: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("    ") and blocks:
            blocks[-1] += line
        elif line.strip() and not line.startswith("#"):
            blocks.append(line)
    return blocks


if __name__ == "__main__":
    sys.exit(main())
