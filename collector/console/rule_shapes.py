"""What the API says and takes about rules and rotas. Shapes only; made by rules.py. No addresses of people."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from collector.console.shapes import PRINTABLE, Shape, Time
from protocol.ids import ID_PATTERN


class RuleStep(Shape):
    """A step of a policy: seconds after the beginning, whom, by which channels."""

    after_s: int
    tell: list[str]
    by: list[str]
    only_kinds: list[str]


class RulePolicy(Shape):
    """A policy; what is empty fits every alarm."""

    name: str
    unit: str
    levels: list[int]
    hours: str | None
    kinds: list[str]
    sites: list[str]
    steps: list[RuleStep]
    repeat_s: int | None
    times: int
    until: str


class RuleGroup(Shape):
    """Who answers together."""

    name: str
    members: list[str]
    need: str


class RulesInForce(Shape):
    """The rules that hold; version 0 are the built-in ones."""

    version: int
    policies: list[RulePolicy]
    groups: list[RuleGroup]
    procedures: list[str]


class RotaOverride(Shape):
    """Somebody has a rota for a time instead of whose turn it is."""

    id: str
    person: str
    begins: Time
    until: Time
    by: str
    reason: str


class RotaInForce(Shape):
    """A rota: who has it now, until when, who comes next; nobody before it begins."""

    name: str
    now: list[str]
    until: Time
    override: str | None
    then: list[str]
    overrides: list[RotaOverride]


class OverrideWish(Shape):
    """Who has it instead, and why. At most 31 days."""

    person: Annotated[str, Field(pattern=ID_PATTERN)]
    begins: Annotated[AwareDatetime | None, Field(description="now, if it is not said")] = None
    until: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=PRINTABLE)]
