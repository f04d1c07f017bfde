"""The files that `[[receiver]]` names: keys (mode 0600) and tables of sites; read once, at the start.

No fault repeats what is in a key. Flow: app.py and `check` -> here -> receivers.py.
"""

import os
import stat
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from collector.config import Config, split_address
from collector.keys import KeysError
from collector.notify.dc09.settings import ReceiverSettings, SiteAccount, SiteTable, Token, site_faults
from protocol.dc09.cipher import CipherError, read_key
from protocol.settings import MAX_SETTINGS_BYTES, Fault, SettingsError, read_settings
from protocol.texts import Said, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_KEY_BYTES: Final = 256
"""A key file: 64 hex digits and a line's end."""


class ReceiverKey:
    """A key that shows itself nowhere."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "ReceiverKey(***)"


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """One receiver, ready to be told."""

    id: str
    addresses: tuple[tuple[str, int], ...]
    account: str
    token: Token
    receiver: str
    prefix: str
    key: ReceiverKey | None
    supervision_s: float
    zone: ZoneInfo | None  # None: messages bear no time
    sites: dict[str, SiteAccount]

    def site(self, name: str) -> SiteAccount:
        """The account of a site; the receiver's own where the table does not name it."""
        return self.sites.get(name) or SiteAccount(id=name or "-", account=self.account)


def load_receivers(config: Config) -> tuple[Receiver, ...]:
    """Every receiver of the configuration.

    Raises:
        KeysError: every key file that will not do.
        SettingsError: a table of sites with faults.
    """
    faults: list[Said] = []
    table_faults: list[Fault] = []
    receivers = [_receiver(settings, config, faults, table_faults) for settings in config.settings.receiver]
    if faults:
        raise KeysError(faults)
    if table_faults:
        raise SettingsError(table_faults)
    return tuple(receivers)


def _receiver(settings: ReceiverSettings, config: Config, faults: list[Said], table_faults: list[Fault]) -> Receiver:
    key = _key(config.path(settings.key_file), faults) if settings.key_file is not None else None
    table = SiteTable()
    if settings.sites is not None:
        try:
            table = _table(config.path(settings.sites), settings.sites, faults)
        except SettingsError as error:
            table_faults.extend(error.faults)
    return Receiver(
        id=settings.id,
        addresses=tuple(split_address(address) for address in settings.addresses),
        account=settings.account,
        token=settings.token,
        receiver=settings.receiver,
        prefix=settings.prefix,
        key=key,
        supervision_s=settings.supervision.total_seconds(),
        zone=ZoneInfo(settings.timezone) if settings.timestamps else None,
        sites={site.id: site for site in table.site},
    )


def _key(path: Path, faults: list[Said]) -> ReceiverKey | None:
    raw, mode = _read(path, MAX_KEY_BYTES, faults)
    if raw is None:
        return None
    if mode & 0o077:
        text = N_("{file} can be read by others (mode {mode}); next step: chmod 600 {file}")
        faults.append(said(text, file=path, mode=f"{mode:o}"))
        return None
    try:
        return ReceiverKey(read_key(raw.decode("ascii")))
    except (CipherError, UnicodeDecodeError):
        faults.append(said(N_("{path} is no key: it holds 32, 48 or 64 hex digits and nothing else"), path=path))
        return None


def _table(path: Path, name: str, faults: list[Said]) -> SiteTable:
    raw, _ = _read(path, MAX_SETTINGS_BYTES, faults)
    return SiteTable() if raw is None else read_settings(raw, name, SiteTable, check=site_faults)[0]


def _read(path: Path, most: int, faults: list[Said]) -> tuple[bytes | None, int]:
    """The bytes, one more than `most` where there are more, and the mode of what was opened."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        faults.append(said(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)))
        return None, 0
