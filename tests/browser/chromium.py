"""Chromium for tests: the machine's own, without network of its own, with the desk's time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = [
    "--no-sandbox",  # tests run as root in a container
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=user-gesture-required",  # as on a real desk: no sound before the first click or key
]
WAIT_MS: Final = 10_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one file."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed; `make test` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class DeskPage:
    """One page of the desk, logged in; remembers what went wrong in it and whom it asked."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.problems: list[str] = []
        self.may_fail = False  # the test takes something away: the browser notes each request that fails
        self.asked: set[str] = set()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: self.asked.add("/".join(request.url.split("/")[:3])))

    def log_in(self, name: str, password: str) -> None:
        """Through the login page, as a person does."""
        self.page.goto(f"{self.address}/login")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", password)
        self.page.click("button.main")
        self.page.wait_for_selector("#rows", state="attached")
        expect(self.page.locator("[data-tab=all] em")).to_have_text(re.compile(r"\d"))  # counted: keys are wired


@contextmanager
def desk(
    browser: Browser,
    address: str,
    login: tuple[str, str],
    *,
    language: str = "zh-CN",
    theme: str = "dark",
    width: int = 1440,
    height: int = 900,
) -> Iterator[DeskPage]:
    """A person at the desk; nothing may go wrong in the page that the test did not expect."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, timezone_id="Asia/Shanghai", has_touch=width < 761
    )
    context.set_default_timeout(WAIT_MS)
    context.add_cookies(
        [
            {"name": "bw_theme", "value": theme, "url": address},
            {"name": "bw_lang", "value": language, "url": address},
        ]
    )
    person = DeskPage(context.new_page(), address)
    person.log_in(*login)
    yield person
    context.close()
    assert person.may_fail or not person.problems, person.problems
    assert person.asked <= {address, "data:"}, f"asked others: {person.asked}"
