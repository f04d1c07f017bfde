"""Runs a program under the filters of a unit file, without systemd: `python -m tests.sandbox UNIT COMMAND...`

The filters of system calls (SystemCallFilter=, MemoryDenyWriteExecute=, RestrictAddressFamilies=) are those that
systemd would load, built with the same library from the same sets; a child inherits them. The views of the file system
are not: they need privileges that a test should not ask for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
NOT_EQUAL, EQUAL, MASKED_EQUAL = 1, 4, 7
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000


class _Compare(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class Filter:
    """One seccomp filter: `otherwise` is what happens to calls that no rule names."""

    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def rule(self, action: int, call: str, *compares: tuple[int, int, int, int]) -> None:
        """What happens to a call, if its arguments compare so; a call that this machine does not have is left out."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        given = (_Compare * len(compares))(*(_Compare(*each) for each in compares))
        done = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(compares), given
        )
        if done != 0:
            raise OSError(-done, f"no rule for {call}")

    def load(self) -> None:
        """Put it over this process, for good."""
        if done := self._library.seccomp_load(self._context):
            raise OSError(-done, "the filter cannot be loaded")


def values(unit: str, key: str) -> list[str]:
    """What a unit says under a key, in its order."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]


def allowed_calls(lines: Iterable[str]) -> set[str]:
    """The calls that SystemCallFilter= lines leave: the first names what is allowed, `~` takes away."""
    allowed: set[str] = set()
    for line in lines:
        names = {call for word in line.removeprefix("~").split() for call in _calls_of(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _calls_of(word: str) -> Iterator[str]:
    if not word.startswith("@"):
        yield word
        return
    shown = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    for line in shown.stdout.splitlines()[1:]:
        if (name := line.strip()) and not name.startswith("#"):
            yield from _calls_of(name)


def enclose(unit: str) -> None:
    """Put this process under the unit's filters."""
    calls = Filter(REFUSE)
    for call in sorted(allowed_calls(values(unit, "SystemCallFilter"))):
        calls.rule(ALLOW, call)
    memory = Filter(ALLOW)
    if values(unit, "MemoryDenyWriteExecute") == ["yes"]:
        both = PROT_WRITE | PROT_EXEC
        memory.rule(REFUSE, "mmap", (2, MASKED_EQUAL, both, both))
        for call in ("mprotect", "pkey_mprotect"):
            memory.rule(REFUSE, call, (2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
        memory.rule(REFUSE, "shmat", (2, MASKED_EQUAL, SHM_EXEC, SHM_EXEC))
    families = Filter(ALLOW)
    known = sorted(getattr(socket, name) for line in values(unit, "RestrictAddressFamilies") for name in line.split())
    for family in set(range(max(known) + 1)) - set(known):
        families.rule(REFUSE, "socket", (0, EQUAL, family, 0))
    families.rule(REFUSE, "socket", (0, 5, max(known) + 1, 0))  # every greater one
    for each in (memory, families, calls):
        each.load()


if __name__ == "__main__":
    enclose(Path(sys.argv[1]).read_text())
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
