"""The approve page in Chromium with a security key that the browser plays, before a real console.

With BRANCHWATCH_PICTURES=1 the pictures of the documents are taken again on the way.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, CDPSession, Page, expect

from collector.registering import registrations_of
from ordering.asking import Console
from ordering.drafts import Draft
from ordering.giving import Hand, How, approve
from ordering.key_words import register_security_key
from ordering.settings import Access
from ordering.terminal import Terminal
from protocol.approvals import verify_approval
from protocol.messages import decode_order
from protocol.orders import split_order
from protocol.registration import spoken_key
from protocol.roster import PersonKey, RosterPerson
from protocol.texts import texts_for
from tests.browser.served import Served
from tests.bundles import SITE, Bureau, key, spki
from tests.orders import EVERYTHING, PEOPLE, OrderWorld, signed

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
BUREAU = Bureau()
CREDENTIAL = b"officer-zhao-blue"
NUMBER = 77
"""Of the security key's private key."""
KEY = PersonKey(
    id="zhao-blue",
    kind="webauthn",
    public_key=b64encode(spki(key(NUMBER).public_key())).decode(),
    may=EVERYTHING,
    rp_id="localhost",
    origin="http://localhost",
    credential=b64encode(CREDENTIAL).decode().replace("+", "-").replace("/", "_").rstrip("="),
)
WITH_KEY = (
    RosterPerson(id="zhao", name="Zhao", roles=("security-officer",), keys=(*PEOPLE[0].keys, KEY)),
    *PEOPLE[1:],
)


@dataclass
class Ordering:
    """A console whose branch knows the officer's security key, and commands that serve pages."""

    world: OrderWorld
    served: Served
    port: int

    @contextmanager
    def command(self, work: Callable[[Console, Terminal], int]) -> Iterator[tuple[str, list[int]]]:
        """A command that runs beside the browser: the address it shows, and its exit code once it has ended."""
        told: Queue[str] = Queue()
        codes: list[int] = []

        class Out:
            def write(self, text: str) -> int:
                told.put(text)
                return len(text)

            def flush(self) -> None:
                pass

            def isatty(self) -> bool:
                return False

        def run() -> None:
            with self.console("zhao") as console:
                codes.append(work(console, Terminal(texts=texts_for("en"), out=Out(), beside=Out())))  # type: ignore[arg-type]

        thread = Thread(target=run, name="command")
        thread.start()
        try:
            yield _address(told), codes
        finally:
            thread.join(15)
            assert not thread.is_alive()

    def approving(self, order: str) -> Any:
        """`branchwatch order approve ID --no-wait`."""
        return self.command(
            lambda console, terminal: approve(
                Hand(
                    console=console,
                    terminal=terminal,
                    now=self.now,
                ),
                order,
                How(page=True, port=self.port, wait=False),
            )
        )

    def now(self) -> datetime:
        """The officer's clock."""
        return self.world.centre.now.astimezone(ZoneInfo("Asia/Shanghai"))

    def drafted(self, action: str, **args: Any) -> Draft:
        """An order at the centre."""
        with self.console("zhao") as console:
            return console.draft({"site": SITE, "action": action, "args": args})

    def console(self, who: str) -> Console:
        """The centre, asked by somebody."""
        return Console(Access(address=self.served.address, token=f"token-{who}"), "en")


def _address(told: Queue[str]) -> str:
    while True:
        line = told.get(timeout=15)
        if "http://localhost:" in line:
            return line[line.index("http://localhost:") :].strip()


@pytest.fixture
def ordering(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Ordering]:
    """The officer's machine and the centre."""
    world = OrderWorld(tmp_path, BUREAU)
    world.deliver(2, roster=world.roster(2, *WITH_KEY))
    world.centre.take(world.box.beat(challenge="fresh-2"))
    served = Served(world, free_port())
    served.start()
    yield Ordering(world, served, free_port())
    served.stop()
    world.close()


@dataclass
class Seen:
    """A page, its security key, and whom it asked."""

    page: Page
    devtools: CDPSession
    authenticator: str
    asked: set[str]


@contextmanager
def _browser(
    browser: Browser, address: str, *, language: str = "en", held: bool = True, **options: Any
) -> Iterator[Seen]:
    context = browser.new_context(locale=language, viewport={"width": 900, "height": 760}, device_scale_factor=2)
    page = context.new_page()
    problems: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: asked.add("/".join(request.url.split("/")[:3])))
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    authenticator = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **options,
    }
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})["authenticatorId"]
    if held:
        private = key(NUMBER).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        credential = {
            "credentialId": b64encode(CREDENTIAL).decode(),
            "isResidentCredential": False,
            "rpId": "localhost",
            "privateKey": b64encode(private).decode(),
            "signCount": 0,
        }
        devtools.send("WebAuthn.addCredential", {"authenticatorId": made, "credential": credential})
    page.goto(address)
    yield Seen(page, devtools, made, asked)
    assert not problems, problems
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
    context.close()


def _picture(page: Page, name: str) -> None:
    if os.environ.get("BRANCHWATCH_PICTURES"):
        page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", full_page=True)


def test_an_order_is_read_and_approved_with_a_security_key(browser: Browser, ordering: Ordering) -> None:
    """Big and plain what the line says, that it weakens; a touch of the key, and the box gets exactly that approval."""
    order = ordering.drafted("disarm", partition="hall")
    with ordering.approving(order.id) as (address, codes), _browser(browser, address) as seen:
        page = seen.page
        expect(page.locator("h1")).to_have_text("Disarm partition hall.")
        expect(page.locator("#danger")).to_contain_text("weakens protection")
        expect(page.locator("#place")).to_have_text(f"Site {SITE} · box {SITE}-a")
        expect(page.locator("#names")).to_contain_text("partition/hall: 营业大厅 (the centre says)")
        _picture(page, "order-approve")
        page.locator("#language").click()
        expect(page.locator("h1")).to_have_text("对布防分区 hall 撤防。")
        _picture(page, "order-approve-zh")
        page.get_by_role("button", name="用安全密钥批准").click()
        expect(page.locator("#said")).to_contain_text("指令已发出")
        expect(page.locator("#sign")).to_be_hidden()
        assert seen.asked <= {address[: address.index("/", 8)], "data:"}
    assert codes == [0]
    (post,) = ordering.world.outgoing.take()
    line, (approval,) = split_order(post.payload)  # type: ignore[union-attr]
    verify_approval(approval, line, KEY)
    assert (approval.person, approval.credential, decode_order(line).id) == ("zhao", "zhao-blue", order.id)


def test_the_second_of_two_people(browser: Browser, ordering: Ordering) -> None:
    """The cash area needs two: the page says whom it waits for, and that one has approved already."""
    order = ordering.drafted("disarm", partition="cash")
    with ordering.console("li") as console:
        console.approve(signed({"line": order.line, "id": order.id}, "li"))
    with ordering.approving(order.id) as (address, codes), _browser(browser, address) as seen:
        expect(seen.page.locator("#rows")).to_contain_text("li (the centre says)")
        seen.page.locator("#sign").click()
        expect(seen.page.locator("#said")).to_contain_text("on its way")
    assert codes == [0]
    (post,) = ordering.world.outgoing.take()
    assert {each.person for each in split_order(post.payload)[1]} == {"li", "zhao"}  # type: ignore[union-attr]


def test_a_person_who_does_not_want_to(browser: Browser, ordering: Ordering) -> None:
    """Nothing is signed, the command ends, and says so by its exit code."""
    order = ordering.drafted("arm", partition="cash")
    with ordering.approving(order.id) as (address, codes), _browser(browser, address) as seen:
        expect(seen.page.locator("#order")).to_have_class("guards")
        seen.page.locator("#decline").click()
        expect(seen.page.locator("#problem")).to_contain_text("Nothing was signed")
    assert codes == [1]
    assert ordering.world.outgoing.take() == []


def test_a_security_key_without_pin_or_a_foreign_one(browser: Browser, ordering: Ordering) -> None:
    """The page says in words what is asked for, and stays for another try."""
    order = ordering.drafted("disarm", partition="hall")
    with ordering.approving(order.id) as (address, codes), _browser(browser, address, held=False) as seen:
        seen.page.locator("#sign").click()
        expect(seen.page.locator("#problem")).to_contain_text("PIN or finger")
        expect(seen.page.locator("#sign")).to_be_enabled()
        seen.page.locator("#decline").click()
        expect(seen.page.locator("#problem")).to_contain_text("Nothing was signed")
    assert codes == [1]


def test_the_address_opens_once(browser: Browser, ordering: Ordering) -> None:
    """The first browser goes on after a reload; a second one with the same address is refused."""
    order = ordering.drafted("arm", partition="cash")
    with ordering.approving(order.id) as (address, _), _browser(browser, address) as seen:
        seen.page.reload()
        expect(seen.page.locator("h1")).to_have_text("Arm partition cash, away.")
        other = browser.new_context()
        answer = other.new_page().goto(address)
        assert answer is not None
        assert answer.status == 403
        assert "opened it already" in answer.text()
        other.close()
        seen.page.locator("#decline").click()
        expect(seen.page.locator("#problem")).to_contain_text("Nothing was signed")


def test_a_security_key_is_registered_and_approves(browser: Browser, ordering: Ordering) -> None:
    """Made on this machine's page, for such pages; on the desk's list with the fingerprint that the page tells."""

    def work(console: Console, terminal: Terminal) -> int:
        return register_security_key(console, "blue", ordering.port, terminal)

    with ordering.command(work) as (address, codes), _browser(browser, address, held=False) as seen:
        expect(seen.page.locator("#title")).to_have_text("Register a security key for approving orders")
        seen.page.locator("#sign").click()
        expect(seen.page.locator("#said")).to_contain_text("Registered. Its fingerprint: ")
        told = seen.page.locator("#said").inner_text()
    assert codes == [0]
    with ordering.world.centre.store.read() as reading:
        (kept,) = registrations_of(reading)
    assert (kept.person, kept.kind, kept.rp_id, kept.origin) == ("zhao", "webauthn", "localhost", "http://localhost")
    assert spoken_key(b64decode(kept.public_key)) in told
