"""The walk test on the command line: one instruction at a time, one line a point that is done. A thin shell.

What is typed goes to the session, what changes there is printed; it decides nothing.
"""

import asyncio
import threading
import unicodedata
from collections.abc import Callable
from typing import Final, TextIO

from agent.acceptance import sentences
from agent.acceptance.installer import Installer
from agent.acceptance.plan import Step, Task
from agent.acceptance.progress import DONE, OUTPUTS, Stage, is_number, red
from agent.acceptance.session import Act, Session
from agent.acceptance.summary import BOLD, GREEN, PLAIN, RED, summary
from protocol.texts import LANGUAGES, Texts, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_TYPED: Final = 64
"""Characters of one typed line that are looked at."""

INTRODUCTION: Final = (
    N_("Walk test of {site} {name}, box {box}: {count} points."),
    N_("Meanwhile everything goes on as always: what is an alarm is one at the centre too. Tell the operator first."),
    N_("The box notices doors, buttons and zones by itself, in any order."),
    N_("Enter goes on, y and n answer, l puts off, x says that it does not work, ? lists everything,"),
    N_("a POINT takes that one now, or once more; e ends and signs, q stops and keeps what was found."),
)
KEYS: Final = INTRODUCTION[-2:]
UNWATCHED: Final = N_("{count} points cannot be tested by this version.")
ALONE: Final = N_(
    "No installer's key was given: only the box will sign the record. To sign too: q, and --installer-key."
)
ALL_DONE: Final = N_("Everything that can be tested is done. e ends the walk test and signs its record.")
SURE: Final = N_("Failed: {failed}, untested: {untested}; they stay red in the record. End all the same? y or n")
STOPPED: Final = N_("Stopped; what was found is kept. Go on with the same command and --resume.")
LOST: Final = N_("The box's agent no longer answers; what was found is kept. Start it, then go on with --resume.")
STORED: Final = N_("The record is stored in {file}.")
NOT_A_POINT: Final = N_("There is no point {point} in this walk test; ? lists them.")

DONE_WORD, STOPPED_WORD, LOST_WORD = "done", "stopped", "lost"


class Terminal:
    """One terminal at one session."""

    def __init__(self, session: Session, say: Texts, out: TextIO, installer: Installer | None) -> None:
        self._session = session
        self._say = say
        self._out = out
        self._installer = installer
        self._shown: tuple[str, str] = ("", "")
        self._known = dict(session.progress.stages)
        self._sure = False
        self._refused = 0

    async def run(self, typed: "asyncio.Queue[str | None]", ended: asyncio.Event) -> str:
        """Lead through the test until it is ended here or elsewhere, stopped, or the box is gone."""
        self._introduce()
        self._show()
        typing = asyncio.ensure_future(typed.get())
        ending = asyncio.ensure_future(ended.wait())
        try:
            while True:
                changing = asyncio.ensure_future(self._session.changed.wait())
                await asyncio.wait({typing, changing, ending}, return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
                self._session.changed.clear()
                if typing.done():
                    line = typing.result()
                    if line is None or line.strip() == "q":
                        self._line(self._say(STOPPED))
                        return STOPPED_WORD
                    await self._typed(line.strip()[:MAX_TYPED])
                    typing = asyncio.ensure_future(typed.get())
                self._show()
                if self._session.finished:
                    self._summarise()
                    return DONE_WORD
                if self._session.lost:
                    self._line(self._say(LOST), RED)
                    return LOST_WORD
        finally:
            typing.cancel()
            ending.cancel()

    def _introduce(self) -> None:
        session = self._session
        for text in INTRODUCTION:
            self._line(
                self._say(text).format(
                    site=session.about.site,
                    name=session.about.name,
                    box=session.about.box,
                    count=len(session.plan),
                )
            )
        if count := session.progress.count(Stage.UNWATCHED):
            self._line(self._say(UNWATCHED).format(count=count), RED)
        if self._installer is None:
            self._line(self._say(ALONE), RED)

    async def _typed(self, line: str) -> None:
        step, word = self._session.current, line.lower()
        if self._sure:
            self._sure = False
            if word in _YES:
                await self._session.finish(self._installer)
            return
        if word == "?":
            self._list()
        elif word == "e":
            await self._end()
        elif word.startswith("a "):
            await self._again(word[2:].strip())
        elif step is not None:
            await self._about(step, word)
            self._shown = ("", "")  # whoever typed something is told again what is next

    async def _about(self, step: Step, word: str) -> None:
        stage = self._session.progress.stages[step.point]
        if word in _YES and stage is Stage.MOVED and step.task in OUTPUTS:
            await self._session.act(Act.YES, step.point)
        elif (word in _NO and stage in {Stage.MOVED, Stage.ASKED} and step.task in OUTPUTS) or word == "x":
            await self._session.act(Act.NO, step.point)
        elif word == "l":
            await self._session.act(Act.LATER, step.point)
        elif step.task is Task.READ_OUT and stage is Stage.ASKED and is_number(unicodedata.normalize("NFKC", word)):
            await self._session.act(Act.NUMBER, step.point, word)
        elif word in {"", *_YES} and (step.task in OUTPUTS or step.task is Task.READ_OUT):
            await self._session.act(Act.GO, step.point)
        elif word:
            for text in KEYS:
                self._line(self._say(text))

    async def _again(self, point: str) -> None:
        if point in self._session.steps:
            await self._session.act(Act.AGAIN, point)
            self._known[point] = self._session.progress.stages[point]
        else:
            self._line(self._say(NOT_A_POINT).format(point=point), RED)

    async def _end(self) -> None:
        failed, untested = red(self._session.progress)
        if failed or untested:
            self._sure = True
            self._line(self._say(SURE).format(failed=failed, untested=untested), BOLD)
        else:
            await self._session.finish(self._installer)

    def _show(self) -> None:
        """What is new: results, then a refusal, then what to do now."""
        session, say = self._session, self._say
        for each in session.plan:
            stage = session.progress.stages[each.point]
            if stage is not self._known[each.point] and stage in DONE:
                colour = GREEN if stage is Stage.PASSED else RED
                self._line(f"  {sentences.name_of(each, say)}: {sentences.result(stage, say)}", colour)
            self._known[each.point] = stage
        if session.problem and session.refused != self._refused:
            self._line(sentences.refusal(session.problem, say), RED)
        self._refused = session.refused
        if session.finished or session.lost or self._sure:
            return
        step = session.current
        shown = (
            (sentences.instruction(step, session.progress, say), sentences.hint(step, session.progress, say))
            if step
            else (say(ALL_DONE), "")
        )
        if shown != self._shown:
            self._shown = shown
            done = sum(stage in DONE for stage in session.progress.stages.values())
            self._line(f"[{done}/{len(session.plan) - session.progress.count(Stage.UNWATCHED)}] {shown[0]}", BOLD)
            if shown[1]:
                self._line(f"  {shown[1]}", RED)

    def _list(self) -> None:
        for step in self._session.plan:
            stage = self._session.progress.stages[step.point]
            colour = {Stage.PASSED: GREEN}.get(stage, RED)
            name = sentences.name_of(step, self._say)
            self._line(f"  {step.point:<24} {name}: {sentences.result(stage, self._say)}", colour)

    def _summarise(self) -> None:
        finished = self._session.finished
        assert finished is not None  # noqa: S101 - asked by the caller
        for language in LANGUAGES:
            for colour, line in summary(finished, self._session.steps, texts_for(language)):
                self._line(line, colour)
        self._line(self._say(STORED).format(file=finished.file))

    def _line(self, text: str, colour: str = "") -> None:
        coloured = bool(colour) and self._out.isatty()
        self._out.write(f"{colour}{text}{PLAIN}\n" if coloured else f"{text}\n")
        self._out.flush()


def typed_lines(source: TextIO, loop: asyncio.AbstractEventLoop) -> "asyncio.Queue[str | None]":
    """What is typed, line by line, then None: read by a thread that ends with the process."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def hand_over(line: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        try:
            while line := source.readline(1024):
                hand_over(line)
        except (OSError, ValueError):
            pass
        hand_over(None)

    threading.Thread(target=read, name="typed", daemon=True).start()
    return lines


Reader = Callable[[TextIO, asyncio.AbstractEventLoop], "asyncio.Queue[str | None]"]

_YES: Final = frozenset({"y", "yes", "是", "好"})
_NO: Final = frozenset({"n", "no", "否", "不"})
