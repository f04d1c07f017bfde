"""The desk in a real browser: what an operator sees, hears, presses, and is told when the line breaks."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Route, expect

from protocol.messages import PointState
from protocol.timestamps import format_time
from tests.browser.chromium import DeskPage, desk
from tests.browser.served import Served
from tests.console import PASSWORD
from tests.waiting import eventually_blocking

WANG = ("wang", PASSWORD)
MOST_ROWS = 200


def _texts(person: DeskPage, selector: str) -> list[str]:
    return [text.strip() for text in person.page.locator(selector).all_inner_texts()]


def test_an_alarm_appears_without_reloading(browser: Browser, served: Served) -> None:
    """It is drawn at once, chosen, explained in words, and says when it was on the glass."""
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator("#alarm h2")).to_have_text("没有警情")
        page.evaluate("window.same = true")
        served.world.dual_open()
        row = page.locator(".row")
        expect(row).to_contain_text("联动门双开")
        expect(row).to_have_attribute("data-drawn-at", re.compile(r"Z$"))
        expect(page.locator("#alarm h2")).to_contain_text("两门同开，超过允许的 0.5 秒")
        expect(page.locator(".why li")).to_have_count(3)
        expect(page.locator(".tile.needs header span")).to_have_text(["通道外门", "通道内门"])
        expect(page.locator(".tile.unknown b")).to_have_text("未知")
        expect(page.locator("#told")).to_contain_text("二级 联动门双开")
        assert page.evaluate("window.same")


def test_keys_take_an_alarm_to_its_end(browser: Browser, served: Served) -> None:
    """A acknowledges, N notes, R resolves with a code and a narrative; the row goes, the history has it."""
    served.world.dual_open()
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator("#do-acknowledge")).to_be_enabled()
        page.keyboard.press("a")
        expect(page.locator(".row.taken .due")).to_have_text("Wang")
        expect(page.locator("#do-resolve")).to_be_enabled()
        page.keyboard.press("n")
        expect(page.locator("dialog[open] textarea")).to_be_focused()
        page.keyboard.type("致电网点")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".journal")).to_contain_text("致电网点")
        page.keyboard.press("r")
        page.check("input[value=false_alarm]")
        page.fill("[name=narrative]", "保洁同时打开两门")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".row")).to_have_count(0)
        expect(page.locator("#resolve")).to_be_hidden()  # the live line may be quicker than the answer
        page.keyboard.press("h")
        expect(page.locator("#history tbody tr")).to_contain_text(["联动门双开"])
        expect(page.locator("#history tbody")).to_contain_text("误报")
        # What happens meanwhile is drawn in the queue, and never over the history.
        served.world.dual_open("interlock/meanwhile")
        expect(page.locator(".row")).to_have_count(1)
        expect(page.locator("#history")).to_be_visible()
        expect(page.locator("#alarm")).to_be_hidden()
        page.locator("#history tbody tr").last.click()
        expect(page.locator("#history")).to_be_hidden()
        expect(page.locator("#alarm h2")).to_contain_text("联动门双开")


def test_keys_work_in_the_very_frame_in_which_a_dialog_closes(browser: Browser, served: Served) -> None:
    """A closed dialog's field has the focus until the next frame is drawn: a key pressed there is the desk's."""
    with desk(browser, served.address, WANG) as person:
        person.page.evaluate(
            """() => {
                const dialog = document.getElementById("park");
                dialog.showModal();
                const field = dialog.querySelector("[name=text]");
                field.focus();
                dialog.close();
                field.dispatchEvent(new KeyboardEvent("keydown", { key: "5", bubbles: true }));
            }"""
        )
        expect(person.page.locator("[data-tab=parked]")).to_have_attribute("aria-selected", "true")


def test_what_is_typed_before_a_dialog_opens_does_nothing_else(browser: Browser, served: Served) -> None:
    """N waits until the chosen alarm is drawn; T, typed meanwhile, is a letter of the note and changes no theme."""
    served.world.dual_open()
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator("#do-acknowledge")).to_be_enabled()
        held: list[Route] = []
        page.route("**/desk/alarms/*", lambda route: held.append(route))  # noqa: PLW0108 - playwright asks its signature
        page.locator(".row").first.click()
        page.keyboard.press("n")
        page.keyboard.press("t")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        for route in held:
            route.continue_()
        page.unroute("**/desk/alarms/*")
        expect(page.locator("#note textarea")).to_be_focused()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_markup_of_a_box_or_a_person_is_text(browser: Browser, served: Served) -> None:
    """Names, facts, reasons and notes that look like markup are shown as they are and run nothing."""
    evil = '<img src=x onerror="window.caught=1"></script><b>'
    world = served.world
    points = [PointState(id="door/outer", state="open", age_ms=1, name=evil)]
    world.centre.take(world.box.birth(points, site_name=evil))
    now = format_time(world.box.now)
    world.happens("door.forced", "door/outer", {"door": evil}, ((now, "door/outer", "open", evil),))
    world.happens("presence.crowd", "area/hall", {evil[:60]: evil})
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator(".row").first).to_contain_text("<img src=x")
        expect(page.locator("#do-acknowledge")).to_be_enabled()
        page.keyboard.press("a")
        expect(page.locator("#do-resolve")).to_be_enabled()
        page.keyboard.press("n")
        expect(page.locator("dialog[open] textarea")).to_be_focused()
        page.keyboard.type(evil)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".journal")).to_contain_text("<img src=x")
        expect(page.locator(".why")).to_contain_text("<img src=x")
        assert page.locator("main img, main b b, .queue img:not(.still)").count() == 0
        assert page.evaluate("window.caught") is None


def test_a_refusal_is_shown_in_words(browser: Browser, served: Served) -> None:
    """Who is too late reads who holds the alarm; nothing happens silently."""
    served.world.dual_open()
    with desk(browser, served.address, WANG) as late, desk(browser, served.address, ("chen", PASSWORD)) as quick:
        expect(late.page.locator("#do-acknowledge")).to_be_enabled()
        late.may_fail = True
        late.page.route("**/desk/alarms/**", lambda route: route.abort())  # the middle stays as it was looked at
        expect(quick.page.locator("#do-acknowledge")).to_be_enabled()
        quick.page.keyboard.press("a")
        expect(late.page.locator(".row.taken .due")).to_have_text("Chen")
        late.page.keyboard.press("a")
        expect(late.page.locator("#notice")).to_contain_text("此警情现由Chen处置")


def test_a_lost_line_is_said_and_made_up_for(browser: Browser, served: Served) -> None:
    """The banner names what may be missing, what is old is marked unknown, and afterwards it says how many came."""
    with desk(browser, served.address, WANG) as person:
        page = person.page
        served.world.dual_open("interlock/before")
        expect(page.locator(".row")).to_have_count(1)
        expect(page.locator("#do-acknowledge")).to_be_visible()  # the alarm itself has come, and its cover with it
        expect(page.locator(".covered").first).to_be_hidden()
        person.may_fail = True
        served.stop()
        expect(page.locator("#lost")).to_contain_text("与中心失去连接")
        expect(page.locator("#lost-rest")).to_contain_text("可能未显示")
        expect(page.locator(".covered").first).to_be_visible()
        served.world.dual_open("interlock/meanwhile-1")
        served.world.dual_open("interlock/meanwhile-2")
        served.world.dual_open("interlock/before")  # told again: no new alarm
        served.start()
        expect(page.locator("#lost")).to_contain_text("连接已恢复")
        expect(page.locator("#lost-rest")).to_contain_text("2 条新警情")
        expect(page.locator(".row")).to_have_count(3)
        expect(page.locator(".covered").first).to_be_hidden()


def test_a_storm_cannot_stop_the_page(browser: Browser, served: Served) -> None:
    """With 500 open alarms the page draws a bounded number, and a new grave one is drawn, above all of them."""
    served.world.flood(500)
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator(".row")).to_have_count(MOST_ROWS)
        expect(page.locator("#more")).to_contain_text("300")
        served.world.dual_open()
        first = page.locator(".row").first
        expect(first).to_have_attribute("data-kind", "door.dual_open")
        expect(first).to_have_attribute("data-drawn-at", re.compile(r"Z$"))
        expect(page.locator(".row")).to_have_count(MOST_ROWS)
        expect(page.locator("#load")).to_have_class(re.compile("over"))


def test_both_languages_and_themes(browser: Browser, served: Served) -> None:
    """L and T change language and theme at once and for the next visit; nothing of the other language is left."""
    served.world.dual_open()
    with desk(browser, served.address, WANG, language="en", theme="light") as person:
        page = person.page
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        expect(page.locator("h1")).to_have_text("Alarm desk")
        expect(page.locator("#alarm h2")).to_contain_text("Both doors")
        names = re.compile("通道[内外]门|金库门|市分行 / 西区支行|中文|中")
        assert not re.search(r"[\u4e00-\u9fff]", names.sub("", page.locator("body").inner_text()))
        page.keyboard.press("t")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.keyboard.press("l")
        expect(page.locator("h1")).to_have_text("接警台")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_sound_waits_for_the_first_touch_and_can_be_muted(browser: Browser, served: Served) -> None:
    """What the desk would do about a new alarm is always written at the foot."""
    with desk(browser, served.address, WANG) as person:
        page = person.page
        page.keyboard.press("j")
        expect(page.locator("#sound")).to_have_text("声音 开")
        page.keyboard.press("m")
        expect(page.locator("#sound")).to_have_text("声音 静音")
        expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        assert {"J", "K", "A", "N", "R", "H", "M", "L", "T", "?"} <= set(_texts(person, "#help kbd"))


def test_a_grave_alarm_sounds_until_somebody_takes_it(browser: Browser, served: Served) -> None:
    """Again and again while nobody has acknowledged it; not while muted, and the desk says that it is muted."""
    with desk(browser, served.address, WANG) as person:
        page = person.page
        page.keyboard.press("j")
        expect(page.locator("#sound")).to_have_text("声音 开")
        page.evaluate(
            "import('/static/sound.js').then(({ port }) => {"
            " window.rung = []; port.play = (notes) => window.rung.push(notes.length); port.repeatMs = 30; })"
        )
        served.world.happens("door.held_open", "door/outer")
        expect(page.locator(".row")).to_have_count(1)
        assert page.evaluate("window.rung") == []  # level IV is seen, not heard
        served.world.dual_open()
        eventually_blocking(lambda: page.evaluate("window.rung.length") >= 3, what="it sounds again and again")
        assert set(page.evaluate("window.rung")) == {2}
        page.keyboard.press("m")
        expect(page.locator("#sound")).to_have_text("声音 静音")
        assert _rung_meanwhile(person) == 0
        page.keyboard.press("m")
        assert _rung_meanwhile(person) > 1
        page.locator(".row[data-kind='door.dual_open']").click()
        expect(page.locator("#do-acknowledge")).to_be_enabled()
        page.keyboard.press("a")
        expect(page.locator(".row.taken")).to_have_count(1)
        assert _rung_meanwhile(person) == 0


def _rung_meanwhile(person: DeskPage) -> int:
    """How often it sounds in ten of its intervals, by the page's own clock."""
    return int(
        person.page.evaluate(
            "() => { const before = window.rung.length;"
            " return new Promise((done) => setTimeout(() => done(window.rung.length - before), 300)); }"
        )
    )


def test_who_waited_longest_is_next(browser: Browser, served: Served) -> None:
    """Gravest level first; in it the oldest that nobody has taken on top, what somebody holds below."""
    world = served.world
    names = ["first", "second", "third"]
    for name in names:
        world.dual_open(f"interlock/{name}")
        world.centre.now += timedelta(seconds=1)
    world.happens("zone.hold_up", "zone/panic")
    with desk(browser, served.address, WANG) as person:
        page = person.page
        expect(page.locator(".row[aria-selected=true]")).to_have_attribute("data-kind", "zone.hold_up")
        opened = page.locator(".row[data-kind='door.dual_open']")
        expect(opened).to_have_count(3)
        times = opened.evaluate_all("(rows) => rows.map((row) => row.dataset.openedAt)")
        assert times == sorted(times)
        first = opened.first.get_attribute("data-alarm-id")
        opened.first.click()
        expect(page.locator(f"#alarm[data-of='{first}']")).to_be_visible()
        page.keyboard.press("a")
        expect(page.locator(".row").last).to_have_attribute("data-alarm-id", str(first))
        expect(page.locator(".row").last).to_have_class(re.compile("taken"))


@pytest.mark.parametrize(("width", "language"), [(1280, "zh-CN"), (1440, "zh-CN"), (1280, "en")])
def test_lines_hold_on_one_line(browser: Browser, served: Served, width: int, language: str) -> None:
    """Where it is, and when and how it came, each stand on one line, on small desks too."""
    served.world.dual_open()
    with desk(browser, served.address, WANG, width=width, language=language) as person:
        for line in ("#place", "#proof"):
            height = person.page.locator(line).evaluate("(line) => line.getBoundingClientRect().height")
            assert 0 < height < 26, line


def test_a_telephone_shows_the_same(browser: Browser, served: Served) -> None:
    """One column, thumb-sized buttons: queue, alarm, back; nothing is wider than the screen."""
    served.world.dual_open()
    with desk(browser, served.address, WANG, width=390, height=844) as person:
        page = person.page
        page.locator(".row").tap()
        button = page.locator("#do-acknowledge")
        expect(button).to_be_visible()
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("[data-back]").tap()
        expect(page.locator(".row")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390])
def test_a_storm_is_no_wider_than_a_telephone(browser: Browser, served: Served, width: int) -> None:
    """Three figures in every tab: the tabs can be pushed along, but how long an alarm may wait stays on the glass."""
    served.world.flood(201)
    with desk(browser, served.address, WANG, language="en", width=width, height=844) as person:
        page = person.page
        expect(page.locator("[data-tab=all] em")).to_have_text("201")
        for shown in ("#rows .row .due", "#clock"):
            box = page.locator(shown).first.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width


def test_an_auditor_has_no_buttons(browser: Browser, served: Served) -> None:
    """Who may not handle an alarm is not offered to."""
    served.world.dual_open()
    with desk(browser, served.address, ("qian", PASSWORD)) as person:
        expect(person.page.locator("#steps")).to_contain_text("处置由值班人员进行")
        expect(person.page.locator("#steps button")).to_have_count(0)
