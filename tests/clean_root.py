"""A machine that has Debian's programs and nothing else, for installing into: own root, no network, own processes.

Its `/usr` is this machine's, read-only and without ensurepip (as without Debian's python3-venv); everything else is
its own and empty, on a folder that outlives each run. Made of namespaces (`unshare`), so it needs root.
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDERS = (
    "usr", "etc", "opt", "var/lib", "var/tmp", "home", "root", "tmp", "run", "dev", "proc", "sys", "stick", "local/bin",
)  # fmt: skip
BORROWED = (
    "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "login.defs", "nsswitch.conf", "pam.conf", "pam.d",
    "security", "ssl/openssl.cnf",
)  # fmt: skip
"""What Debian's own programs read below /etc; no certificate, no setting of pip, no user of this machine."""

DEVICES = ("null", "zero", "full", "random", "urandom")
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "shadow": "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    "gshadow": "root:*::\nnogroup:!::\n",
}
SETUP = """
set -e
cd "$ROOT"
mount --bind /usr usr
mount -o remount,bind,ro usr
mount --bind local usr/local
for pip in usr/lib/python3*/ensurepip; do [ ! -d "$pip" ] || mount -t tmpfs none "$pip"; done
for name in bin sbin lib lib32 lib64 libx32; do
    if [ -d "$name" ] && [ ! -L "$name" ]; then mount --rbind "/$name" "$name"; fi
done
for name in $DEVICES; do mount --bind "/dev/$name" "dev/$name"; done
mount -t proc none proc
for name in $WITHOUT; do mount --bind /dev/null "usr/bin/$name"; done
[ -z "$OPT_KIB" ] || mount -t tmpfs -o "size=${OPT_KIB}k" none opt
[ -z "$STICK" ] || { mount --bind "$STICK" stick && mount -o remount,bind,ro stick; }
exec chroot . env -i PATH=/usr/local/bin:/usr/bin:/bin "LANG=$SAYS" sh -c "$COMMAND"
"""


def impossible() -> str:
    """Why there can be no clean root here; empty: there can."""
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, text=True, check=False
    )
    return tried.stderr.strip()


@dataclass(kw_only=True)
class CleanRoot:
    """One such machine; `close` takes it away."""

    folder: Path
    stick: Path | None = None
    """What is plugged in, read-only, as /stick."""
    opt_kib: int | None = None
    """The size of its /opt, if that is a small disk of its own (and empty at each run)."""
    without: tuple[str, ...] = ()
    """Programs of /usr/bin that are not there."""
    lang: str = "C.UTF-8"
    network: bool = False
    """Whether it has this machine's network; else it has none at all."""
    terminal: bool = False
    """Whether somebody can be asked in it: /dev/tty is there."""

    def __post_init__(self) -> None:
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        for name in self._devices():
            (self.folder / "dev" / name).touch()
        for name in BORROWED:
            source, target = Path("/etc", name), self.folder / "etc" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.exists():
                shutil.copy(source, target)
        for name, text in ACCOUNTS.items():
            (self.folder / "etc" / name).write_text(text)
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            host = Path("/", name)
            if host.is_symlink():
                (self.folder / name).symlink_to(host.readlink())
            elif host.is_dir():
                (self.folder / name).mkdir()

    def start(self, command: str) -> subprocess.Popen[str]:
        """A shell command in it; killed, everything that it started dies with it."""
        return subprocess.Popen(
            self.words(),
            env=self.environment(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def words(self) -> list[str]:
        """The command that starts the machine; what is done in it stands in its environment."""
        apart = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        return ["unshare", *apart, *([] if self.network else ["--net"]), "sh", "-c", SETUP]

    def environment(self, command: str) -> Mapping[str, str]:
        """Everything that the machine is made from, and a shell command to run in it."""
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "ROOT": str(self.folder),
            "STICK": str(self.stick or ""),
            "OPT_KIB": str(self.opt_kib or ""),
            "DEVICES": " ".join(self._devices()),
            "WITHOUT": " ".join(self.without),
            "SAYS": self.lang,
            "COMMAND": command,
        }

    def run(self, command: str, timeout_s: float = 50.0) -> subprocess.CompletedProcess[str]:
        """The same, waited for."""
        with self.start(command) as child:
            out, err = child.communicate(timeout=timeout_s)
        return subprocess.CompletedProcess(command, child.returncode, out, err)

    def files(self) -> dict[str, str]:
        """Everything that is its own, by path, with what a change would change: to see that nothing was."""
        found = {}
        for place in sorted(self.folder.rglob("*")):
            path = place.relative_to(self.folder).as_posix()
            facts = place.lstat()
            kind = (
                f"-> {place.readlink()}" if place.is_symlink() else f"{facts.st_size if place.is_file() else 'folder'}"
            )
            found[path] = f"{facts.st_mode:o} {facts.st_uid} {kind} {facts.st_mtime_ns if place.is_file() else ''}"
        return found

    def typed(self, command: str, waits_for: str, answer: str) -> tuple[int, str]:
        """Run a command at a terminal and type an answer to its question: the exit code and all that was seen."""
        child, terminal = pty.fork()
        if child == 0:  # pragma: no cover - in the other process
            words = self.words()
            os.execvpe(words[0], words, dict(self.environment(command)))  # noqa: S606 - that is what this is for
        seen, answered = b"", False
        with os.fdopen(terminal, "rb", buffering=0) as reading, suppress(OSError):  # EIO: the other end is gone
            while read := reading.read(4096):
                seen += read
                if not answered and waits_for.encode() in seen:
                    os.write(terminal, f"{answer}\n".encode())
                    answered = True
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()

    def _devices(self) -> tuple[str, ...]:
        return (*DEVICES, "tty") if self.terminal else DEVICES

    def close(self) -> None:
        """Take it away."""
        shutil.rmtree(self.folder)


PYTHON = Path("/usr/bin/python3")


def python_version() -> str:
    """Of the clean root's python3, like 3.11."""
    words = [str(PYTHON), "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    """The word of `provision kit --arch` for this machine."""
    return "arm64" if "aarch64" in sysconfig.get_platform() else "x86-64"
