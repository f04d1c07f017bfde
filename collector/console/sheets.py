"""What the pages beside the desk share: who looks, the time, the words of their script.

Flow: request -> `visitor` -> a page of its own file -> templates/sheet.html.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from collector.console import desk_words, problems
from collector.console.asking import Asker, asker
from collector.console.problems import Problem
from collector.console.telling import iso
from collector.services import Services
from collector.times import unix_ms

SCRIPT: Final[Mapping[str, str]] = {
    name: desk_words.SCRIPT[name]
    for name in (
        *("days", "secondsAgo", "minutesAgo", "hoursAgo", "daysAgo", "unsent"),
        *(f"{side}{unit}" for side in ("left", "over") for unit in ("Seconds", "Minutes", "Hours", "Days")),
    )
}
"""What the pages' script says."""


def visitor(request: Request) -> Asker | Response:
    """Who looks; whoever is not logged in is sent to where it can be done."""
    try:
        return asker(request)
    except Problem as problem:
        if problem.sort is not problems.LOGIN_NEEDED:
            raise
        return RedirectResponse("/login", 303)


def shared(services: Services, asked: Asker, here: str) -> dict[str, Any]:
    """What every such page is drawn with."""
    words = {name: asked.texts(text) for name, text in SCRIPT.items()}
    now_ms = unix_ms(services.now())
    return {"here": here, "now_ms": now_ms, "now_iso": iso(now_ms), "script_words": words, "person": asked.person}
