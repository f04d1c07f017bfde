"""The demo's collector.toml: one centre with the built-in broker, seats, telephones. Pure text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.demo_folder import BROKER, COLLECTOR, DemoFolder
from simulator.demo_people import EVERYBODY, UNIT
from simulator.demo_rules import CHANNELS


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the demo's centre listens, on loopback."""

    console: int
    broker: int
    evidence: int
    phones: int


def collector_toml(
    folder: DemoFolder,
    *,
    ports: Ports,
    boxes: Sequence[str],
    password_hash: str,
    token_hashes: Mapping[str, str],
    language: str,
) -> str:
    """Settings for `branchwatch collector serve --embedded`; everybody has the password and speaks `language`."""
    people = "".join(
        f"""
[[person]]
id = {_text(seat.id)}
name = {_text(seat.names[language])}
roles = [{_text(seat.role)}]
unit = {_text(UNIT)}
language = {_text(language)}
password_hash = {_text(password_hash)}
token_hash = {_text(token_hashes[seat.id])}
"""
        for seat in EVERYBODY
    )
    channels = "".join(
        f"""
[[channel]]
name = {_text(channel)}
kind = "webhook"
address = "http://127.0.0.1:{ports.phones}/send/{channel}"
secret = {_text(folder.phones_key)}
replies = true
"""
        for channel in CHANNELS
    )
    return f"""\
id = {_text(COLLECTOR)}
listen = "127.0.0.1:{ports.console}"
brokers = ["127.0.0.1:{ports.broker}"]
database = {_text(folder.database)}
unit = {_text(UNIT)}
console_url = "http://localhost:{ports.console}"
trust = {_text(folder.trust)}
certificate = {_text(folder.certificate(COLLECTOR))}
key = {_text(folder.key(COLLECTOR))}
crls = [{_text(folder.crls)}]

[embedded]
listen = "127.0.0.1:{ports.broker}"
certificate = {_text(folder.certificate(BROKER))}
key = {_text(folder.key(BROKER))}
boxes = [{", ".join(_text(box) for box in boxes)}]

[evidence]                         # shows the certificate of [embedded]
listen = "127.0.0.1:{ports.evidence}"
folder = {_text(folder.evidence)}
disk_gb = 2
box_gb = 1
{people}{channels}"""


def _text(value: object) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(str(value), ensure_ascii=False)
