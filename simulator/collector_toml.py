"""The demo's collector.toml: one centre on loopback with the built-in broker and one person. Pure text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulator.demo_folder import BROKER, COLLECTOR, DemoFolder

PERSON: Final = "operator-1"
PERSON_NAMES: Final = {"zh": "值班员一席", "en": "Desk 1"}
"""By language: a seat at the desk, not an invented person."""
PERSON_UNIT: Final = "市分行"
"""The person's and the centre's own: what the centre finds for no site of its own must have a reader."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the demo's centre listens, on loopback."""

    console: int
    broker: int


def collector_toml(
    folder: DemoFolder, *, ports: Ports, boxes: Sequence[str], password_hash: str, token_hash: str, language: str
) -> str:
    """Settings for `branchwatch collector serve --embedded`; `language` is the person's, "zh" or "en"."""
    return f"""\
id = {_text(COLLECTOR)}
listen = "127.0.0.1:{ports.console}"
brokers = ["127.0.0.1:{ports.broker}"]
database = {_text(folder.database)}
unit = {_text(PERSON_UNIT)}
trust = {_text(folder.trust)}
certificate = {_text(folder.certificate(COLLECTOR))}
key = {_text(folder.key(COLLECTOR))}
crls = [{_text(folder.crls)}]

[embedded]
listen = "127.0.0.1:{ports.broker}"
certificate = {_text(folder.certificate(BROKER))}
key = {_text(folder.key(BROKER))}
boxes = [{", ".join(_text(box) for box in boxes)}]

[[person]]
id = {_text(PERSON)}
name = {_text(PERSON_NAMES[language])}
roles = ["operator"]
unit = {_text(PERSON_UNIT)}
language = {_text(language)}
password_hash = {_text(password_hash)}
token_hash = {_text(token_hash)}
"""


def _text(value: object) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(str(value), ensure_ascii=False)
