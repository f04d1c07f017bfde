"""The live check on a terminal: a table drawn anew where it can be, else a line a change; JSON for a program.

A thin shell around `moves.py`.
"""

import json
import shutil
import sys
import time
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TextIO

from agent.acceptance.plan import Plan, Step, Task
from agent.acceptance.sentences import name_of
from agent.live import moves, sentences
from agent.live.moves import Book, Hint, Watched
from agent.signals import State
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HOME: Final = "\x1b[H\x1b[J"
RED, GREEN, BOLD, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
HEAD: Final = N_("{site} {name}: move everything once. Nothing is switched, nothing is recorded. Ctrl-C ends.")
ALL_MOVED: Final = N_("Everything answers and has moved.")
LEFT: Final = N_("{count} of {all} still to be looked at:")
MORE: Final = N_("and {n} more")
TIMES: Final = N_("{count} times")
TAKES: Final = N_("answers in {ms} ms")


class Mode(StrEnum):
    """How it is shown."""

    TABLE = "table"
    LINES = "lines"
    JSON = "json"


class Showing:
    """One terminal, from the first state to the last hint."""

    def __init__(self, mode: Mode, say: Texts, out: TextIO | None = None) -> None:
        self.book: Book = {}
        self._mode = mode
        self._say = say
        self._out = out or sys.stdout
        self._begun = time.monotonic()
        self._steps: dict[str, Step] = {}
        self._plan: Plan = ()

    @property
    def now_ms(self) -> int:
        """Milliseconds since the beginning."""
        return int(1000 * (time.monotonic() - self._begun))

    def begin(self, site: str, name: str, plan: Plan) -> None:
        """Say what is looked at."""
        self._plan = tuple(step for step in plan if step.task in moves.WATCHED)
        self._steps = {step.point: step for step in self._plan}
        self._head = self._say(HEAD).format(site=site, name=name)
        if self._mode is Mode.LINES:
            self._line(self._head)

    def seen(self, point: str, state: State, cause: str) -> None:
        """A point became something."""
        now_ms, known = self.now_ms, self.book.get(point)
        self.book = moves.seen(self.book, point, state, cause, now_ms)
        step = self._steps.get(point)
        if step is None or (known and known.state is state):
            return
        if self._mode is Mode.JSON:
            self._json({"at_ms": now_ms, "point": point, "state": state.value, "cause": cause})
        elif self._mode is Mode.LINES:
            text = f"{now_ms / 1000:7.1f} s  {_wide(step.point, 24)}{_wide(name_of(step, self._say), 24)}"
            self._line(f"{text}{self._say(state.value)}")

    def draw(self, took_ms: Mapping[str, float | None]) -> None:
        """The whole table, where it is drawn anew."""
        if self._mode is not Mode.TABLE:
            return
        rows = [HOME, BOLD, self._head, PLAIN, "\n"]
        shown = self._fitting(shutil.get_terminal_size().lines - 3)
        rows += [f"{self._row(step, took_ms)}\n" for step in shown]
        if len(shown) < len(self._plan):
            rows.append(self._say(MORE).format(n=len(self._plan) - len(shown)))
        self._out.write("".join(rows))
        self._out.flush()

    def end(self, took_ms: Mapping[str, float | None]) -> bool:
        """What is left to look at; whether that is nothing."""
        now_ms = self.now_ms
        found = [(step, moves.hint(step, self.book.get(step.point), now_ms)) for step in self._plan]
        left = [(step, hint) for step, hint in found if hint]
        if self._mode is Mode.JSON:
            self._json(
                {
                    "at_ms": now_ms,
                    "sound": not left,
                    "points": [self._summary(step, hint, took_ms) for step, hint in found],
                }
            )
            return not left
        if self._mode is Mode.LINES:
            for step in self._plan:
                if step.task is Task.ANSWER:
                    self._line(self._row(step, took_ms))
        self._line(self._say(LEFT).format(count=len(left), all=len(found)) if left else self._say(ALL_MOVED))
        for step, hint in left:
            words = sentences.told(step, self.book.get(step.point), hint, self._say)
            self._line(f"  {step.point} {name_of(step, self._say)}: {words}")
        return not left

    def _fitting(self, lines: int) -> Plan:
        """The points that a screen has room for: all in their order, or else what moved last and what looks wrong."""
        now_ms = self.now_ms
        hints = {step.point: moves.hint(step, self.book.get(step.point), now_ms) for step in self._plan}
        loud = {point for point, hint in hints.items() if hint not in {None, Hint.STILL}}
        if len(self._plan) + len(loud) <= lines:
            return self._plan
        latest = {point: known.recent[-1] if known.recent else -1 for point, known in self.book.items()}
        ranked = sorted(self._plan, key=lambda step: (-latest.get(step.point, -1), step.point not in loud))
        return tuple(ranked[: max(1, lines // 2)])

    def _row(self, step: Step, took_ms: Mapping[str, float | None]) -> str:
        known = self.book.get(step.point)
        hint = moves.hint(step, known, self.now_ms)
        state = self._say((known.state if known else State.UNKNOWN).value)
        columns = (
            f"{_wide(step.point, 24)}{_wide(name_of(step, self._say), 24)}{_wide(step.wiring, 18)}{_wide(state, 9)}"
        )
        columns += self._figure(step, known, took_ms)
        if hint is None or self._mode is not Mode.TABLE:
            return f"{GREEN}{columns}{PLAIN}" if self._out.isatty() else columns
        if hint is Hint.STILL:
            return columns
        return f"{RED}{columns}\n    {sentences.told(step, known, hint, self._say)}{PLAIN}"

    def _figure(self, step: Step, known: Watched | None, took_ms: Mapping[str, float | None]) -> str:
        if step.task is Task.ANSWER:
            took = took_ms.get(step.point)
            return "" if took is None else self._say(TAKES).format(ms=f"{took:.1f}")
        return self._say(TIMES).format(count=known.moves) if known and known.moves else ""

    def _summary(self, step: Step, hint: Hint | None, took_ms: Mapping[str, float | None]) -> dict[str, object]:
        known = self.book.get(step.point, Watched())
        found: dict[str, object] = {
            "point": step.point,
            "name": step.name,
            "wiring": step.wiring,
            "state": known.state.value,
            "moves": known.moves,
            "hint": hint.value if hint else None,
        }
        if hint:
            found["words"] = sentences.told(step, self.book.get(step.point), hint, self._say)
        if step.task is Task.ANSWER:
            found["took_ms"] = took_ms.get(step.point)
        return found

    def _json(self, value: object) -> None:
        self._line(json.dumps(value, ensure_ascii=False))

    def _line(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()


def _wide(text: str, columns: int) -> str:
    """`text` in so many columns of a terminal, where a Chinese character takes two."""
    width = sum(2 if unicodedata.east_asian_width(each) in {"W", "F"} else 1 for each in text)
    return text + " " * max(1, columns - width)
