"""The walk test on an installer's telephone: the page in Chromium, a real session over the box's real socket behind it.

With BRANCHWATCH_PICTURES=1 the pictures of the documents are taken again on the way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.acceptance import session
from agent.acceptance.serving import PageServer, Shown, listen_at
from agent.acceptance.session import Session
from agent.acceptance.view import view_of
from agent.local.client import LocalClient
from protocol.page_door import Door
from protocol.texts import texts_for
from tests.local_box import LocalBox, local_box
from tests.whole.loops import LoopThread

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SITE = """
id = "0755-031"
name = "河西分理处"
unit = "市分行/西区支行"
timezone = "Asia/Shanghai"

[[io]]
id = "io1"
name = "通道模块"
address = "192.0.2.10:502"

[[door]]
id = "outer"
name = "通道外门"
contact = "io1/di/0"
closed = 1
lock = "io1/do/0"
lock_energised = "unlocked"
exit_button = "io1/di/4"

[[door]]
id = "vault"
name = "金库门"
contact = "io1/di/2"
closed = 1

[[siren]]
id = "hall"
name = "营业厅警号"
output = "io1/do/2"
on = ["door.forced"]

[[zone]]
id = "cash-motion"
name = "现金区红外"
type = "interior"
input = "io1/di/7"

[[camera]]
id = "03"
name = "自助厅摄像机"
address = "192.0.2.23"
login = { secret = "cameras" }
"""
REST = {
    "device_io1": "online",
    "door_outer": "closed",
    "door_vault": "closed",
    "exit_outer": "normal",
    "zone_cash_motion": "normal",
    "lock_outer": "locked",
    "output_hall": "off",
}


@dataclass
class Walked:
    """A page at a box, and the hand that moves the box's points."""

    loop: LoopThread
    box: LocalBox
    session: Session
    address: str

    def say(self, **states: str) -> None:
        """The module reads this now."""
        self.loop.call(lambda: self.box.say(**states))


@pytest.fixture
def walked(tmp_path: Path) -> Iterator[Walked]:
    """A walk test that has just begun."""
    loop = LoopThread()
    stack = AsyncExitStack()

    async def start() -> Walked:
        box = await stack.enter_async_context(local_box(tmp_path, SITE))
        client = await LocalClient.connect(tmp_path)
        stack.push_async_callback(client.close)
        under_way = await session.begin(client, tmp_path, os.urandom, box.clock.now)
        import asyncio

        follow = asyncio.create_task(under_way.follow())
        stack.callback(follow.cancel)

        async def end() -> None:
            await under_way.finish(None)

        shown = Shown(
            view=lambda language: view_of(under_way, texts_for(language)),
            revision=lambda: under_way.revision,
            act=under_way.act,
            end=end,
        )
        server = PageServer(shown, Door(os.urandom))
        await server.start("127.0.0.1", listen_at("127.0.0.1", 0))
        stack.push_async_callback(server.close)
        return Walked(loop, box, under_way, server.address)

    try:
        yield loop.run(start())
    finally:
        loop.run(stack.aclose())
        loop.close()


@contextmanager
def _phone(browser: Browser, address: str, language: str = "zh-CN") -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, locale=language, device_scale_factor=2
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(address)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the telephone"
    assert not problems, problems
    context.close()


def _picture(page: Page, name: str) -> None:
    if os.environ.get("BRANCHWATCH_PICTURES"):
        page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def _row(page: Page, point: str) -> Callable[[str], None]:
    return lambda look: expect(page.locator(f"#rows li[data-point='{point}']")).to_have_class(re.compile(look))


def test_one_instruction_at_a_time_until_it_is_signed(browser: Browser, walked: Walked) -> None:
    """Doors and zones go green by themselves, a siren by a tap, the number by typing; the end says what stays red."""
    with _phone(browser, walked.address) as page:
        expect(page.locator("#text")).to_contain_text("须有应答")
        walked.say(**REST)
        _row(page, "device/io1")("good")
        expect(page.locator("#text")).to_have_text("请打开通道外门。")
        walked.say(door_outer="open")
        expect(page.locator("#text")).to_have_text("已看到打开。请关上通道外门。")
        expect(page.locator("#reads")).to_have_text("前端主机读到：开启")
        walked.say(door_outer="closed")
        _row(page, "door/outer")("good")
        page.get_by_role("button", name="准备好了").tap()
        walked.say(lock_outer="unlocked")
        page.get_by_role("button", name="是", exact=True).tap()
        _row(page, "lock/outer")("good")
        expect(page.locator("#text")).to_contain_text("请按下")
        page.get_by_role("button", name="稍后").tap()
        walked.say(zone_cash_motion="active")
        walked.say(zone_cash_motion="normal")
        _row(page, "zone/cash-motion")("good")
        expect(page.locator("#text")).to_have_text("请打开金库门。")
        _picture(page, "acceptance-zh")
        page.locator("#language").tap()
        expect(page.locator("#text")).to_have_text("Open 金库门.")
        _picture(page, "acceptance")
        page.locator("#language").tap()
        page.get_by_role("button", name="不工作").tap()
        _row(page, "door/vault")("bad")
        walked.loop.call(lambda: walked.box.clock.advance(timedelta(seconds=5)))
        page.get_by_role("button", name="准备好了").tap()
        walked.say(output_hall="on")
        page.get_by_role("button", name="是", exact=True).tap()
        _row(page, "output/hall")("good")
        expect(page.locator("#text")).to_contain_text("自助厅摄像机")
        walked.say(camera_03="online")
        _row(page, "camera/03")("good")
        expect(page.locator("#text")).to_contain_text("请致电值班员")
        page.get_by_role("button", name="准备好了").tap()
        expect(page.locator("#number")).to_be_visible()
        number = walked.session.progress.number
        page.locator("#number").fill("x")
        page.locator("#number").press("Enter")  # no try: it is no number of four digits
        page.locator("#number").fill("9999" if number != "9999" else "0000")
        page.get_by_role("button", name="核对数字").tap()
        expect(page.locator("#hint")).to_contain_text("还可输入 2 次")
        page.locator("#number").fill(number)
        page.locator("#number").press("Enter")
        _row(page, "desk/operator")("good")
        page.locator("#end").tap()
        expect(page.locator("#end")).to_be_disabled()  # a double tap ends nothing
        expect(page.locator("#sure")).to_contain_text("未通过 1 个，未测试 1 个")
        page.locator("#end").tap()
        expect(page.locator("#ended")).to_contain_text("通过 7，未通过 1，未测试 1")
        expect(page.locator("#ended .bad").first).to_contain_text("金库门")
        expect(page.locator("#end")).to_be_hidden()


def test_what_looks_wrong_is_said(browser: Browser, walked: Walked) -> None:
    """A door that reads open at rest: the wiring and the setting to change; a refusal stands in words."""
    with _phone(browser, walked.address, "en") as page:
        walked.say(**{**REST, "door_outer": "open"})
        expect(page.locator("#hint")).to_contain_text("closed = 1 in the site file must be the other value")
        page.get_by_role("button", name="Later").tap()
        walked.say(lock_outer="unknown")
        expect(page.locator("#hint")).to_contain_text("its module does not answer")
        page.get_by_role("button", name="Ready").tap()
        expect(page.locator("#problem")).to_contain_text("its module does not answer")


def test_buttons_fit_a_thumb_and_markup_is_text(browser: Browser, walked: Walked) -> None:
    """Every button is at least 44 pixels high, and the page says when the box is gone."""
    with _phone(browser, walked.address) as page:
        walked.say(**REST)
        _row(page, "device/io1")("good")
        heights = page.locator("button:visible").evaluate_all(
            "(all) => all.map((b) => b.getBoundingClientRect().height)"
        )
        assert heights
        assert min(heights) >= 44


def test_an_installer_takes_the_point_that_he_stands_before(browser: Browser, walked: Walked) -> None:
    """Far down the list: it becomes the instruction, and the page shows it at its top."""
    with _phone(browser, walked.address, "en") as page:
        walked.say(**REST)
        _row(page, "device/io1")("good")
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.locator("#rows li[data-point='output/hall']").get_by_role("button", name="Test now").tap()
        expect(page.locator("#text")).to_contain_text("is going to sound")
        expect(page.locator("#now")).to_be_in_viewport()
        expect(page.locator("#rows li.current")).to_have_attribute("data-point", "output/hall")


def test_the_address_opens_once(browser: Browser, walked: Walked) -> None:
    """The first browser goes on after a reload; a second one with the same address is refused."""
    with _phone(browser, walked.address) as page:
        expect(page.locator("#title")).to_have_text("验收测试")
        page.reload()
        expect(page.locator("#title")).to_have_text("验收测试")
        other = browser.new_context()
        answer = other.new_page().goto(walked.address)
        assert answer is not None
        assert answer.status == 403
        assert "--resume" in answer.text()
        assert "新的地址" in answer.text()
        other.close()
