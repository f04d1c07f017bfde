"""Pictures at the desk in a real browser: they come without reloading, stay as the page is drawn anew, say why not."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from protocol.messages import PointState
from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.console import PASSWORD
from tests.pictures import told

JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////"
    "////2wBDAf//////////////////////////////////////////////////////////////////////////////////////wAARCAABAAEDASIAAhEB"
    "AxEB/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAUAQEAAAAAAAAAAAAAAAAAAAAA/8QAFBEBAAAAAAAAAAAAAAAA"
    "AAAAAP/aAAwDAQACEQMRAD8AR//Z"
)
"""One grey pixel; every browser draws it."""


def _clip() -> bytes:
    """A second of grey, as an eye writes it."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 36, "yuv420p")))
        container.mux(stream.encode())
    return file.getvalue()


def test_a_still_appears_without_reloading(browser: Browser, served: Served) -> None:
    """Promised with the alarm, on its way, there: big beside the alarm, small in its row, and its hash beside it."""
    world = served.world
    with desk(browser, served.address, ("wang", PASSWORD)) as person:
        page = person.page
        page.evaluate("window.same = true")
        slot = f"{world.pictured(('03', 'still'), ('03', 'clip'))}-1"
        expect(page.locator(".shot .blank")).to_have_text([re.compile("现场正在制作，自 .* 起")] * 2)
        expect(page.locator(".row .still")).to_be_hidden()
        sha256 = world.brought(slot, JPEG)
        expect(page.locator(".shot img")).to_be_visible()
        expect(page.locator(".shot .proof")).to_have_text(f"与账本一致 {sha256[:8]}")
        expect(page.locator(".row .still")).to_be_visible()
        expect(page.locator(".shot img")).to_have_js_property("naturalWidth", 1)
        assert page.evaluate("window.same")


def test_what_is_shown_stays_while_the_page_is_drawn_anew(browser: Browser, served: Served) -> None:
    """A clip that is looked at is not begun anew by a note or a point that changes; nothing is fetched twice."""
    clip, world = _clip(), served.world
    event = world.pictured(("03", "still"), ("03", "clip"))
    world.brought(f"{event}-1", JPEG)
    world.brought(f"{event}-2", clip, "clip")
    with desk(browser, served.address, ("li", PASSWORD)) as person:
        page = person.page
        expect(page.locator(".shot video")).to_be_visible()
        # Not wait_for_function: polling evaluates text in the page, which its policy forbids.
        lasts_s = page.locator(".shot video").evaluate(
            "video => video.readyState ? video.duration"
            " : new Promise(told => video.addEventListener('loadedmetadata', () => told(video.duration)))"
        )
        assert lasts_s > 0.5
        page.evaluate(
            "document.querySelector('.shot video').kept = true; document.querySelector('.shot img').kept = true"
        )
        page.click("#do-acknowledge")
        expect(page.locator("#do-resolve")).to_be_enabled()
        assert page.evaluate("document.querySelector('.shot video').kept && document.querySelector('.shot img').kept")


def test_why_there_is_none_is_said(browser: Browser, served: Served) -> None:
    """The box's reason in words; of an alarm that another holds, that the holder alone sees it."""
    world = served.world
    event = world.pictured(("03", "still"), ("05", "still"))
    world.brought(f"{event}-1", JPEG)
    facts = {"event": event, "slot": f"{event}-2", "kind": "still", "missing": "no_picture"}
    line, _ = told(world.box, "evidence.sealed", "camera/05", facts)
    world.centre.take(world.box.events(line))
    world.feed.changed()
    with desk(browser, served.address, ("wang", PASSWORD)) as person:
        expect(person.page.locator(".shot.missing .blank")).to_contain_text("没有：")
        person.page.click("#do-acknowledge")
        expect(person.page.locator(".shot img")).to_be_visible()
        expect(person.page.locator(".row.taken")).to_be_visible()
    with desk(browser, served.address, ("chen", PASSWORD)) as person:
        expect(person.page.locator(".shot.here .blank")).to_have_text("接警后方可查看。")
        expect(person.page.locator(".row .still")).to_be_hidden()


def test_a_picture_fault_shows_both_pictures_and_the_figure(browser: Browser, served: Served) -> None:
    """What is beside what should be, and what decided."""
    world = served.world
    kinds = (("03", "reference"), ("03", "still"))
    event = world.pictured(*kinds, kind="camera.covered", measure="edges_kept", value=3.1, limit=50.0, reference=2)
    world.brought(f"{event}-1", JPEG, "reference")
    world.brought(f"{event}-2", JPEG)
    with desk(browser, served.address, ("sun", PASSWORD)) as person:
        page = person.page
        expect(page.locator(".shot img")).to_have_count(2)
        expect(page.locator(".shot figcaption b")).to_have_text(["图片", "基准画面"])
        expect(page.locator(".figure")).to_have_text("判定依据：轮廓保留率（%）为 3.1，限值 50")


def test_a_sites_cameras_are_asked_for_pictures(browser: Browser, served: Served) -> None:
    """State and marks in words, a button, and what came of it, without reloading; a leader asks for the past, too."""
    world = served.world
    points = (
        PointState(id="camera/03", state="online", age_ms=1000, name="大堂摄像机", marks=("covered",)),
        PointState(id="area/atm-hall", state="active", age_ms=2000, name="自助区", marks=("occupied",)),
    )
    world.centre.take(world.box.beat(points))
    world.feed.changed()
    with desk(browser, served.address, ("wang", PASSWORD)) as person:
        page = person.page
        page.goto(f"{served.address}/sites/0755-031")
        expect(page.locator("#camera-03")).to_contain_text("遮挡")
        expect(page.locator("#area-atm-hall")).to_contain_text("有异常")
        expect(page.locator("#past")).to_have_count(0)
        page.click("#camera-03 [data-ask=still]")
        expect(page.locator(".came figcaption")).to_contain_text("大堂摄像机的图片")
        (post,) = world.outgoing.take()
        facts = {"request": post.id, "action": "still", "collector": "centre-1", "reason": "served"}  # type: ignore[union-attr]
        line, _ = told(
            world.box, "request.answered", "box/requests", facts, pictures=(("03", "still"),), owner=facts["request"]
        )
        world.centre.take(world.box.events(line))
        world.brought(f"{facts['request']}-1", JPEG)
        expect(page.locator(".came img")).to_be_visible()
    world.centre.now += timedelta(seconds=1)
    with desk(browser, served.address, ("li", PASSWORD)) as person:
        page = person.page
        page.goto(f"{served.address}/sites/0755-031")
        page.click("#past summary")
        page.fill("#past [name=from]", "2026-11-21T10:00:00")
        page.fill("#past [name=purpose]", "客户摔倒")
        page.click("#past [data-footage] button")
        expect(page.locator(".came figcaption").first).to_contain_text("客户摔倒")
        (post,) = world.outgoing.take()
        assert post.args == {"camera": "03", "from": "2026-11-21T02:00:00.000Z", "to": "2026-11-21T02:01:00.000Z"}  # type: ignore[union-attr]
