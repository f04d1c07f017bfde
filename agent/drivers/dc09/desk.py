"""The receiver's judgement, whole: a frame in, what must be kept and what is answered then. Pure state, no I/O.

`driver.py` keeps what this says and only then sends the answer; it gives time and chance.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from agent.arming.commands import Command
from agent.arming.panel_moves import NotObeyedError, PanelMove, command_of
from agent.drivers.dc09 import session as sessions
from agent.drivers.dc09.config import PanelWiring
from agent.drivers.dc09.judging import ANSWERS, Account, Verdict, Word, judge
from agent.drivers.dc09.keys import PanelKey
from agent.drivers.dc09.meaning import Said, meaning_of, zones_heard, zones_lost
from agent.drivers.dc09.memory import (
    Novelty,
    PanelMemory,
    decode_memory,
    encode_memory,
    observe_frame,
    observe_padding,
)
from agent.drivers.dc09.places import Places
from agent.drivers.dc09.session import Session, Turn
from agent.findings import Finding
from agent.signals import Moment, Signal
from protocol.dc09 import replies
from protocol.dc09.replies import Reply
from protocol.site.schema import Partition

KEY: Final = "dc09/{panel}"
"""Under which a panel's memory is stored."""

NOT_FOLLOWED: Final = "not_followed"
"""Most areas of most panels are nobody's: nothing to tell."""

NOT_HEARD: Final = "not heard of for {seconds:g} s"


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a frame: keep it, then answer."""

    verdict: Verdict
    signals: tuple[Signal, ...] = ()
    findings: tuple[Finding, ...] = ()
    commands: tuple[Command, ...] = ()
    remember: Mapping[str, bytes] = {}
    answer: bytes = b""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to keep and nothing to answer."""
        return not (self.signals or self.findings or self.commands or self.remember or self.answer)


class Desk:
    """All panels of one box. `saved`: what the last run remembered; `keys`: as `open_keys` gives them.

    `partitions`: those of the site, of which some follow a panel's openings and closings.
    """

    def __init__(
        self,
        panels: Iterable[PanelWiring],
        keys: Mapping[str, PanelKey | str],
        saved: Mapping[str, bytes],
        now: Moment,
        partitions: Sequence[Partition] = (),
    ) -> None:
        self._partitions = tuple(partitions)
        self._panels = {panel.id: panel for panel in panels}
        self._accounts = {
            panel.account: Account(panel=panel, key=keys.get(panel.id)) for panel in self._panels.values()
        }
        self._memory: dict[str, PanelMemory] = {
            panel: decode_memory(saved.get(KEY.format(panel=panel))) for panel in self._panels
        }
        self._sessions = {panel: Session(since=now) for panel in self._panels}
        self._places = {panel.id: Places(panel.device) for panel in self._panels.values()}
        self.counts: dict[str, int] = dict.fromkeys(Word, 0)
        """Frames by what they were."""

    def take(self, data: bytes, where: str, now: Moment, chance: bytes) -> Due:
        """What follows from one frame that came from `where`."""
        verdict = judge(data, self._accounts, now.wall)
        panel = verdict.panel
        if panel is None:
            return self._counted(Due(verdict=verdict, findings=self._rejected(verdict, where, now)), now, chance)
        novelty = Novelty.NEW
        memory, verdict = self._padded(self._memory[panel.id], verdict)
        if verdict.events:
            memory, novelty = observe_frame(
                memory,
                verdict.frame.sequence,
                verdict.digest,
                in_time=verdict.word is Word.SOUND,
                now=now.wall,
                tail=verdict.tail,
            )
            if novelty is Novelty.COPIED:
                verdict = msgspec.structs.replace(verdict, word=Word.COPIED)
        self._sessions[panel.id], turn, findings = sessions.observe_verdict(
            self._sessions[panel.id], panel, verdict, now
        )
        signals = zones_heard(panel, self._memory[panel.id], now) if turn is Turn.FOUND else ()
        if not verdict.taken:
            findings += self._rejected(verdict, where, now)
            return self._counted(Due(verdict=verdict, signals=signals, findings=findings), now, chance)
        due = Due(verdict=verdict, signals=signals, findings=findings)
        if verdict.events and novelty is not Novelty.REPEAT:
            due = self._said(due, panel, memory, novelty, now)
        return self._counted(due, now, chance)

    def _padded(self, memory: PanelMemory, verdict: Verdict) -> tuple[PanelMemory, Verdict]:
        """Whether the frame is padded as this panel pads; a link test teaches nothing, and is judged as any."""
        if verdict.key is None or not verdict.taken:
            return memory, verdict
        in_time = verdict.word is Word.SOUND and verdict.events
        memory, fits = observe_padding(memory, verdict.key.value, verdict.padded_in_text, in_time=in_time)
        return memory, verdict if fits else msgspec.structs.replace(verdict, word=Word.FORGED)

    def look(self, now: Moment) -> tuple[Signal, ...]:
        """Panels that are overdue."""
        found: list[Signal] = []
        for name, panel in self._panels.items():
            self._sessions[name], turn = sessions.observe_time(self._sessions[name], panel, now)
            if turn is Turn.LOST and panel.supervision is not None:
                found += zones_lost(panel, now, NOT_HEARD.format(seconds=panel.supervision.total_seconds()))
        return tuple(found)

    def wake_at(self) -> int | None:
        """Monotonic milliseconds at which to `look`."""
        due = (sessions.wake_at(self._sessions[name], panel) for name, panel in self._panels.items())
        return min((each for each in due if each is not None), default=None)

    def _said(self, due: Due, panel: PanelWiring, memory: PanelMemory, novelty: Novelty, now: Moment) -> Due:
        verdict = due.verdict
        in_time = verdict.word is Word.SOUND
        said = Said(
            at=now,
            proven=verdict.proven,
            in_time=in_time,
            legible=verdict.legible,
            clock_off_s=None if in_time else verdict.off_s,
        )
        found = meaning_of(panel, memory, verdict.reports, said)
        told = novelty is Novelty.NEW
        commands, refused = self._obeyed(verdict, found.moves, now)
        self._memory[panel.id] = found.memory if told else memory
        return msgspec.structs.replace(
            due,
            signals=(*due.signals, *found.signals) if told else due.signals,
            findings=(*due.findings, *self._places[panel.id].told(found.findings), *refused) if told else due.findings,
            commands=commands,
            remember={KEY.format(panel=panel.id): encode_memory(self._memory[panel.id])},
        )

    def _obeyed(
        self, verdict: Verdict, moves: Iterable[PanelMove], now: Moment
    ) -> tuple[tuple[Command, ...], tuple[Finding, ...]]:
        commands: list[Command] = []
        refused: list[Finding] = []
        for move in moves:
            try:
                commands.append(command_of(move, self._partitions))
            except NotObeyedError as error:
                if error.reason != NOT_FOLLOWED:
                    refused += sessions.not_obeyed(verdict, error.reason, now)
        return tuple(commands), tuple(refused)

    def _rejected(self, verdict: Verdict, where: str, now: Moment) -> tuple[Finding, ...]:
        quiet = {Word.DAMAGED, Word.ANSWER}
        return () if verdict.word in quiet else sessions.rejected(verdict, where, now)

    def _counted(self, due: Due, now: Moment, chance: bytes) -> Due:
        self.counts[due.verdict.word] += 1
        return msgspec.structs.replace(due, answer=_answer(due.verdict, now, chance))


def _answer(verdict: Verdict, now: Moment, chance: bytes) -> bytes:
    match ANSWERS[verdict.word]:
        case Reply.ACK:
            key = verdict.key.value if verdict.key else None
            return replies.ack(verdict.frame, key=key, now=now.wall, chance=chance)
        case Reply.NAK:
            return replies.nak(now.wall)
        case Reply.DUH:
            return replies.duh(verdict.frame)
    return b""
