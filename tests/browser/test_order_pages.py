"""Orders in a real browser: drawn up on a site's page, approved there with a security key that Chromium plays."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from playwright.sync_api import Browser, Page

from collector.orders.posting import OrderPost
from collector.storage.registrations import registered_keys
from collector.storage.writing import mark_forked
from protocol.approvals import verify_approval
from protocol.orders import split_order
from protocol.roster import PersonKey, Right
from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.bundles import BOX, SITE, Bureau
from tests.console import PASSWORD
from tests.orders import PEOPLE, POINTS, OrderWorld

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
OFFICER = ("zhao", PASSWORD)


@pytest.fixture
def branch(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Served]:
    """A console with a branch that can be ordered, listening."""
    world = OrderWorld(tmp_path, Bureau())
    console = Served(world, free_port())
    console.start()
    yield console
    console.stop()
    world.close()


def _plug_in(page: Page, **other: Any) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | other})


def _give(world: OrderWorld, *may: Right) -> PersonKey:
    """The bank signs the officer's registered key into the box's roster, with these rights."""
    with world.centre.store.read() as reading:
        (row,) = registered_keys(reading, "zhao")
    held = PersonKey(
        id="zhao-desk",
        kind="webauthn",
        public_key=b64encode(row.public_key).decode(),
        may=may,
        rp_id=row.rp_id,
        origin=row.origin,
        credential=row.credential,
    )
    world.deliver(2, roster=world.roster(2, structs.replace(PEOPLE[0], keys=(PEOPLE[0].keys[0], held)), *PEOPLE[1:]))
    world.centre.take(world.box.beat(challenge="fresh-2"))
    return held


def _register(page: Page, address: str) -> None:
    _plug_in(page)
    page.goto(f"{address}/credentials")
    page.fill("#security-key [name=name]", "desk key")
    page.click("#security-key button")
    page.wait_for_selector("tbody tr")


def test_an_arm_order_is_approved_on_the_page(browser: Browser, branch: Served) -> None:
    """Drawn up by a button, signed by the security key over exactly its line, ended by the box; all seen live."""
    world = branch.world
    assert isinstance(world, OrderWorld)
    with desk(browser, branch.address, OFFICER, language="en") as seen:
        page = seen.page
        _register(page, branch.address)
        held = _give(world, Right.ARM)
        page.goto(f"{branch.address}/sites/{SITE}")
        page.click("#partition-hall button.main")
        page.wait_for_url("**/orders/*")
        page.click("[data-approve]")
        page.locator(".order.sent").wait_for()
        (post,) = world.outgoing.take()
        assert isinstance(post, OrderPost)
        line, (approval,) = split_order(post.payload)
        verify_approval(approval, line, held)
        assert b'"action":"arm"' in line
        world.happens("order.executed", "box/orders", {"order": approval.order, "action": "arm", "people": ["zhao"]})
        page.locator(".order.executed").wait_for()


def test_a_disarm_order_is_not_approved_on_a_page_of_the_centre(browser: Browser, branch: Served) -> None:
    """The desk's own credential has no right to it: the page names the command for one's own machine instead."""
    world = branch.world
    assert isinstance(world, OrderWorld)
    with desk(browser, branch.address, OFFICER, language="en") as seen:
        page = seen.page
        _register(page, branch.address)
        _give(world, Right.ARM)
        page.goto(f"{branch.address}/sites/{SITE}")
        page.click("#partition-cash [data-order=disarm]")
        page.wait_for_url("**/orders/*")
        assert page.locator("[data-approve]").count() == 0
        assert "branchwatch order approve" in page.locator("pre").first.inner_text()
        page.click("[data-withdraw]")
        page.locator(".order.withdrawn").wait_for()


def test_what_changes_at_the_site_is_drawn_at_once(browser: Browser, branch: Served) -> None:
    """A state, a mark, and that nothing is known any more; a page that hears nothing says so until it hears again."""
    world = branch.world
    assert isinstance(world, OrderWorld)
    with desk(browser, branch.address, OFFICER, language="en") as seen:
        page = seen.page
        page.goto(f"{branch.address}/sites/{SITE}")
        page.locator("#partition-hall .is", has_text="disarmed").wait_for()
        (hall,) = [each for each in POINTS if each.id == "partition/hall"]
        world.centre.take(world.box.beat([structs.replace(hall, state="alarm", marks=("alarm",))], challenge="x"))
        world.feed.changed()
        page.locator("#partition-hall.grave .is", has_text="in alarm").wait_for()
        assert page.locator(".area").first.get_attribute("id") == "partition-hall"
        world.centre.pass_time(60)
        world.feed.changed()
        page.locator(".silent").wait_for()
        assert set(page.locator(".is").evaluate_all("all => all.map((each) => each.className)")) == {"is unknown"}
        seen.may_fail = True
        branch.stop()
        page.locator("#lost").wait_for(timeout=20_000)
        assert "What is shown is from" in page.locator("#lost").inner_text()
        branch.start()
        page.locator("#lost").wait_for(state="hidden", timeout=20_000)


def test_a_refusal_is_told_on_the_page(browser: Browser, branch: Served) -> None:
    """In the reader's language and words, where the person looks."""
    world = branch.world
    assert isinstance(world, OrderWorld)
    with desk(browser, branch.address, OFFICER, language="zh-CN", width=390) as seen:
        seen.may_fail = True  # the browser notes the refusal
        page = seen.page
        page.goto(f"{branch.address}/sites/{SITE}")
        with world.centre.store.write() as connection:
            mark_forked(connection, [BOX])
        page.click("#partition-hall button.main")
        page.locator("#wrong", has_text="有两台前端主机").wait_for()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing stands outside of a telephone's screen"
