"""What the API says and takes about suspensions, incidents and the flood meter. Shapes only; made by quiet.py."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from collector.console.shapes import PRINTABLE, Shape, Time
from collector.storms.records import MAX_REASON, MOST_POINTS
from protocol.ids import ID_PATTERN, SOURCE_PATTERN

Point = Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=131)]


class SuspensionWish(Shape):
    """What is to be kept quiet, how long, and why. A test names its points; shelving names points or a kind."""

    sort: Literal["shelve", "test", "maintenance"]
    site: Annotated[str, Field(pattern=ID_PATTERN)]
    kind: Annotated[str, Field(pattern=r"^([a-z_]+\.[a-z_.]+)?$", max_length=64)] = ""
    points: Annotated[tuple[Point, ...], Field(max_length=MOST_POINTS)] = ()
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON, pattern=PRINTABLE)]
    begins: Annotated[AwareDatetime | None, Field(description="now, if it is not said")] = None
    until: AwareDatetime


class Suspension(Shape):
    """Something that is quiet for a time. `ended` with `ended_by`: before its time, or by itself."""

    id: str
    sort: Literal["shelve", "test", "maintenance", "flapping"]
    site: str
    site_name: str
    unit: str
    kind: str
    points: list[str]
    person: str
    reason: str
    begins: Time
    until: Time
    ended: Time | None
    ended_by: str


class Incident(Shape):
    """A storm under way; its `id` is that of its alarm. `lasting`: members that are not restored."""

    id: str
    cause: Literal["link", "power"]
    unit: str
    begins: Time
    last: Time
    sites: int
    members: int
    lasting: int
    restored: bool
    state: str
    holder: str | None
    under: Annotated[str | None, Field(description="the incident of a wider unit that this one stands under")]


class Load(Shape):
    """Alarms that a person was shown in the last ten minutes; more than ten are a flood."""

    person: str
    shown: int
    flood: bool


class Loads(Shape):
    """The asker's load; for shift leaders everybody's who sits at a desk, the heaviest first."""

    items: list[Load]
    next: str | None
    most: Annotated[int, Field(description="more than so many are a flood")]
    minutes: int
