"""A walk test under way as an operator sees it on the desk, beside whatever else is there."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from protocol import acceptance
from protocol.acceptance import PointFacts
from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.console import PASSWORD
from tests.walks import PaperWalk


def test_the_number_stands_above_the_queue(browser: Browser, served: Served) -> None:
    """Large enough to be read out, without a reload, while an alarm is being handled; gone when it came back."""
    served.world.dual_open()
    with desk(browser, served.address, ("wang", PASSWORD)) as person:
        page = person.page
        expect(page.locator("#walks p")).to_have_count(0)
        walk = PaperWalk()
        for event in walk.events:
            served.world.happens(event.kind, event.source, dict(event.facts))
        asked = PointFacts(test=walk.test, asked="number", number="0417")
        served.world.happens(acceptance.POINT, acceptance.DESK, acceptance.as_facts(asked))
        expect(page.locator("#walks strong")).to_have_text("0417", timeout=15_000)
        assert page.locator("#walks strong").evaluate("(each) => parseFloat(getComputedStyle(each).fontSize)") >= 24
        expect(page.locator("#walks")).to_contain_text("请将此数字读给安装调试员")
        expect(page.locator(".row[data-kind='door.dual_open']")).to_have_count(1)
        expect(page.locator("#alarm h2")).to_contain_text(re.compile("两门"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        passed = PointFacts(test=walk.test, result=acceptance.Result.PASSED)
        served.world.happens(acceptance.POINT, acceptance.DESK, acceptance.as_facts(passed))
        expect(page.locator("#walks strong")).to_have_count(0, timeout=15_000)
        expect(page.locator("#walks p")).to_have_count(1)
