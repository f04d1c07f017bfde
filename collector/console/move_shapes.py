"""What the API takes with each move of an alarm, as pydantic models (docs/alarms.md 2). Shapes only.

What a move cannot do without is said by the table of moves, not here: here are only forms and lengths.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from collector.console.shapes import PRINTABLE, Shape

Text = Annotated[str, Field(min_length=1, max_length=2000, pattern=PRINTABLE)]
Narrative = Annotated[str, Field(min_length=1, max_length=4000, pattern=PRINTABLE)]
Maybe = Annotated[str, Field(max_length=2000, pattern=PRINTABLE)]
Word = Annotated[str, Field(max_length=64, pattern=PRINTABLE)]


class Plain(Shape):
    """A move that needs nothing; a text is kept with it."""

    text: Maybe = ""


class NoteText(Shape):
    """Something to write on an alarm, or why it is moved."""

    text: Text


class HandOver(Shape):
    """To whom."""

    to: Annotated[str, Field(min_length=1, max_length=64)]
    text: Maybe = ""


class Dispatch(Shape):
    """Who was sent, and what they were told."""

    whom: Literal["police", "guard", "contact"]
    text: Text


class Park(Shape):
    """Until when, at most 24 hours, and why."""

    until: AwareDatetime
    text: Text


class Resolve(Shape):
    """What it was, and what was done."""

    resolution: Annotated[str, Field(min_length=1, max_length=32)]
    narrative: Narrative


class Close(Shape):
    """That the risk is gone, and how that was made sure."""

    corrected: bool
    verified_by: Literal["phone", "video", "document", "on_site"]
    text: Text


class ScoreText(Shape):
    """Another score, and why."""

    score: Annotated[int, Field(ge=0, le=4)]
    text: Text


class StepDone(Shape):
    """A step done or skipped; a skipped one needs `text`, a done one what its kind needs (`needs` of the step)."""

    position: Annotated[int, Field(ge=1, le=1000)]
    outcome: Literal["done", "skipped"]
    text: Maybe = ""
    number: Annotated[Word, Field(description="the number that was called; of the police: the report's")] = ""
    person: Annotated[Word, Field(description="who answered, or was sent")] = ""
    at: Annotated[AwareDatetime | None, Field(description="when the police desk was told")] = None
    result: Annotated[Maybe, Field(description="what came of it")] = ""
