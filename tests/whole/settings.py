"""collector.toml of a bank under test, and the people in it. Pure text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.brokers import BROKER, Certificates


@dataclass(frozen=True, kw_only=True)
class PersonEntry:
    """One `[[person]]` and its token."""

    id: str
    roles: tuple[str, ...]
    unit: str = "市分行"
    name: str = ""

    @property
    def token(self) -> str:
        """The bearer token: not secret here."""
        return f"token-of-{self.id}"


OPERATOR = PersonEntry(id="operator-1", roles=("operator",), name="值班员")
PEOPLE = (OPERATOR,)


def collector_toml(
    certificates: Certificates,
    *,
    collector: str,
    console: str,
    broker: str,
    database: Path,
    embedded_boxes: Iterable[str] | None,
    people: Iterable[PersonEntry],
    evidence: str | None = None,
) -> str:
    """The settings of a centre; `embedded_boxes` are let in by its own broker, None: it has none.

    `evidence` is where boxes bring pictures.
    """
    certificate, key = certificates.pair(collector)
    broker_certificate, broker_key = certificates.pair(BROKER)
    text = f"""\
id = "{collector}"
unit = "市分行"
listen = "{console}"
brokers = ["{broker}"]
database = {_text(database)}
trust = {_text(certificates.root)}
certificate = {_text(certificate)}
key = {_text(key)}
crls = [{_text(certificates.crls)}]
"""
    if embedded_boxes is not None:
        text += f"""
[embedded]
listen = "{broker}"
certificate = {_text(broker_certificate)}
key = {_text(broker_key)}
boxes = {json.dumps(list(embedded_boxes))}
"""
    if evidence is not None:
        text += f"""
[evidence]
listen = "{evidence}"
certificate = {_text(broker_certificate)}
key = {_text(broker_key)}
folder = {_text(database.parent / "evidence")}
"""
    for person in people:
        text += f"""
[[person]]
id = {_text(person.id)}
name = {_text(person.name or person.id)}
roles = {json.dumps(list(person.roles))}
unit = {_text(person.unit)}
token_hash = "{sha256(person.token.encode()).hexdigest()}"
"""
    return text


def _text(value: object) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(str(value), ensure_ascii=False)
