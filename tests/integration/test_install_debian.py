"""The kit on Debian as its own installer leaves it at the least: debootstrap, python3, openssl, and nothing more."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clean_root import impossible
from tests.integration.test_install import kit, office

__all__ = ["kit", "office"]

WHY_NOT = impossible() or ("" if shutil.which("debootstrap") else "there is no debootstrap")
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(WHY_NOT), reason=f"no Debian can be set up here: {WHY_NOT}"),
]

SETUP = """
set -e
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mkdir -p stick
mount --bind "$STICK" stick
mount -o remount,bind,ro stick
mount -t proc none proc
for name in null zero random urandom; do touch "dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
exec chroot . env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -ec "$COMMAND"
"""
WAY = """
sh /stick/install.sh
sh /stick/install.sh --yes > /dev/null
branchwatch --version
branchwatch agent health | grep 'not enrolled'
sh /stick/install.sh --uninstall --purge --yes
! grep -q branchwatch /etc/passwd
find / -xdev -name '*branchwatch*' -not -path '/stick/*' -not -path '/proc/*'
"""


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A root file system of Debian 12, of its essential packages."""
    root = tmp_path / "debian"
    words = ["debootstrap", "--variant=minbase", "--include=python3,openssl", "bookworm", str(root)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500, check=False)
    if done.returncode != 0:
        pytest.skip(f"Debian's archive cannot be reached: {done.stdout[-300:]}")
    return root


def test_a_minimal_debian_becomes_a_box_and_is_clean_afterwards(kit: Path, debian: Path) -> None:
    """No python3-venv, no pip, no network, no systemd: installed twice, asked, taken off without a trace."""
    apart = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ROOT": str(debian), "STICK": str(kit), "COMMAND": WAY}
    words = [*apart, "sh", "-c", SETUP]
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=200, check=False, start_new_session=True
    )  # in a session of its own: nobody is there to be asked
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this box is not enrolled" in done.stdout
    assert done.stdout.splitlines()[-1] == "Branchwatch is off this machine, with all that it kept."
    assert done.stderr == ""
    shutil.rmtree(debian)
