"""The sites' secrets: one TOML file that only its owner may read, and what of it was sealed already.

Sealing the same secret twice gives two texts, so a bundle would seem changed each time. Beside the file stands
`<file>.sealed`: keyed hashes of what was sealed for whom, by which a secret that did not change is known again and its
sealed text kept. It holds no secret; lost, everything is sealed once more.
"""

import hmac
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.ids import is_id
from protocol.settings import MAX_SETTINGS_BYTES, Problem, Secret, read_settings
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said, system_said
from provisioning.inventory.editing import with_secret
from provisioning.keeping import KEY_MODE, write_whole
from provisioning.refusal import RefusedError

MAX_MARKS: Final = 100_000
"""Hashes that are kept: some 20 for each of 5,000 sites."""

_MAX_MEMORY_BYTES: Final = 16 * 1024 * 1024


class SecretsError(RefusedError):
    """The file of secrets cannot be used; the message never holds one."""


class _SecretsFile(msgspec.Struct, frozen=True, kw_only=True):
    secrets: Annotated[dict[str, Secret], Meta(max_length=2000)] = {}
    site: Annotated[dict[str, dict[str, Secret]], Meta(max_length=10_000)] = {}


class _Memory(msgspec.Struct, kw_only=True):
    key: str
    marks: list[str]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A secret, and what it is sealed for."""

    box: str
    name: str
    key: bytes
    """The box's sealing key, DER."""
    secret: bytes = field(repr=False)


class Secrets:
    """What a bank seals; made by `read_secrets`."""

    def __init__(self, path: Path, content: _SecretsFile, memory: _Memory) -> None:
        self.path = path
        self._content, self._memory = content, memory
        self._known = set(memory.marks)

    def secret(self, site: str, name: str) -> bytes | None:
        """A site's own secret of a name, or everybody's."""
        found = self._content.site.get(site, {}).get(name) or self._content.secrets.get(name)
        return found.encode() if found else None

    def is_sealed(self, sealed: str, bound: Bound) -> bool:
        """Whether this very text was made here of this secret for this box's key."""
        return self._mark(sealed, bound) in self._known

    def remember(self, sealed: str, bound: Bound) -> None:
        """That it was; kept by `save`."""
        mark = self._mark(sealed, bound)
        self._known.add(mark)
        self._memory.marks.append(mark)

    def save(self) -> None:
        """Keep what was remembered, before a bundle that depends on it is given out.

        Raises:
            SecretsError: it cannot be written.
        """
        self._memory.marks = self._memory.marks[-MAX_MARKS:]
        path = _memory_of(self.path)
        try:
            write_whole(path, msgspec.json.encode(self._memory), KEY_MODE)
        except OSError as error:
            raise SecretsError(
                N_("{path} cannot be written: {reason}; nothing was changed"), path=path, reason=system_said(error)
            ) from None

    def _mark(self, sealed: str, bound: Bound) -> str:
        digest = hmac.new(bytes.fromhex(self._memory.key), digestmod=sha256)
        for part in (sealed.encode(), bound.box.encode(), bound.name.encode(), bound.key, bound.secret):
            digest.update(len(part).to_bytes(4, "big") + part)
        return digest.hexdigest()


def read_secrets(path: Path) -> Secrets:
    """The secrets of a file that nobody but its owner may read.

    Raises:
        SecretsError: missing, or open to others.
        SettingsError: every fault of its text, none with a value.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(MAX_SETTINGS_BYTES + 1)
    except OSError as error:
        raise SecretsError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if mode & 0o077:
        raise SecretsError(
            N_("{path} can be read by others than its owner; next step: chmod 600 {path}, and change what others saw"),
            path=path,
        )
    content, _ = read_settings(text, path.name, _SecretsFile, check=_problems)
    return Secrets(path, content, _remembered(path))


def enter_secret(path: Path, name: str, value: str, site: str | None = None) -> None:
    """Enter one secret, everybody's or a site's own, in its owner's file, which is made if need be.

    Raises:
        SecretsError: it cannot be read or written, or is open to others.
        SettingsError: every fault of its text, none with a value.
        EditError: it cannot be entered without changing more.
    """
    text = ""
    if path.exists():
        read_secrets(path)
        text = path.read_text()
    new = with_secret(text, ("site", site) if site else ("secrets",), name, value, path.name)
    try:
        write_whole(path, new.encode(), KEY_MODE)
    except OSError as error:
        raise SecretsError(
            N_("{path} cannot be written: {reason}; nothing was changed"), path=path, reason=system_said(error)
        ) from None


def _problems(content: _SecretsFile) -> Iterator[Problem]:
    fault = N_("a secret is named by a-z, 0-9 and -, at most 32 characters")
    for table, names in (("secrets", content.secrets), *(("site", each) for each in content.site.values())):
        if not all(is_id(name) for name in names):
            yield (table,), said(fault)  # the name itself stays unsaid: it may be a secret in the wrong place


def _remembered(path: Path) -> _Memory:
    try:
        with _memory_of(path).open("rb") as file:
            memory = msgspec.json.decode(file.read(_MAX_MEMORY_BYTES), type=_Memory)
        if len(bytes.fromhex(memory.key)) == sha256().digest_size:
            return memory
    except (OSError, msgspec.DecodeError, ValueError):
        pass  # lost or damaged: everything is sealed once more
    return _Memory(key=os.urandom(sha256().digest_size).hex(), marks=[])


def _memory_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sealed")
