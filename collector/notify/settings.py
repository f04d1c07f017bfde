"""`[[channel]]` of collector.toml: the bank's ways to people, strict and typed. Pure.

No secret stands in it: `secret` and `login` name files. Flow: config.py -> here; channels.py reads the files.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from collector.escalation.surroundings import Channel
from collector.notify.records import DESK
from protocol.ids import ID_PATTERN
from protocol.settings import Problem
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOST_CHANNELS: Final = 16
CONNECT: Final = (timedelta(milliseconds=100), timedelta(seconds=10))
ANSWER: Final = (timedelta(milliseconds=200), timedelta(seconds=15))

Id = Annotated[str, Meta(pattern=ID_PATTERN, description=N_("lower-case letters, digits and dashes, at most 32"))]
File = Annotated[str, Meta(min_length=1, max_length=512)]


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[[channel]]`: a way to people. SMS and voice gateways are webhooks.

    `address`: of the mail server (`host:port`) or the webhook (a URL); Apprise has its own in the file `secret`.
    `secret`: the key that webhooks are signed with, or the Apprise address. `login`: two lines, name and password.
    `outside`: no facts leave by it. `replies`: people can send a code back through it.
    """

    name: Id
    kind: Literal["mail", "webhook", "apprise"]
    address: Annotated[str, Meta(max_length=512)] = ""
    sender: Annotated[str, Meta(max_length=128)] = msgspec.field(default="", name="from")
    login: File | None = None
    secret: File | None = None
    tls: Literal["none", "starttls", "tls"] = "tls"
    ca: File | None = None
    outside: bool = False
    replies: bool = False
    at_once: Annotated[int, Meta(ge=1, le=128)] = 48
    connect: timedelta = timedelta(seconds=5)
    answer: timedelta = timedelta(seconds=10)


def channels_of(settings: Sequence[ChannelSettings]) -> Mapping[str, Channel]:
    """The channels as rules look at them."""
    return {each.name: Channel(name=each.name, outside=each.outside) for each in settings}


def channel_faults(settings: Sequence[ChannelSettings]) -> Iterator[Problem]:
    """What is wrong with single channels and between them."""
    seen: dict[str, int] = {}
    for index, channel in enumerate(settings):
        if channel.name and seen.setdefault(channel.name, index) != index:
            yield ("channel", index, "name"), said('there are two channels with the name "{name}"', name=channel.name)
        if channel.name == DESK:
            yield ("channel", index, "name"), said('"desk" is the desk itself; give the channel another name')
        for key, fault in _faults(channel):
            yield ("channel", index, key), fault
        for key, value, (least, most) in (
            ("connect", channel.connect, CONNECT),
            ("answer", channel.answer, ANSWER),
        ):
            if not least <= value <= most:
                yield (
                    ("channel", index, key),
                    said("{key} is at most {most} s", key=key, most=f"{most.total_seconds():g}"),
                )


def console_fault(url: str) -> Iterator[Problem]:
    """What is wrong with the address that links begin with."""
    if url and not _is_url(url):
        yield ("console_url",), said('console_url must be an address like "https://desk.bank.example"')


def _faults(channel: ChannelSettings) -> Iterator[tuple[str, Said]]:
    """What its kind needs; nothing where the kind was a wrong word, which is told already."""
    match channel.kind:
        case "mail":
            if not _is_server(channel.address):
                yield "address", said('a mail channel needs an address like "mail.bank.example:25"')
            if "@" not in channel.sender:
                yield "from", said("a mail channel needs `from`, the address that it sends from")
            if channel.login is not None and channel.tls == "none":
                yield "tls", said("a login is never sent in clear: set tls to starttls or tls")
            if channel.secret is not None:
                yield "secret", said("{key} is not for a channel of kind {kind}", key="secret", kind=channel.kind)
        case "webhook":
            if not _is_url(channel.address):
                yield "address", said('a webhook needs an address like "https://sms.bank.example/send"')
            elif urlsplit(channel.address).username is not None:
                yield "address", said("no password in an address: sign with `secret` instead")
            if channel.secret is None:
                yield "secret", said("a webhook is signed: name the file of its key in `secret`")
            if channel.login is not None:
                yield "login", said("{key} is not for a channel of kind {kind}", key="login", kind=channel.kind)
        case "apprise":
            if channel.secret is None:
                yield "secret", said("an Apprise address holds keys: name its file in `secret`")
            for key, value in (("address", channel.address), ("login", channel.login), ("ca", channel.ca)):
                if value:
                    yield key, said("{key} is not for a channel of kind {kind}", key=key, kind=channel.kind)
    if channel.replies and channel.kind in ("mail", "apprise"):
        yield "replies", said("replies come back through a webhook's gateway only")


def _is_server(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
