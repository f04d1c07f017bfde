"""Which console is asked, as whom, by what it is recognised: options, then the environment, then a file of one's own.

A token comes from a file or the environment, never from an argument. Plain HTTP is for this machine alone.
Flow: arguments -> here -> `asking.py`.
"""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ordering.refusal import InputError
from protocol.settings import read_settings
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said

CONSOLE_VARIABLE: Final = "BRANCHWATCH_CONSOLE"
TOKEN_VARIABLE: Final = "BRANCHWATCH_TOKEN"  # noqa: S105 - the name of a variable
OWN_FILE: Final = Path("branchwatch") / "console.toml"
DEMO_FILE: Final = "demo.json"
MAX_DEMO_BYTES: Final = 4 * 1024 * 1024
MAX_OWN_BYTES: Final = 64 * 1024
MAX_TOKEN_BYTES: Final = 512
HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`~/.config/branchwatch/console.toml`."""

    console: Annotated[str, Meta(max_length=255)] = ""
    token_file: Annotated[str, Meta(max_length=1024)] = ""
    ca: Annotated[str, Meta(max_length=1024)] = ""


class DemoPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the demo, with his key file."""

    id: str
    token: str
    name: str = ""
    key: str = ""


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of `demo.json`."""

    console: str
    token: str
    people: tuple[DemoPerson, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Access:
    """The console to ask. `keys`: key files that came with the person, in the demo."""

    address: str
    token: str = field(repr=False)
    ca: Path | None = None
    keys: tuple[Path, ...] = ()


def access_of(arguments: Namespace, environment: Mapping[str, str]) -> Access:
    """The console that the options, the environment or the own file name, in this order.

    Raises:
        InputError: none is named, no token, or what is named cannot be used.
    """
    if arguments.dir is not None:
        return _of_demo(arguments.dir, getattr(arguments, "who", None))
    if getattr(arguments, "who", None) is not None:
        raise InputError(N_("--as picks a person of the demo; it needs --dir with the demo's folder"))
    own_path = _own_path(environment)
    own = _own(own_path)
    address = arguments.console or environment.get(CONSOLE_VARIABLE) or own.console
    if not address:
        raise InputError(
            N_('no console is named. Next step: --console https://..., or {variable}, or console = "..." in {file}'),
            variable=CONSOLE_VARIABLE,
            file=own_path,
        )
    ca = arguments.ca or (_beside(own_path, own.ca) if own.ca else None)
    return Access(address=checked(address), token=_token(arguments, environment, own, own_path), ca=ca)


def checked(address: str) -> str:
    """The console's address, if a token may be sent there.

    Raises:
        InputError: not an address, or plain HTTP to another machine.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    whole = parts.scheme in {"https", "http"} and host and parts.username is None and not parts.query
    if not whole or parts.path.rstrip("/") or parts.fragment:
        raise InputError(N_("{address} is no address of a console, such as https://desk.bank.example"), address=address)
    if parts.scheme == "http" and host not in HERE:
        raise InputError(
            N_("{address} is not encrypted: whoever listens on the way could take your token. Use https"),
            address=address,
        )
    return f"{parts.scheme}://{parts.netloc}"


def read_file(path: Path, limit: int) -> bytes:
    """A file's content, up to a limit.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise InputError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if len(content) > limit:
        raise InputError(
            N_("{path} is longer than {count} bytes; it is another file than it should be"), path=path, count=limit
        )
    return content


def _token(arguments: Namespace, environment: Mapping[str, str], own: OwnSettings, own_path: Path) -> str:
    if arguments.token_file is not None:
        return _token_in(arguments.token_file)
    if token := environment.get(TOKEN_VARIABLE):
        return _plain(token, TOKEN_VARIABLE)
    if own.token_file:
        return _token_in(_beside(own_path, own.token_file))
    raise InputError(
        N_('no token is given. Next step: --token-file FILE, or {variable}, or token_file = "..." in {file}'),
        variable=TOKEN_VARIABLE,
        file=own_path,
    )


def _token_in(path: Path) -> str:
    return _plain(read_file(path, MAX_TOKEN_BYTES).decode("ascii", "replace").strip(), str(path))


def _plain(token: str, place: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(N_("{place} holds no token: one line of letters and digits"), place=place)
    return token


def _of_demo(folder: Path, who: str | None) -> Access:
    path = folder / DEMO_FILE
    if not path.is_file():
        raise InputError(
            N_("there is no demo in {folder}: {file} is missing. Start one with: branchwatch demo --dir {folder}"),
            folder=folder,
            file=DEMO_FILE,
        )
    try:
        demo = msgspec.json.decode(read_file(path, MAX_DEMO_BYTES), type=Demo)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(N_("{path} is damaged ({reason}); start the demo again"), path=path, reason=error) from None
    if who is None:
        return Access(address=checked(demo.console), token=_plain(demo.token, str(path)))
    person = next((each for each in demo.people if each.id == who), None)
    if person is None:
        known = ", ".join(each.id for each in demo.people) or "-"
        raise InputError(N_("the demo has no person {who}; it has {known}"), who=who, known=known)
    keys = (folder / person.key,) if person.key else ()  # an absolute path stays one
    return Access(address=checked(demo.console), token=_plain(person.token, str(path)), keys=keys)


def _own_path(environment: Mapping[str, str]) -> Path:
    folder = environment.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / OWN_FILE


def _own(path: Path) -> OwnSettings:
    """Raises: InputError, SettingsError."""
    if not path.exists():
        return OwnSettings()
    settings, _ = read_settings(read_file(path, MAX_OWN_BYTES), str(path), OwnSettings)
    return settings


def _beside(own_path: Path, named: str) -> Path:
    """A file that the own settings name: from the home, or beside the settings."""
    return own_path.parent / Path(named).expanduser()
