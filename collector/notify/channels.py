"""The channels that collector.toml names, made ready: their files read, each fault named. Nothing connects here.

No fault repeats what is in a file. Flow: app.py, `check` and `notify` -> here -> the sender's `Way`s, gateways' keys.
"""

import os
import ssl
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.config import Config
from collector.keys import KeysError
from collector.notify.apprise_channel import Apprise, is_service
from collector.notify.mail import Mail, MailServer
from collector.notify.port import Port
from collector.notify.settings import ChannelSettings
from collector.notify.signing import LEAST_SECRET, secret_of
from collector.notify.templates import TemplatesError, Texts, load
from collector.notify.ways import Way
from collector.notify.webhook import Webhook
from protocol.texts import Said, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_FILE: Final = 16 * 1024
MAIL_AT_ONCE: Final = 8
"""Connections to a mail server: more are refused by many."""


class ChannelsError(KeysError):
    """Channels or texts that cannot be used; each line of `faults` names the file and what to do."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Channels:
    """Ways to send, keys of those that answer, the texts."""

    ways: Mapping[str, Way]
    keys: Mapping[str, bytes]
    texts: Mapping[str, Texts]


def open_channels(config: Config, now_s: Callable[[], int]) -> Channels:
    """Read what the channels need.

    Raises:
        ChannelsError: every file that will not do.
    """
    faults: list[Said] = []
    ways: dict[str, Way] = {}
    keys: dict[str, bytes] = {}
    for settings in config.settings.channel:
        port = _port(config, settings, now_s, keys, faults)
        if port is not None:
            at_once = min(settings.at_once, MAIL_AT_ONCE) if settings.kind == "mail" else settings.at_once
            ways[settings.name] = Way(port=port, outside=settings.outside, replies=settings.replies, at_once=at_once)
    texts: dict[str, Texts] = {}
    try:
        own = config.settings.notice_texts
        texts = load(None if own is None else config.path(own))
    except TemplatesError as error:
        faults.extend(error.faults)
    if faults:
        raise ChannelsError(faults)
    return Channels(ways=ways, keys=keys, texts=texts)


def _port(
    config: Config,
    settings: ChannelSettings,
    now_s: Callable[[], int],
    keys: dict[str, bytes],
    faults: list[Said],
) -> Port | None:
    secret = _line(config, settings.secret, faults)
    login = _login(config, settings.login, faults)
    tls = _tls(config, settings, faults)
    connect_s, answer_s = settings.connect.total_seconds(), settings.answer.total_seconds()
    match settings.kind:
        case "mail":
            host, _, port = settings.address.rpartition(":")
            return Mail(
                MailServer(
                    host=host.strip("[]"),
                    port=int(port),
                    sender=settings.sender,
                    tls=None if settings.tls == "none" else tls,
                    starttls=settings.tls == "starttls",
                    user=login[0],
                    password=login[1],
                    connect_s=connect_s,
                    answer_s=answer_s,
                ),
                now_s,
            )
        case "webhook":
            key = None if secret is None else secret_of(secret)
            if key is None or tls is None:
                if secret is not None and key is None:
                    path = config.path(settings.secret or "")
                    faults.append(
                        said("{path} holds no key of at least {least} characters", path=path, least=LEAST_SECRET)
                    )
                return None
            keys[settings.name] = key
            return Webhook(
                url=settings.address, secret=key, tls=tls, connect_s=connect_s, answer_s=answer_s, now_s=now_s
            )
        case _:
            if secret is None:
                return None
            if not is_service(secret):
                path = config.path(settings.secret or "")
                faults.append(said("{path} holds no address that Apprise knows", path=path))
                return None
            return Apprise(secret, answer_s)


def _tls(config: Config, settings: ChannelSettings, faults: list[Said]) -> ssl.SSLContext | None:
    """The bank's own authority where one is named, else those of the machine."""
    path = None if settings.ca is None else config.path(settings.ca)
    try:
        return ssl.create_default_context(cafile=None if path is None else str(path))
    except (OSError, ssl.SSLError):
        faults.append(said("{path} holds no certificates in PEM form", path=path))
        return None


def _login(config: Config, name: str | None, faults: list[Said]) -> tuple[str, str]:
    if name is None:
        return "", ""
    lines = (_text(config.path(name), faults) or "").splitlines()
    if len(lines) < 2 or not lines[0].strip() or not lines[1]:
        faults.append(
            said("{path} must hold a name in its first line and a password in its second", path=config.path(name))
        )
        return "", ""
    return lines[0].strip(), lines[1]


def _line(config: Config, name: str | None, faults: list[Said]) -> str | None:
    return None if name is None else _text(config.path(name), faults)


def _text(path: Path, faults: list[Said]) -> str | None:
    try:
        with path.open("rb") as file:
            raw, mode = file.read(MAX_FILE + 1), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        faults.append(said("{path} cannot be read: {reason}", path=path, reason=system_said(error)))
        return None
    if mode & 0o077:
        text = N_("{file} can be read by others (mode {mode}); next step: chmod 600 {file}")
        faults.append(said(text, file=path, mode=f"{mode:o}"))
        return None
    try:
        text = raw.decode("utf-8").strip("\ufeff \t\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text or len(raw) > MAX_FILE:
        faults.append(said("{path} must hold a short text in UTF-8", path=path))
        return None
    return text
