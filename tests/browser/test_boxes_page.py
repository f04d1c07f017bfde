"""The desk's list of boxes in a real browser: what each works with, and what is wrong, in both languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from collector.bundles import look_at, store_bundles
from collector.times import unix_ms
from protocol.bundle import Bundle, bundle_hash, encode_bundle
from protocol.messages import ConfigState
from provisioning.authority import Authority
from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.bundles import BOX, Bureau
from tests.console import PASSWORD, POINTS

BUREAU = Bureau()
WANG = ("wang", PASSWORD)


@pytest.fixture(scope="module")
def desk_authority() -> Authority:
    """The bureau's: bundles that it signs are taken here."""
    return BUREAU.authority


def _bring(served: Served, bundle: Bundle) -> None:
    centre = served.world.centre
    offered = look_at(BUREAU.document(bundle), BUREAU.trust, centre.now)
    store_bundles(centre.store, [offered], "zhao", unix_ms(centre.now))


def _works_with(served: Served, bundle: Bundle) -> None:
    """The box is born with this bundle."""
    world = served.world
    world.box.config = ConfigState(
        version=bundle.version,
        hash=bundle_hash(encode_bundle(bundle)),
        roster_version=bundle.roster.version,
        roster_not_after=bundle.roster.not_after,
    )
    world.centre.take(world.box.birth(POINTS))
    world.feed.changed()


def _refuse(served: Served, bundle: Bundle, reason: str) -> None:
    """The box says that it does not take this bundle."""
    world, digest = served.world, bundle_hash(encode_bundle(bundle))
    line = world.box.line("config.refused", version=bundle.version, hash=digest, reason=reason)
    world.centre.take(world.box.events(line), world.box.beat())
    world.feed.changed()


def test_the_list_of_boxes(browser: Browser, served: Served) -> None:
    """B opens it: version, hash, roster and certificate end; a refusal appears by itself, in words and in colour."""
    first, second = BUREAU.bundle(3), BUREAU.bundle(4)
    _bring(served, first)
    _works_with(served, first)
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator("#alarm h2")).to_be_visible()  # the desk is put together and hears its keys
        page.keyboard.press("b")
        row = page.locator(f"#history tr[data-box='{BOX}']")
        expect(row).to_contain_text("版本 3")
        expect(row).to_contain_text(bundle_hash(encode_bundle(first))[:8])
        expect(row).to_contain_text("至 2026-12-21")
        expect(row.locator(".needs")).to_have_count(0)
        _bring(served, second)
        _refuse(served, second, "device_silent")
        expect(row.locator(".needs").last).to_have_text("拒绝版本 4：新设备未应答")
        page.keyboard.press("Escape")
        expect(page.locator("#history")).to_be_hidden()
        page.locator(".row[data-kind='config.drift']").click()
        expect(page.locator("#alarm h2")).to_contain_text("拒绝防护目标文件版本 4")
        expect(page.locator("#alarm .step")).to_contain_text("下一步")
        tile = page.locator(".tile.needs").filter(has_text="防护目标文件")
        expect(tile).to_contain_text("版本 3")


def test_the_list_in_english_and_light(browser: Browser, served: Served) -> None:
    """Nothing of the other language is left; H and B change places, the desk's own link leads back."""
    _bring(served, BUREAU.bundle(3))
    _works_with(served, BUREAU.bundle(3))
    with desk(browser, served.address, WANG, language="en", theme="light") as person:
        page = person.page
        expect(page.locator("#alarm h2")).to_be_visible()  # the desk is put together and hears its keys
        page.keyboard.press("b")
        expect(page.locator("#history thead")).to_contain_text("Roster")
        expect(page.locator("nav [data-view=boxes]")).to_have_attribute("aria-current", "page")
        assert not re.search(r"[\u4e00-\u9fff]", page.locator("#history").inner_text())
        page.keyboard.press("h")
        expect(page.locator("#filters")).to_be_visible()
        page.locator("nav [data-view=boxes]").click()
        expect(page.locator(f"#history tr[data-box='{BOX}']")).to_be_visible()
        page.locator("nav [data-view=desk]").click()
        expect(page.locator("#history")).to_be_hidden()
        expect(page.locator("nav [data-view=desk]")).to_have_attribute("aria-current", "page")
