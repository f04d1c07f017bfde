"""An alarm's life at the desk in a real browser: taken, worked through, parked, grouped, reviewed, kept quiet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from collector.alarms.words import Move
from collector.rules.builtin import BUILTIN
from collector.rules.shapes import Procedure, ProcedureStep, Rota, Rules, StepKind, Turn, When
from collector.storage.records import AlarmRow
from protocol.messages import PointState
from provisioning.authority import Authority
from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.console import PASSWORD, PEOPLE, ConsoleWorld
from tests.escalating import EscalatingCentre

WANG, CHEN, LI = ("wang", PASSWORD), ("chen", PASSWORD), ("li", PASSWORD)
REVIEWER, DIRECTOR = ("zhou", PASSWORD), ("lin", PASSWORD)
PROCEDURE = Procedure(
    name="夜间双开",
    when=When(kinds=("door.forced",)),
    step=(
        ProcedureStep(kind=StepKind.LOOK, text="查看通道内外画面", camera="03"),
        ProcedureStep(kind=StepKind.CALL, text="致电网点负责人", number="0755 6021"),
        ProcedureStep(kind=StepKind.WAIT, text="等待回电", wait=timedelta(minutes=10)),
        ProcedureStep(kind=StepKind.POLICE, text="报 110"),
    ),
)
ROTA = Rota(name="leaders", begins="2026-01-01", handover="08:00", turn=(Turn(people=("li",)), Turn(people=("wang",))))
DARK = [f"0755-9{number:02}" for number in range(5)]


@pytest.fixture
def bank(tmp_path: Path, desk_authority: Authority, free_port: Callable[[], int]) -> Iterator[Served]:
    """A centre with rules of its own, whose timers fire when a test lets time pass."""
    world = ConsoleWorld(folder=tmp_path, authority=desk_authority, make_centre=EscalatingCentre)
    _centre(world).hold_rules(Rules(policy=BUILTIN.policy, procedure=(PROCEDURE,), rota=(ROTA,)))
    console = Served(world, free_port())
    console.start()
    yield console
    console.stop()
    world.close()


def _centre(world: ConsoleWorld) -> EscalatingCentre:
    assert isinstance(world.centre, EscalatingCentre)
    return world.centre


def _alarm(bank: Served, source: str) -> AlarmRow:
    return next(each for each in bank.world.centre.alarms() if each.source == source)


def _move(bank: Served, source: str, who: str, move: Move, **said: object) -> None:
    """What somebody did before the test looks."""
    services = bank.world.app.state.services
    (person,) = [each for each in PEOPLE if each.id == who]
    row = _alarm(bank, source)
    services.alarms.move(row.id, person, move, version=row.version, **said)


def _choose(page: Page, bank: Served, source: str) -> Locator:
    """The row of an alarm, chosen."""
    row = page.locator(f"#row-{_alarm(bank, source).id}")
    row.click()
    expect(page.locator(f"#steps[data-of='{_alarm(bank, source).id}']")).to_be_visible()
    return row


def test_of_two_operators_one_holds_it_and_the_other_sees_the_name(browser: Browser, bank: Served) -> None:
    """Whoever came second reads who has it and is offered nothing but a note; a shift leader takes it over by X."""
    bank.world.dual_open("interlock/two")
    with desk(browser, bank.address, WANG) as quick, desk(browser, bank.address, CHEN) as late:
        _choose(late.page, bank, "interlock/two")
        _choose(quick.page, bank, "interlock/two")
        quick.page.keyboard.press("a")
        expect(late.page.locator("#why-not")).to_have_text("Wang正在处置此警情。")
        expect(late.page.locator("#standing dd").last).to_contain_text("余 2 天")
        expect(late.page.locator("#steps .buttons button")).to_have_count(1)
        expect(late.page.locator("#do-note")).to_be_enabled()
    with desk(browser, bank.address, LI) as leader:
        row = _choose(leader.page, bank, "interlock/two")
        expect(leader.page.locator("#do-take_over")).to_have_class(re.compile("main"))
        leader.page.keyboard.press("x")
        expect(row.locator(".due")).to_have_text("Li")


def test_a_procedure_is_worked_through_before_the_alarm_can_end(browser: Browser, bank: Served) -> None:
    """Each kind of step has its control; a wait counts; a skip needs its reason; only then R resolves."""
    bank.world.happens("door.forced", "door/outer", {"door": "outer"})
    with desk(browser, bank.address, WANG) as person:
        page = person.page
        row = _choose(page, bank, "door/outer")
        page.keyboard.press("a")
        expect(page.locator(".check.current .what")).to_contain_text("查看通道内外画面")
        expect(page.locator("#do-resolve")).to_be_disabled()
        expect(page.locator("#blocked")).to_contain_text("4 步未完成")
        page.keyboard.press("d")
        expect(page.locator(".check.current .number")).to_have_text("0755 6021")
        page.keyboard.press("d")
        expect(page.locator("#step [name=number]")).to_have_value("0755 6021")
        page.fill("#step [name=result]", "无人接听")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".check.done .said").nth(1)).to_contain_text("无人接听")
        expect(page.locator(".check.current .next")).to_contain_text("余")
        person.may_fail = True  # the centre refuses, which the browser notes
        page.keyboard.press("d")
        expect(page.locator("#notice")).to_contain_text("等待")  # the wait is not over: said, and nothing was done
        page.keyboard.press("s")
        page.fill("#skip [name=text]", "网点已到人")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".check.skipped .said")).to_contain_text("网点已到人")
        page.keyboard.press("d")
        for name, value in {"number": "110-7", "person": "李警官", "result": "出警"}.items():
            page.fill(f"#step [name={name}]", value)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#do-resolve")).to_be_enabled()
        expect(page.locator("#do-resolve")).to_have_class(re.compile("main"))
        page.keyboard.press("r")
        page.check("#resolve input[value=real]")
        page.fill("#resolve [name=narrative]", "撬门未遂，警方到场")
        page.keyboard.press("Control+Enter")
        expect(row).to_have_count(0)


def test_a_parked_alarm_waits_in_its_tab_and_comes_back(browser: Browser, bank: Served) -> None:
    """P asks until when and why; the row leaves the queue for the tab, and the timer brings it back."""
    bank.world.dual_open("interlock/park")
    with desk(browser, bank.address, CHEN) as person:
        page = person.page
        row = _choose(page, bank, "interlock/park")
        page.keyboard.press("a")
        expect(page.locator("#do-park")).to_be_enabled()
        page.keyboard.press("p")
        page.check("#park input[value='15']")
        page.fill("#park [name=text]", "等待维保")
        page.keyboard.press("Control+Enter")
        expect(row).to_have_count(0)
        expect(page.locator("#park")).to_be_hidden()  # the live line may be quicker than the answer
        page.keyboard.press("5")
        expect(row.locator(".due")).to_contain_text("恢复")
        page.keyboard.press("1")
        _centre(bank.world).pass_seconds(16 * 60, step=120)
        bank.world.feed.changed()
        expect(row).to_have_count(1)
        expect(row).not_to_have_class(re.compile("taken"))


def test_who_handled_it_never_reviews_it_and_a_return_stands_in_the_queue(browser: Browser, bank: Served) -> None:
    """The reviewer returns one alarm and approves another; the director closes that with how it was verified."""
    for source in ("interlock/back", "interlock/done"):
        bank.world.dual_open(source)
        _move(bank, source, "wang", Move.ACKNOWLEDGE)
        _move(bank, source, "wang", Move.RESOLVE, resolution="false_alarm", text="保洁")
    back, done = _alarm(bank, "interlock/back").id, _alarm(bank, "interlock/done").id
    with desk(browser, bank.address, WANG) as handler:
        handler.page.goto(f"{bank.address}/#{done}")
        handler.page.reload()
        expect(handler.page.locator("#do-reopen")).to_have_count(1)
        expect(handler.page.locator("#do-review")).to_have_count(0)
    with desk(browser, bank.address, REVIEWER) as reviewer:
        page = reviewer.page
        page.goto(f"{bank.address}/reviews")
        page.locator(f"#act-{back} summary").click()
        page.locator(f"#act-{back} form[data-post$=return] [name=text]").fill("未致电网点")
        page.locator(f"#act-{back} form[data-post$=return] button").click()
        expect(page.locator(f"[data-alarm='{back}']")).to_have_count(0)
        page.locator(f"#act-{done} summary").click()
        page.locator(f"#act-{done} form[data-post$=review] button").click()
        expect(page.locator(f"#reviewed [data-alarm='{done}'] [data-until]")).to_have_text("余 2 天")
    with desk(browser, bank.address, WANG) as handler:
        expect(handler.page.locator(f"#row-{back} strong em")).to_have_text("退回")
    with desk(browser, bank.address, DIRECTOR) as director:
        page = director.page
        page.goto(f"{bank.address}/#{done}")
        page.reload()
        expect(page.locator("#do-close")).to_be_visible()
        page.keyboard.press("c")
        page.check("#close [name=corrected]")
        page.check("#close [value=video]")
        page.fill("#close [name=text]", "已培训保洁")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#standing")).to_contain_text("已归档")


def test_points_that_share_a_name_are_told_apart(browser: Browser, bank: Served) -> None:
    """A door, its lock and its button bear one name; who puts one on test sees which, before and after."""
    named = (("door/inner", "通道内门"), ("lock/inner", "通道内门"), ("button/a", "门铃"), ("button/b", "门铃"))
    points = tuple(PointState(id=point, state="closed", age_ms=1000, name=name) for point, name in named)
    bank.world.centre.take(bank.world.box.beat(points))
    with desk(browser, bank.address, LI) as leader:
        page = leader.page
        page.goto(f"{bank.address}/quiet?site=0755-031")
        labels = page.locator("#make label:has([name=points])").all_inner_texts()
        assert len(labels) == len(set(labels))
        page.check("[name=sort][value=test]")
        page.check("[name=points][value='lock/inner']")
        page.fill("[name=reason]", "换锁")
        page.click("#make button.main")
        expect(page.locator("#suspensions")).to_contain_text("通道内门门锁")


def test_what_is_made_quiet_says_so_and_is_ended(browser: Browser, bank: Served) -> None:
    """Shelving, a test and maintenance are made with a reason, counted at the desk, and ended by hand."""
    bank.world.happens("device.offline", "device/quiet")
    with desk(browser, bank.address, LI) as leader:
        page = leader.page
        for sort, point in (("shelve", "door/inner"), ("test", "door/vault"), ("maintenance", "")):
            page.goto(f"{bank.address}/quiet?site=0755-031")
            page.check(f"[name=sort][value={sort}]")
            if point:
                page.check(f"[name=points][value='{point}']")
            page.fill("[name=reason]", f"原因 {sort}")
            page.click("#make button.main")
            expect(page.locator("#suspensions")).to_contain_text(f"原因 {sort}")
        expect(page.locator("#suspensions tbody tr")).to_have_count(3)
        page.goto(bank.address)
        expect(page.locator("#hush")).to_contain_text("1 条维护中")
        expect(page.locator(f"#row-{_alarm(bank, 'device/quiet').id}")).to_have_count(0)
        page.goto(f"{bank.address}/quiet")
        for left in (2, 1, 0):
            page.locator("#suspensions button").first.click()
            expect(page.locator("#suspensions tbody tr")).to_have_count(left)
        page.goto(bank.address)
        expect(page.locator(f"#row-{_alarm(bank, 'device/quiet').id}")).to_have_count(1)


def test_a_dark_unit_is_one_row_with_its_count(browser: Browser, bank: Served) -> None:
    """Five outlets lose their link: the incident alone stands in the queue and lists them; the bar counts them."""
    for name in DARK:
        box = bank.world.site(name, "市分行/北区支行")
        bank.world.happens("link.primary_lost", "link/primary", box=box)
    with desk(browser, bank.address, WANG) as person:
        page = person.page
        row = page.locator(".row[data-kind='incident.link']")
        expect(row.locator("strong em")).to_have_text("含 5 条")
        expect(page.locator(".row[data-kind='link.primary_lost']")).to_have_count(0)
        expect(page.locator("#hush")).to_contain_text("5 条并入事件")
        row.click()
        expect(page.locator("#members li")).to_have_count(5)
        page.locator("#members li a").first.click()
        expect(page.locator("#sheltered")).to_contain_text("属于以下事件")
        page.goto(f"{bank.address}/quiet")
        expect(page.locator("#incidents")).to_contain_text("北区支行")


def test_the_rules_that_hold_can_be_read(browser: Browser, bank: Served) -> None:
    """Policies a level as sentences, whose turn it is, who is at the desk; what happens next stands beside an alarm."""
    bank.world.dual_open("interlock/next")
    with desk(browser, bank.address, DIRECTOR) as person:
        page = person.page
        _choose(page, bank, "interlock/next")
        expect(page.locator("#happens li")).not_to_have_count(0)
        page.goto(f"{bank.address}/escalation?level=2")
        expect(page.locator(".policy").first).to_contain_text("全体值班长")
        expect(page.locator(".policy").first).to_contain_text("直到有人接警")
        expect(page.locator("#rota-leaders dl dd").first).to_contain_text(re.compile("Li|Wang"))
        expect(page.locator("#present")).to_have_text("接警台无人在席。")  # a director's page is no desk
        expect(page.locator("#reach")).to_contain_text("无可用通道")


def test_of_optional_steps_and_the_end_one_is_the_main_button(browser: Browser, bank: Served) -> None:
    """One button is blue: the step while one is required, the end once the rest is optional."""
    optional = (ProcedureStep(kind=StepKind.NOTE, text="记录天气", required=False),)
    procedure = Procedure(name="可选", when=When(kinds=("door.held_open",)), step=optional)
    _centre(bank.world).hold_rules(Rules(policy=BUILTIN.policy, procedure=(PROCEDURE, procedure)), version=2)
    for kind, source in (("door.held_open", "door/side"), ("door.forced", "door/outer")):
        bank.world.happens(kind, source, {"door": source.partition("/")[2]})
        _move(bank, source, "wang", Move.ACKNOWLEDGE)
    with desk(browser, bank.address, WANG) as person:
        for source, main in (("door/side", "do-resolve"), ("door/outer", "do-step")):
            _choose(person.page, bank, source)
            expect(person.page.locator("#steps button.main")).to_have_count(1)
            expect(person.page.locator("#steps button.main")).to_have_id(main)


def test_an_address_pasted_into_an_open_desk_opens_its_alarm(browser: Browser, bank: Served) -> None:
    """A colleague's link to an alarm works where the desk is open already."""
    for source in ("interlock/one", "interlock/two"):
        bank.world.dual_open(source)
    with desk(browser, bank.address, WANG) as person:
        _choose(person.page, bank, "interlock/one")
        other = _alarm(bank, "interlock/two").id
        person.page.evaluate("address => location.assign(address)", f"{bank.address}/#{other}")
        expect(person.page.locator(f"#steps[data-of='{other}']")).to_be_visible()


def test_the_desk_reads_the_whole_queue(browser: Browser, bank: Served) -> None:
    """More alarms than one page of the list has: who waits longest is at the desk too, at its head."""
    bank.world.happens("door.held_open", "door/first", {"door": "first"})
    first = _alarm(bank, "door/first").id
    for number in range(501):
        bank.world.happens("door.held_open", f"door/{number}", {"door": str(number)})
    with desk(browser, bank.address, WANG) as person:
        expect(person.page.locator("#count-4")).to_have_text("502")
        expect(person.page.locator("#rows .row").first).to_have_id(f"row-{first}")
