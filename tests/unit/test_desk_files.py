"""The desk's own files: readable for everybody, nothing from outside, nothing inline."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from collector.console.app import STATIC
from collector.console.pages import TEMPLATES

AA_TEXT = 4.5
AA_SHAPE = 3.0
LONGEST_MODULE = 150
GROUNDS = ("ground", "panel", "raised")
TEXTS = ("text", "dim", "faint", "l1", "l2", "l3", "l4", "l5", "unknown")
OURS = [*sorted(STATIC.iterdir()), *sorted(TEMPLATES.iterdir())]


def _tokens(theme: str) -> dict[str, str]:
    """The colours of a theme; light changes some of dark's."""
    text = (STATIC / "tokens.css").read_text()
    blocks = re.findall(r"(:root|\[data-theme=\"light\"\]) \{(.*?)\n\}", text, re.DOTALL)
    chosen: dict[str, str] = {}
    for selector, body in blocks:
        if selector == ":root" or theme == "light":
            chosen |= dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", body))
    return chosen


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_rightly() -> None:
    """Black on white is 21, and a known grey is what others say."""
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_text_is_readable_on_every_ground(theme: str) -> None:
    """WCAG AA (1.4.3) for every pair of text and ground that the desk can show, in both themes."""
    tokens = _tokens(theme)
    pairs = [*product(TEXTS, GROUNDS), ("act-text", "act"), ("lost-text", "lost")]
    pairs += [("on-level", f"l{level}") for level in (1, 2, 3, 4)]
    poor = [
        f"{text} on {ground}: {ratio:.2f}"
        for text, ground in pairs
        if (ratio := contrast(tokens[text], tokens[ground])) < AA_TEXT
    ]
    assert not poor, "\n".join(poor)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_shapes_and_focus_stand_out(theme: str) -> None:
    """WCAG AA (1.4.11): levels, focus and the edges of inputs against every ground."""
    tokens = _tokens(theme)
    for shape, ground in product(("l1", "l2", "l3", "l4", "focus", "edge", "unknown"), GROUNDS):
        assert contrast(tokens[shape], tokens[ground]) >= AA_SHAPE, (shape, ground)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_comes_from_outside(path: Path) -> None:
    """No address of another machine stands in any file: closed networks work, and nobody is told who looks."""
    text = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", path.read_text())
    assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text)
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_nothing_is_inline(path: Path) -> None:
    """No script, style or handler in a page: the content policy allows none."""
    text = path.read_text()
    assert not re.findall(r"\son[a-z]+=|\sstyle=|<style|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert "|safe" not in text


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_modules_are_small_and_write_text_only(path: Path) -> None:
    """Each module says what it is, stays short, and never makes markup from data."""
    text = path.read_text()
    assert text.startswith("// ")
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)


def test_a_light_telephone_sees_the_light_theme() -> None:
    """A page that follows the device has the colours of the light theme, each of them: nothing was forgotten."""
    text = (STATIC / "tokens.css").read_text()
    light, device = (
        re.findall(rf'\[data-theme="{theme}"\] \{{(.*?)\n\}}', text, re.DOTALL) for theme in ("light", "device")
    )
    assert light == device
