"""Codes: which are taken, which are too weak, what a secret holds, and how wrong ones are counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from agent.arming import lockout
from agent.arming.calendar import within
from agent.arming.codes import PersonCode, opened, tried
from agent.arming.lockout import LOCKED_FOR, TRIES, WITHIN, LockoutState
from agent.secrets import SecretError
from agent.signals import Moment
from protocol.codes import CodeError, check_code, check_pair, read_secret
from protocol.settings import Secret
from protocol.site.schema import Code, SecretName
from tests.branch_hours import SHANGHAI, at
from tests.clock import Clock
from tests.codes import CODE, DURESS, OTHER, hashed


@pytest.mark.parametrize("code", ["482915", "730462", "559102", "194827365018", "100001", "112358"])
def test_an_ordinary_code_will_do(code: str) -> None:
    """Six to twelve digits that are no pattern."""
    check_code(code)


@pytest.mark.parametrize(
    "code",
    [
        *("", "48291", "4829151234567", "48291a", "482915 ", "٤٨٢٩١٥", "-48291"),
        *("000000", "111111", "99999999", "123456", "654321", "345678", "789012", "987654321098"),
        *("121212", "123123", "909090", "482482"),
    ],
)
def test_a_weak_code_is_refused_and_not_repeated(code: str) -> None:
    """Wrong shape, one digit, up and down, patterns: what is tried first; the sentence does not hold it."""
    with pytest.raises(CodeError) as refused:
        check_code(code)
    assert not code or code not in str(refused.value)


def test_a_duress_code_is_another_one() -> None:
    """The code itself would call for help every morning."""
    check_pair(CODE, DURESS)
    for duress in (CODE, "123456", "12"):
        with pytest.raises(CodeError):
            check_pair(CODE, duress)


def test_a_secret_holds_one_hash_or_two() -> None:
    """The code's, and that of the duress code where there is one."""
    one, two = hashed(CODE), hashed(CODE, DURESS)
    assert read_secret(one) == (one, "")
    assert read_secret(two) == tuple(two.split(" "))


_DEAR = PasswordHasher(time_cost=9, memory_cost=8, parallelism=1).hash(CODE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CODE,
        f"{hashed(CODE)} {DURESS}",
        f"{hashed(CODE)} {hashed(DURESS)} {hashed(OTHER)}",
        hashed(CODE).replace("argon2id", "argon2i"),
        hashed(CODE).replace("m=8,", "m=4194304,"),
        hashed(CODE) + "x" * 300,
        _DEAR,
    ],
    ids=["nothing", "a code", "hash and code", "three hashes", "another sort", "much memory", "too long", "slow"],
)
def test_what_is_no_secret_of_ours_is_refused(text: str) -> None:
    """A plain code, too many words, another kind of hash, or one that would keep a box busy for minutes."""
    with pytest.raises(CodeError):
        read_secret(text)


def person(name: str, text: str) -> PersonCode:
    """Somebody with a code."""
    ordinary, duress = read_secret(text)
    return PersonCode(
        entry=Code(person=name, secret=SecretName(secret=f"code-{name}")), ordinary=ordinary, duress=duress
    )


def test_it_is_known_whose_code_it_is_and_which() -> None:
    """The ordinary one, the one for duress, nobody's; and where two have one code, the call for help counts."""
    codes = (person("li-na", hashed(CODE, DURESS)), person("wang-wei", hashed(OTHER)))
    found = [tried(code, codes) for code in (CODE, DURESS, OTHER, "900817")]
    assert [(each.person, each.duress) if each else None for each in found] == [
        ("li-na", False),
        ("li-na", True),
        ("wang-wei", False),
        None,
    ]
    twice = (person("wang-wei", hashed(DURESS)), *codes)
    match = tried(DURESS, twice)
    assert match is not None
    assert (match.person, match.duress) == ("li-na", True)
    assert CODE not in repr(codes)
    assert "argon2" not in repr(codes)


def test_a_code_whose_secret_is_missing_is_nobodys() -> None:
    """Who cannot be tried is named; the others are."""
    entries = [Code(person=name, secret=SecretName(secret=name)) for name in ("here", "pending", "damaged")]

    def open_secret(name: str) -> Secret:
        if name == "pending":
            raise SecretError("the site bundle holds no secret {name}", name=name)
        return Secret(hashed(CODE) if name == "here" else "123456")

    found, without = opened(entries, open_secret)
    assert [each.entry.person for each in found] == ["here"]
    assert without == ("pending", "damaged")


@pytest.mark.parametrize(
    ("when", "inside"),
    [("2026-11-20 21:59", False), ("2026-11-20 22:00", True), ("2026-11-21 05:59", True), ("2026-11-21 06:00", False)],
)
def test_hours_of_a_code_may_go_over_midnight(when: str, inside: bool) -> None:
    """A cleaner's night is one stretch of time."""
    assert within("22:00-06:00", at(when), SHANGHAI) is inside


@given(st.lists(st.integers(min_value=0, max_value=900), max_size=40), st.booleans())
def test_no_ten_minutes_hold_more_than_five_tries(waits: list[int], restarts: bool) -> None:
    """However tries are spread, and whatever restarts: never a sixth that counts within ten minutes of five."""
    clock, state, taken = Clock(), LockoutState(), list[Moment]()
    for wait in waits:
        clock.advance(timedelta(seconds=wait))
        now = Moment(wall=clock.now(), mono_ms=clock.mono_ms())
        if restarts:
            state = lockout.carried(state, now, same_boot=False)
        if lockout.left(state, now):
            assert lockout.counted(state, now) == state  # nobody keeps codes locked by trying on
        else:
            state = lockout.counted(state, now)
            taken.append(now)
    for first, sixth in zip(taken, taken[TRIES:], strict=False):
        assert sixth.since(first) >= min(WITHIN, LOCKED_FOR)


def test_a_clock_that_is_set_back_does_not_unlock() -> None:
    """Over a restart of the machine only wall time is left: going back makes the lock no shorter."""
    clock = Clock()
    state = LockoutState(locked=Moment(wall=clock.now(), mono_ms=clock.mono_ms()))
    back = Moment(wall=clock.now() - timedelta(hours=3), mono_ms=4_000)
    assert lockout.left(lockout.carried(state, back, same_boot=False), back) == LOCKED_FOR
