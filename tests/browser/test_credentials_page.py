"""The page of a person's keys in a real browser, with a security key that Chromium plays."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser.chromium import desk
from tests.browser.served import Served
from tests.console import PASSWORD


def test_a_security_key_is_registered_in_the_browser(browser: Browser, served: Served) -> None:
    """A person plugs in a security key, registers it, reads its fingerprint, and takes it off the list again."""
    with desk(browser, served.address, ("zhao", PASSWORD), language="en") as seen:
        page = seen.page
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        authenticator = {
            "protocol": "ctap2",
            "transport": "usb",
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
        page.goto(f"{served.address}/credentials")
        page.fill("#security-key [name=name]", "blue key")
        page.click("#security-key button")
        page.wait_for_selector("tbody tr")
        cells = page.locator("tbody tr td").all_inner_texts()
        assert cells[:2] == ["blue key", "Security key"]
        assert len(cells[2].split()) == 8
        page.click("[data-remove]")
        page.wait_for_selector(".none")


def test_without_a_security_key_the_person_is_told_what_to_do(browser: Browser, served: Served) -> None:
    """An authenticator that cannot verify its user registers nothing, and the page says what is asked for."""
    with desk(browser, served.address, ("zhao", PASSWORD), language="en") as seen:
        page = seen.page
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        weak = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": weak})
        page.goto(f"{served.address}/credentials")
        page.fill("#security-key [name=name]", "old key")
        page.click("#security-key button")
        page.locator("#wrong", has_text="PIN or finger").wait_for()
        assert page.locator("tbody tr").count() == 0
