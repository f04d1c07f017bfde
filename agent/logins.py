"""The logins of cameras and recorders at work: who may try now, opened secrets for those who may, refusals kept.

The shell around `agent/detectors/login.py`; one for the whole agent, shared by eyes and asker. A secret is the text
`user:password`, opened when a login is due and held no longer than it takes to hand it over. While it is not known
whether an account is taken, one user tries and the others wait for the outcome.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from agent.detectors import login
from agent.findings import Finding
from agent.secrets import SecretError, Secrets
from agent.signals import Moment
from protocol.site.addresses import AddressError, parse_address
from protocol.site.schema import Site

LOGINS_KEY: Final = "logins"
REFUSED: Final = "login_refused"
PENDING: Final = "secret_pending"
UNUSABLE: Final = "secret_unusable"
"""The words that `standing` says; a secret that opens and is no `user:password` is unusable."""

LOOK_EVERY_S: Final = 30.0
"""At the latest a waiting one looks again: nothing is missed if the machine slept."""


@dataclass(frozen=True)
class Login:
    """A name and a password that are shown nowhere."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Login(***)"


@dataclass(frozen=True, kw_only=True)
class _Account:
    name: str
    secret: str
    points: tuple[str, ...]


class Logins:
    """Every account of one site. Points are `camera/03` and `device/nvr1`."""

    def __init__(
        self,
        site: Site,
        secrets: Secrets | None,
        saved: Mapping[str, bytes],
        now: Callable[[], Moment],
        same_boot: bool,
    ) -> None:
        self._secrets = secrets
        self._now = now
        self._accounts = {point: account for account in accounts_of(site) for point in account.points}
        self._ledger = login.carried(read_ledger(saved.get(LOGINS_KEY)), now(), same_boot)
        self._proven: set[str] = set()  # accounts that were taken in this run
        self._trying: dict[str, Moment] = {}
        self._found: list[Finding] = []
        self._dirty = asyncio.Event()
        self._changed = asyncio.Event()

    async def run(self, keep: Callable[[tuple[Finding, ...], Mapping[str, bytes]], Awaitable[object]]) -> None:
        """Have refusals stored and told until cancelled; `keep` is the watch's `take`."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            found, self._found = tuple(self._found), []
            await keep(found, {LOGINS_KEY: msgspec.json.encode(self._ledger)})

    async def ready(self, point: str) -> Login:
        """The login of this point, as soon as it may be tried; tell the outcome by `accepted` or `refused`."""
        while True:
            found, wait = self.ask(point)
            if found is not None:
                return found
            changed = self._changed
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_EVERY_S, max(0.05, wait.total_seconds()))):
                    await changed.wait()

    def ask(self, point: str) -> tuple[Login | None, timedelta]:
        """The login, if it may be tried now; else how long to wait before asking again."""
        account, now = self._accounts[point], self._now()
        opened = self._opened(account)
        if isinstance(opened, str):
            return None, timedelta(seconds=LOOK_EVERY_S)  # only a new bundle helps, and that is a new run
        seal = self._seal(account)
        due = login.next_try(self._ledger, account.name, seal)
        if due is not None and now.mono_ms < due.mono_ms:
            return None, due.since(now)
        if account.name not in self._proven:
            begun = self._trying.get(account.name)
            if begun is not None and now.since(begun) < login.ANSWER:
                return None, login.ANSWER - now.since(begun)
            self._trying[account.name] = now
        return opened, timedelta(0)

    def accepted(self, point: str) -> None:
        """The device took the login."""
        account = self._accounts[point]
        self._trying.pop(account.name, None)
        if account.name in self._proven:
            return
        self._proven.add(account.name)
        self._become(account, login.accepted(self._ledger, account.name))

    def refused(self, point: str) -> None:
        """The device refused it (401, or the same in its own words)."""
        account = self._accounts[point]
        self._trying.pop(account.name, None)
        self._proven.discard(account.name)
        self._become(account, login.refused(self._ledger, account.name, self._seal(account), self._now()))

    def given_up(self, point: str) -> None:
        """Nothing came of the try: the device could not be reached, so the next one may."""
        self._trying.pop(self._accounts[point].name, None)
        self._wake()

    def standing(self, point: str) -> str:
        """Why this point cannot log in now; empty where nothing is known against it."""
        account = self._accounts[point]
        opened = self._opened(account)
        if isinstance(opened, str):
            return opened
        return REFUSED if account.name in self._ledger else ""

    def times_refused(self, point: str) -> int:
        """How often in a row this account was refused."""
        known = self._ledger.get(self._accounts[point].name)
        return known.times if known else 0

    def _become(self, account: _Account, ledger: dict[str, login.Refused]) -> None:
        before, self._ledger = self._ledger, ledger
        self._found += login.findings(before, ledger, account.name, account.points, self._now())
        if before != ledger:
            self._dirty.set()
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _opened(self, account: _Account) -> Login | str:
        if self._secrets is None:
            return PENDING
        try:
            text = self._secrets.open(account.secret)
        except SecretError:
            return PENDING if account.secret in self._secrets.pending else UNUSABLE
        return read_login(text) or UNUSABLE

    def _seal(self, account: _Account) -> str:
        return self._secrets.seal(account.secret) if self._secrets else ""


def read_login(text: str) -> Login | None:
    """`user:password`; a user's name has no colon, a password may. None: it is not that."""
    user, colon, password = text.strip("\r\n").partition(":")
    printable = user.isprintable() and password.isprintable()
    return Login(user, password) if colon and user and printable and len(text) <= 256 else None


def accounts_of(site: Site) -> tuple[_Account, ...]:
    """Every account of a site and the points that use it."""
    devices = [(f"camera/{each.id}", each.address, each.login.secret) for each in site.camera]
    devices += [(f"device/{each.id}", each.address, each.login.secret) for each in site.recorder]
    points: dict[tuple[str, str], list[str]] = {}
    for point, address, secret in devices:
        points.setdefault((login.account_of(host_of(address), secret), secret), []).append(point)
    return tuple(_Account(name=name, secret=secret, points=tuple(of)) for (name, secret), of in points.items())


def host_of(address: str) -> str:
    """The host of `host[:port]` or `rtsp://host[:port]/path`; the whole text where it is neither."""
    if "://" in address:
        address = address.partition("://")[2].partition("/")[0]
    try:
        return parse_address(address, 80)[0]
    except AddressError:
        return address


def read_ledger(saved: bytes | None) -> dict[str, login.Refused]:
    """What was kept; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(saved or b"{}", type=dict[str, login.Refused])
    except msgspec.DecodeError:
        return {}
