"""The live check on a terminal: a table drawn anew where it can be, else a line a change; JSON for a program.

A thin shell around `moves.py`.
"""

import json
import shutil
import sys
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TextIO

from agent.acceptance.plan import Plan, Step
from agent.acceptance.sentences import name_of
from agent.condition_eyes import grave, marked
from agent.live import columns, moves, sentences
from agent.live.moves import Book, Hint, Watched
from agent.signals import State
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HOME: Final = "\x1b[H\x1b[J"
RED, GREEN, BOLD, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
HEAD: Final = N_("{site} {name}: move everything once. This only looks: it switches nothing. Ctrl-C ends.")
GUARDED: Final = N_("The agent guards meanwhile: what is an alarm is one at the centre too. Tell the operator first.")
UNMOVED: Final = N_("Not moved yet; move each, and if nothing shows, look at the wire and the number:")
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
        self._heads: list[str] = []

    @property
    def now_ms(self) -> int:
        """Milliseconds since the beginning."""
        return int(1000 * (time.monotonic() - self._begun))

    def begin(self, site: str, name: str, plan: Plan, *, guarded: bool = False) -> None:
        """Say what is looked at; `guarded`: by a running agent."""
        self._plan = tuple(step for step in plan if step.task in moves.WATCHED)
        self._steps = {step.point: step for step in self._plan}
        self._heads = [self._say(HEAD).format(site=site, name=name), *([self._say(GUARDED)] if guarded else [])]
        if self._mode is Mode.LINES:
            for head in self._heads:
                self._line(head)

    def seen(self, point: str, state: State, cause: str, marks: tuple[str, ...] | None = None) -> None:
        """A point became something; `marks`: what else is true of it, None where that did not change."""
        now_ms, known = self.now_ms, self.book.get(point)
        self.book = moves.seen(self.book, point, state, cause, now_ms, marks)
        step = self._steps.get(point)
        faults = grave(self.book[point].marks)
        if step is None or (known and known.state is state and grave(known.marks) == faults):
            return
        if self._mode is Mode.JSON:
            told = {"marks": list(faults)} if faults else {}
            self._json({"at_ms": now_ms, "point": point, "state": state.value, "cause": cause, **told})
        elif self._mode is Mode.LINES:
            ids, names, *_ = columns.widths(self._texts({}), None)
            text = columns.fitted(step.point, ids) + columns.fitted(name_of(step, self._say), names)
            self._line(f"{now_ms / 1000:7.1f} s  {text}{self._stands(self.book[point])}")

    def _stands(self, known: Watched | None) -> str:
        """A state in words, with the faults that stand."""
        state = self._say((known.state if known else State.UNKNOWN).value)
        faults = [marked(mark).told(self._say) for mark in grave(known.marks)] if known else []
        return ", ".join([state, *faults])

    def draw(self, took_ms: Mapping[str, float | None]) -> None:
        """The whole table, where it is drawn anew."""
        if self._mode is not Mode.TABLE:
            return
        screen = shutil.get_terminal_size()
        now_ms = self.now_ms  # one moment for the whole table: a hint that comes while it is drawn has no room
        head = "\n".join(self._heads)
        rows = [HOME, BOLD, head, PLAIN, "\n"]
        used = sum(columns.height(each, screen.columns) for each in self._heads)
        wide = columns.widths(self._texts(took_ms), screen.columns)
        shown = self._fitting(screen.lines - used - 2, screen.columns, now_ms)
        rows += [f"{self._row(step, took_ms, wide, now_ms)}\n" for step in shown]
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
            wide = columns.widths(self._texts(took_ms), None)
            for step in self._plan:
                if step.task in moves.ANSWERING:
                    self._line(self._row(step, took_ms, wide, now_ms))
        self._line(self._say(LEFT).format(count=len(left), all=len(found)) if left else self._say(ALL_MOVED))
        still = [step for step, hint in left if hint is Hint.STILL]
        for step, hint in left:
            if hint is not Hint.STILL:
                words = sentences.told(step, self.book.get(step.point), hint, self._say)
                self._line(f"  {step.point} {name_of(step, self._say)}: {words}")
        if still:
            self._line(self._say(UNMOVED))
            self._list(still)
        return not left

    def _list(self, steps: list[Step]) -> None:
        texts = [(step.point, name_of(step, self._say), step.wiring) for step in steps]
        wide = columns.widths(texts, None)
        for row in texts:
            self._line("  " + "".join(map(columns.fitted, row, wide)).rstrip())

    def _fitting(self, lines: int, screen: int, now_ms: int) -> Plan:
        """The points that a screen has room for: all in their order, or else what moved last and what looks wrong."""
        hints = {step.point: moves.hint(step, self.book.get(step.point), now_ms) for step in self._plan}
        loud = {point for point, hint in hints.items() if hint not in {None, Hint.STILL}}
        high = {step.point: 1 + self._hint_height(step, hints[step.point], screen) for step in self._plan}
        if sum(high.values()) <= lines:
            return self._plan
        latest = {point: known.recent[-1] if known.recent else -1 for point, known in self.book.items()}
        ranked = sorted(self._plan, key=lambda step: (-latest.get(step.point, -1), step.point not in loud))
        shown: list[Step] = []
        for step in ranked:
            lines -= high[step.point]
            if lines < 0:
                break
            shown.append(step)
        return tuple(shown or ranked[:1])

    def _hint_height(self, step: Step, hint: Hint | None, screen: int) -> int:
        if hint is None or hint is Hint.STILL:
            return 0
        return columns.height(self._hinted(step, hint), screen)

    def _hinted(self, step: Step, hint: Hint) -> str:
        return f"    {sentences.told(step, self.book.get(step.point), hint, self._say)}"

    def _texts(self, took_ms: Mapping[str, float | None]) -> list[tuple[str, ...]]:
        """Every row's columns: id, name, wiring, state, figure."""
        return [self._text(step, took_ms) for step in self._plan]

    def _text(self, step: Step, took_ms: Mapping[str, float | None]) -> tuple[str, ...]:
        known = self.book.get(step.point)
        return (
            step.point,
            name_of(step, self._say),
            step.wiring,
            self._stands(known),
            self._figure(step, known, took_ms),
        )

    def _row(self, step: Step, took_ms: Mapping[str, float | None], wide: tuple[int, ...], now_ms: int) -> str:
        hint = moves.hint(step, self.book.get(step.point), now_ms)
        texts = zip(self._text(step, took_ms), wide, strict=True)
        row = "".join(columns.fitted(text, each) for text, each in texts if each).rstrip()
        if hint is None or self._mode is not Mode.TABLE:
            return f"{GREEN}{row}{PLAIN}" if self._out.isatty() else row
        if hint is Hint.STILL:
            return row
        return f"{RED}{row}\n{self._hinted(step, hint)}{PLAIN}"

    def _figure(self, step: Step, known: Watched | None, took_ms: Mapping[str, float | None]) -> str:
        if step.task in moves.ANSWERING:
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
        if step.task in moves.ANSWERING:
            found["took_ms"] = took_ms.get(step.point)
        return found

    def _json(self, value: object) -> None:
        self._line(json.dumps(value, ensure_ascii=False))

    def _line(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()
