"""Which small files of a centre go into its backup: its settings and its certificates, never a private key.

Hashes of passwords and tokens stand in the settings and go along: people log in again after a restore. Flow:
writing.py -> here.
"""

from dataclasses import dataclass
from pathlib import Path

from collector.backup.failing import OutOfReachError, WrongInputError
from collector.backup.manifest import MAX_SMALL_BYTES, Part, names_for
from collector.config import Config
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said

_PRIVATE = b"PRIVATE KEY-----"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file: what it is, its name in the tar, where it stands by the settings, and its bytes."""

    part: Part
    name: str
    path: str
    content: bytes


def small_files(config: Config, settings_file: Path) -> tuple[Source, ...]:
    """The settings, the root, certificates and revocation lists.

    Raises:
        OutOfReachError: one cannot be read.
        WrongInputError: one is too large, or holds a private key.
    """
    settings = config.settings
    named = [
        (Part.SETTINGS, settings_file.name),
        (Part.ROOT, settings.trust),
        (Part.CERTIFICATE, settings.certificate),
        *((Part.REVOCATIONS, path) for path in settings.crls),
    ]
    if settings.embedded is not None:
        named.append((Part.CERTIFICATE, settings.embedded.certificate))
    names = names_for(path for _, path in named)
    return tuple(
        Source(part=part, name=name, path=path, content=_read(config.path(path)))
        for (part, path), name in zip(named, names, strict=True)
    )


def database_name(config: Config, others: tuple[Source, ...]) -> str:
    """The database's name in the tar."""
    return list(names_for([*(each.path for each in others), config.settings.database]))[-1]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SMALL_BYTES + 1)
    except OSError as error:
        raise OutOfReachError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if len(content) > MAX_SMALL_BYTES:
        raise WrongInputError(N_("{path} is larger than {limit} MiB"), path=path, limit=MAX_SMALL_BYTES // 1024 // 1024)
    if _PRIVATE in content:
        raise WrongInputError(
            N_("{path} holds a private key, and a backup takes none; keep the key in a file of its own"), path=path
        )
    return content
