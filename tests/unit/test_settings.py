"""The strict settings reader: every fault at once, each with its place, and never a secret's value."""

from __future__ import annotations

import ast
import inspect
import re
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from protocol.durations import parse_duration
from protocol.settings import MAX_FAULTS, MAX_SETTINGS_BYTES, Secret, SettingsError, read_settings
from protocol.texts import Said, texts_for
from protocol.toml_syntax import syntax_fault


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(pattern="^[a-z]+$", description="small letters")]
    wait: timedelta = timedelta(seconds=1)
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    password: Secret | None = None


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    corners: tuple[tuple[float, float], ...] = ()


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    on: bool = False
    inner: Inner | None = None
    part: tuple[Part, ...] = ()
    words: Annotated[tuple[str, ...], Meta(max_length=2)] = ()


def faults(text: str | bytes) -> list[str]:
    """Every fault of this text; each has Chinese words too."""
    with pytest.raises(SettingsError) as caught:
        read_settings(text, "x.toml", Whole)
    assert all(re.search(r"[\u4e00-\u9fff]", fault.told(texts_for("zh-CN"))) for fault in caught.value.faults)
    assert str(caught.value).split("\n") == [str(fault) for fault in caught.value.faults]
    return [str(fault) for fault in caught.value.faults]


def test_a_sound_file_becomes_a_frozen_struct() -> None:
    """Values arrive typed: durations, enumerations, nested tables and lists of tables."""
    text = 'name = "n"\non = true\nwords = ["a"]\n[inner]\nshare = 1\n'
    text += '[[part]]\nid = "p"\nwait = "1.5s"\ncolour = "green"\n'
    whole, source = read_settings(text, "x.toml", Whole)
    assert whole == Whole(
        name="n",
        on=True,
        words=("a",),
        inner=Inner(share=1.0),
        part=(Part(id="p", wait=timedelta(seconds=1.5), colour=Colour.GREEN),),
    )
    assert source.line(("part", 0, "wait")) == 8


def test_every_fault_is_told_at_once_with_its_line_and_table() -> None:
    """One run shows an installer everything there is to mend."""
    text = (
        'on = "yes"\nwords = ["a", "b", "c"]\n'
        "[inner]\nshare = 2\ncorners = [[0.1, 0.2],\n  [0.3]]\n"
        '[[part]]\nid = "ok"\nwait = 30\nwat = 1\n[[part]]\ncount = 1.5\ncolour = "gren"\nmode = 1\n'
    )
    assert faults(text) == [
        "x.toml:1: name is missing",
        "x.toml:1: on must be true or false, not a text",
        "x.toml:2: words must have 0 to 2 elements, not 3",
        "x.toml:4: [inner]: share must be a number from 0 to 1",
        "x.toml:6: [inner]: corners[1] must have exactly 2 elements, not 1",
        'x.toml:9: [[part]] ok: wait must be a duration with its unit, like "0.5s", "30s", "2m" or "90d"',
        'x.toml:10: [[part]] ok: unknown key "wat"; did you mean "wait"?',
        "x.toml:11: [[part]] #2: id is missing",
        "x.toml:12: [[part]] #2: count must be a whole number",
        'x.toml:13: [[part]] #2: colour must be one of red, green; did you mean "green"?',
        "x.toml:14: [[part]] #2: mode must be one of a, b",
    ]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ('name = "n"\nname = "m"\n', 2, "not TOML"),
        ("name = \n", 1, "not TOML"),
        ('name = "n"\n[part\n', 2, "not TOML"),
        ("name = 'n'\n\n\nx = [1,\n", 5, "not TOML"),
        ("a = " + "[" * 5000, 1, "nested too deeply"),
        (".".join(["a"] * 20_000) + " = 1", 1, "nested too deeply"),
        ("a = " + "9" * 5000, 1, "cannot be read"),
        (b'name = "n"\n# \xff\n', 2, "not UTF-8"),
        ("#" * (MAX_SETTINGS_BYTES + 1), 1, "larger than 512 KiB"),
    ],
)
def test_what_is_no_toml_is_one_fault_with_its_line(text: str | bytes, line: int, part: str) -> None:
    """A text that cannot be parsed at all still names the place, and never shows a traceback."""
    (fault,) = faults(text)
    assert fault.startswith(f"x.toml:{line}: ")
    assert part in fault


def test_a_secret_is_never_repeated() -> None:
    """Whatever is wrong around a secret, its value does not reach the fault."""
    for value in ('"hunter2\\u0000"', '{ a = "hunter2" }', '["hunter2"]', f'"{"hunter2" * 200}"'):
        (fault,) = faults(f'name = "n"\n[[part]]\nid = "p"\npassword = {value}\n')
        assert "hunter2" not in fault
        assert fault.startswith("x.toml:4: [[part]] p: password must")
    whole, _ = read_settings('name = "n"\n[[part]]\nid = "p"\npassword = "hunter2"\n', "x.toml", Whole)
    assert whole.part[0].password == "hunter2"
    assert "hunter2" not in repr(whole)


def test_the_whole_is_checked_even_where_a_part_is_wrong() -> None:
    """References and shapes are told in one run, and of one place only one thing."""

    def check(whole: Whole) -> list[tuple[tuple[str | int, ...], Said]]:
        return [(("part", index, "id"), Said("judged")) for index in range(len(whole.part))]

    with pytest.raises(SettingsError) as caught:
        read_settings('[[part]]\nid = "A"\n[[part]]\nid = "b"\n', "x.toml", Whole, check)
    assert [str(fault) for fault in caught.value.faults] == [
        "x.toml:1: name is missing",
        "x.toml:2: [[part]] A: id must be small letters",
        "x.toml:4: [[part]] b: judged",
    ]


def test_a_hopeless_file_ends_after_so_many_faults() -> None:
    """A wrong file of thousands of lines costs neither minutes nor a screen without end."""
    assert len(faults("\n".join(f"k{number} = 1" for number in range(20_000)))) == MAX_FAULTS


def _sentences_of_the_parser() -> list[str]:
    """What tomllib can complain of, read out of its source; what is filled in is an X."""
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(import_module("tomllib._parser")))):
        match node:
            case ast.Call(func=ast.Name(id="suffixed_err"), args=[_, _, ast.Constant(value=str(text))]):
                found.append(text)
            case ast.Call(func=ast.Name(id="suffixed_err"), args=[_, _, ast.JoinedStr(values=parts)]):
                found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in parts))
    return sorted(set(found))


@pytest.mark.parametrize("sentence", _sentences_of_the_parser())
def test_what_the_parser_says_has_a_chinese_twin(sentence: str) -> None:
    """English as the parser says it, Chinese for a Chinese installer."""
    fault = syntax_fault(sentence)
    assert str(fault) == sentence
    assert re.search(r"[\u4e00-\u9fff]", fault.told(texts_for("zh-CN")))


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 s", "1w", "1s2", "99999d", "1.2345s", "٣s"])
def test_a_duration_needs_number_and_unit(text: str) -> None:
    """`30` is not thirty seconds: what is not said is not guessed."""
    with pytest.raises(ValueError, match="must"):
        parse_duration(text)


def test_positions_follow_toml_everywhere_keys_can_stand() -> None:
    """Dotted, quoted and inline keys, sub-tables of lists: each is found on its own line."""
    text = 'name = "n"\ninner.share = 3\n"part" = [{ id = "a" },\n { id = "B" },\n]\n'
    assert faults(text) == [
        "x.toml:2: [inner]: share must be a number from 0 to 1",
        "x.toml:4: [[part]] B: id must be small letters",
    ]
