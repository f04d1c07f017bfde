"""Pages and parts of pages from templates/, in the reader's language and theme. The one file that knows Jinja2.

Flow: rows and words -> template -> HTML. Everything is escaped; no template reaches beyond what it is given.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.console.problems import language_of
from protocol.texts import Texts, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TEMPLATES: Final = Path(__file__).parent / "templates"
THEMES: Final = ("dark", "light")
DEVICE: Final = "device"
"""The theme of a page that follows the device where nothing was chosen."""
LEVEL_WORDS: Final = ("", N_("Level I"), N_("Level II"), N_("Level III"), N_("Level IV"), N_("Level V"))
YEAR_S: Final = 365 * 24 * 3600


class Pages:
    """Draws templates."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(
        self,
        request: Request,
        language: str,
        template: str,
        *,
        status: int = 200,
        theme: str = THEMES[0],
        **values: Any,
    ) -> Response:
        """A whole page or a part, as an answer; `theme` where the browser chose none: dark for the night watch."""
        text = self.draw(template, language, theme=theme_of(request, theme), **values)
        answer = HTMLResponse(text, status, {"Content-Language": language})
        if request.query_params.get("lang"):  # a choice in the address stays chosen
            answer.set_cookie("bw_lang", language, max_age=YEAR_S, path="/", samesite="strict")
        return answer

    def login(
        self, request: Request, *, problem: str, name: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The login page, with what went wrong the last time."""
        answer = self.page(request, language_of(request), "login.html", status=status, problem=problem, name=name)
        answer.headers.update(headers or {})
        return answer

    def draw(self, template: str, language: str, **values: Any) -> str:
        """The text of a template."""
        _ = texts_for(language)
        return self._templates.get_template(template).render(
            _=_, language=language, level_word=lambda level: level_word(_, level), **values
        )


def level_word(texts: Texts, level: int) -> str:
    """A level as people say it."""
    return texts(LEVEL_WORDS[level])


def theme_of(request: Request, otherwise: str) -> str:
    """The theme that this browser chose."""
    chosen = request.cookies.get("bw_theme")
    return chosen if chosen in THEMES else otherwise
