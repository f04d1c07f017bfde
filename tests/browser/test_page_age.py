"""Pages beside the desk say how old they are and find a lost centre again; a telephone's page is as light as it is."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.console import PASSWORD

LI = ("li", PASSWORD)
REFRESH_MS = 31_000
AGAIN_MS = 2_500
DARK, LIGHT = "rgb(20, 23, 26)", "rgb(236, 238, 240)"


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("path", ["quiet", "reviews", "escalation"])
def test_a_page_says_how_old_it_is_and_finds_the_centre_again(browser: Browser, served: Served, path: str) -> None:
    """Its time with the zone always; once the centre is gone a banner with the age, and none when it is back."""
    with desk(browser, served.address, LI, language="en") as seen:
        page = seen.page
        page.clock.install()
        page.goto(f"{served.address}/{path}")
        expect(page.locator("#asof")).to_contain_text(re.compile(r"As of \d\d:\d\d:\d\d UTC\+08:00 · 0 s ago"))
        page.clock.fast_forward(20_000)
        expect(page.locator("#asof")).to_contain_text("20 s ago")
        expect(page.locator("#lost")).to_be_hidden()
        seen.may_fail = True
        served.stop()
        page.clock.fast_forward(REFRESH_MS)
        expect(page.locator("#lost")).to_be_visible()
        expect(page.locator("#lost")).to_contain_text("Connection to the centre lost")
        expect(page.locator("#lost")).to_contain_text(re.compile(r"from \d\d:\d\d:\d\d · 5\d s ago"))
        served.start()
        page.clock.fast_forward(AGAIN_MS)
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator("body")).not_to_have_class(re.compile("stale"))


def test_a_centre_that_does_not_answer_is_a_lost_line(browser: Browser, served: Served) -> None:
    """A network that swallows what is asked refuses nothing: the page says so all the same, and not for ever."""
    with desk(browser, served.address, LI, language="en") as seen:
        page = seen.page
        page.clock.install()
        page.goto(f"{served.address}/quiet")
        page.route("**/quiet", lambda route: None)
        page.clock.fast_forward(REFRESH_MS)
        expect(page.locator("#lost")).to_be_hidden()
        page.clock.fast_forward(15_000)
        expect(page.locator("#lost")).to_be_visible()
        page.unroute_all()
        page.clock.fast_forward(REFRESH_MS)
        expect(page.locator("#lost")).to_be_hidden()


def test_a_page_is_as_old_as_the_centre_says(browser: Browser, served: Served) -> None:
    """This machine's clock is set an hour ahead, the centre's stays: what was drawn just now is not an hour old."""
    with desk(browser, served.address, LI, language="en") as seen:
        page = seen.page
        page.clock.install()
        page.goto(f"{served.address}/quiet")
        page.clock.fast_forward(3_600_000)
        expect(page.locator("#asof")).to_contain_text(re.compile(r"UTC\+08:00 · \d s ago"))
        expect(page.locator("#lost")).to_be_hidden()


def test_keys_stay_where_they_were_when_a_page_is_drawn_anew(browser: Browser, served: Served) -> None:
    """Whoever walks through a page by Tab is not thrown back to its beginning every half minute."""
    with desk(browser, served.address, LI, language="en") as seen:
        page = seen.page
        page.clock.install()
        page.goto(f"{served.address}/quiet")
        choose = page.locator("form.make button").first
        choose.focus()
        page.evaluate("document.getElementById('sheet').dataset.old = 'yes'")
        page.clock.fast_forward(REFRESH_MS)
        expect(page.locator("#sheet[data-old]")).to_have_count(0)
        expect(choose).to_be_focused()


def test_what_somebody_wrote_stays_when_a_page_is_drawn_anew(browser: Browser, served: Served) -> None:
    """A reason typed before a telephone call is there after it; what nobody touched is as the centre says it."""
    with desk(browser, served.address, LI, language="en") as seen:
        page = seen.page
        page.clock.install()
        page.goto(f"{served.address}/quiet?site=0755-031")
        page.check("#make [name=sort][value=test]")
        page.fill("#make [name=reason]", "the installer telephones")
        page.evaluate("document.activeElement.blur()")
        page.evaluate("document.getElementById('sheet').dataset.old = 'yes'")
        page.clock.fast_forward(REFRESH_MS)
        expect(page.locator("#sheet[data-old]")).to_have_count(0)
        expect(page.locator("#make [name=reason]")).to_have_value("the installer telephones")
        expect(page.locator("#make [name=sort][value=test]")).to_be_checked()
        expect(page.locator("#make [name=sort][value=shelve]")).not_to_be_checked()


def test_a_site_without_a_name_of_its_own_is_called_once(browser: Browser, served: Served) -> None:
    """Where a name is the id there is nothing to tell apart: it does not stand there twice."""
    with desk(browser, served.address, LI, language="en") as seen:
        page = seen.page
        page.goto(f"{served.address}/quiet")
        expect(page.locator("form.make option[value=centre-1]")).to_have_text("centre-1")
        expect(page.locator("form.make option[value='0755-031']")).to_have_text("site 0755-031 · 0755-031")


@pytest.mark.parametrize(
    ("scheme", "cookie", "ground"),
    [("light", None, LIGHT), ("dark", None, DARK), ("light", "dark", DARK), ("dark", "light", LIGHT)],
)
def test_a_notices_page_is_as_light_as_the_telephone(
    browser: Browser, served: Served, scheme: str, cookie: str | None, ground: str
) -> None:
    """Without a choice of its own; the desk stays dark, for the night watch."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="light" if scheme == "light" else "dark"
    )
    if cookie:
        context.add_cookies([{"name": "bw_theme", "value": cookie, "url": served.address}])
    page = context.new_page()
    page.goto(f"{served.address}/n/nobody")
    expect(page.locator("#said")).to_be_visible()
    assert _ground(page) == ground
    page.goto(f"{served.address}/login")
    assert _ground(page) == (LIGHT if cookie == "light" else DARK)
    context.close()
