"""Who may try again, and which language a reader gets: the pure parts of the way in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from collector.console.attempts import MOST_FOR_ADDRESS, MOST_FOR_NAME, MOST_KEPT, WINDOW, Attempts
from collector.console.languages import negotiate
from tests.clock import Clock

HERE, THERE = "192.0.2.1", "192.0.2.2"


def _fail(attempts: Attempts, clock: Clock, name: str | None, address: str, times: int) -> None:
    for _ in range(times):
        attempts.failed(name, address, clock.now())


def test_a_name_waits_after_a_few_wrong_passwords(clock: Clock) -> None:
    """It waits until the first of them is old enough, and no longer."""
    attempts = Attempts()
    _fail(attempts, clock, "wang", HERE, MOST_FOR_NAME - 1)
    assert attempts.wait("wang", HERE, clock.now()) is None
    _fail(attempts, clock, "wang", HERE, 1)
    assert attempts.wait("wang", HERE, clock.now()) == WINDOW
    clock.advance(WINDOW)
    assert attempts.wait("wang", HERE, clock.now()) is None


def test_nobody_elsewhere_can_lock_a_name_out(clock: Clock) -> None:
    """Wrong passwords from one address leave the same name free at another, and other names free at the same."""
    attempts = Attempts()
    _fail(attempts, clock, "wang", HERE, MOST_FOR_NAME)
    assert attempts.wait("wang", THERE, clock.now()) is None
    assert attempts.wait("chen", HERE, clock.now()) is None


def test_an_address_that_tries_many_names_waits(clock: Clock) -> None:
    """Spreading guesses over names, or over tokens, does not help; a right password does not clear the address."""
    attempts = Attempts()
    for number in range(MOST_FOR_ADDRESS - 1):
        attempts.failed(f"name-{number}", HERE, clock.now())
    clock.advance(timedelta(seconds=1))
    assert attempts.begin("name-1", HERE, clock.now()) is None
    attempts.succeeded("name-1", HERE, clock.now())
    attempts.failed(None, HERE, clock.now())
    assert attempts.wait("chen", HERE, clock.now()) == WINDOW - timedelta(seconds=1)
    assert attempts.wait(None, HERE, clock.now()) == WINDOW - timedelta(seconds=1)


def test_a_right_password_clears_its_name(clock: Clock) -> None:
    """Who mistypes four times and then gets it right starts anew."""
    attempts = Attempts()
    _fail(attempts, clock, "wang", HERE, MOST_FOR_NAME - 1)
    attempts.succeeded("wang", HERE, clock.now())
    _fail(attempts, clock, "wang", HERE, MOST_FOR_NAME - 1)
    assert attempts.wait("wang", HERE, clock.now()) is None


def test_many_at_once_are_no_way_around_the_limit(clock: Clock) -> None:
    """An attempt counts from its beginning: of forty that begin before one is answered, five may go on."""
    attempts = Attempts()
    begun = [attempts.begin("wang", HERE, clock.now()) for _ in range(40)]
    assert begun.count(None) == MOST_FOR_NAME


def test_memory_stays_bounded(clock: Clock) -> None:
    """A flood of names is forgotten from its oldest end."""
    attempts = Attempts()
    for number in range(2 * MOST_KEPT):
        attempts.failed(f"name-{number}", f"address-{number}", clock.now())
        clock.advance(timedelta(milliseconds=1))
    assert len(attempts._wrong) == MOST_KEPT


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        (("en", "zh-CN"), "en"),
        ((None, None, "zh-CN,zh;q=0.9,en;q=0.8"), "zh-CN"),
        (("fr", "en;q=0.3, zh;q=0.7"), "zh-CN"),
        (("en;q=0, zh",), "zh-CN"),
        (("xx", "", None), "zh-CN"),
        (("en;q=rubbish, en-GB;q=0.1",), "en"),
        (("," * 500 + "en",), "zh-CN"),
    ],
)
def test_the_first_wish_that_is_served_counts(wishes: tuple[str | None, ...], language: str) -> None:
    """What is asked for now, then what was chosen, then what is sent (RFC 9110 12.5.4); Chinese when nothing fits."""
    assert negotiate(*wishes) == language
