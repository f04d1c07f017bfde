"""The chains inside an audit: follows every run of every lane and says where one breaks.

Pure part of protocol/audit.py. Memory is 32 bytes an event, so that a million events fit in a notebook.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from protocol.kinds import OPENED
from protocol.ledger import GENESIS, Hole, HoleError, Position, hole_of, line_hash, over
from protocol.messages import Event
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_HASH_BYTES: Final = 32
SHED: Final = "ledger.shed"
ROLLBACK: Final = "ledger.rollback"


class Fault(StrEnum):
    """What can be wrong with a ledger."""

    MISSING = "missing"
    REORDERED = "reordered"
    ALTERED = "altered"
    DUPLICATED = "duplicated"
    FORKED = "forked"
    UNTRUSTED = "untrusted"
    FOREIGN = "foreign"


class LaneName(NamedTuple):
    """A box and one of its lanes."""

    box: str
    lane: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong: what, where in words, and in which record of the file."""

    fault: Fault
    text: Said
    record: int


@dataclass
class _Run:
    """The hashes of one run from its first number on, in stretches: a hole costs nothing, however long."""

    first: int
    events: int = 0
    _starts: list[int] = field(default_factory=list)
    _stretches: list[bytearray] = field(default_factory=list)

    @property
    def last(self) -> int:
        if not self._starts:
            return self.first - 1
        return self._starts[-1] + len(self._stretches[-1]) // _HASH_BYTES - 1

    def add(self, seq: int, digest: str) -> None:
        """Put line `seq`, which lies behind all others, in its place."""
        if not self._starts or seq != self.last + 1:
            self._starts.append(seq)
            self._stretches.append(bytearray())
        self._stretches[-1] += bytes.fromhex(digest)
        self.events += 1

    def hash_at(self, seq: int) -> str | None:
        """The hash of line `seq`; "" in a hole, None outside."""
        if not self.first <= seq <= self.last:
            return None
        which = bisect_right(self._starts, seq) - 1
        at = (seq - self._starts[which]) * _HASH_BYTES
        return bytes(self._stretches[which][at : at + _HASH_BYTES]).hex()


@dataclass(frozen=True, kw_only=True)
class _Gap:
    """Numbers that a run skips, until a shed line explains them."""

    lane: LaneName
    first: int
    last: int
    first_prev: str
    last_hash: str
    problem: Problem


@dataclass
class LaneAudit:
    """Takes events in the order of the file; says at the end which holes nobody signed for."""

    events: int = 0
    shed: int = 0
    record: int = 0
    _runs: dict[LaneName, dict[str, _Run]] = field(default_factory=lambda: defaultdict(dict))
    _gaps: list[_Gap] = field(default_factory=list)
    _holes: dict[LaneName, list[Hole]] = field(default_factory=lambda: defaultdict(list))
    _given_up: Counter[LaneName] = field(default_factory=Counter)
    _branches: list[tuple[LaneName, str, Problem]] = field(default_factory=list)
    _rollbacks: set[tuple[LaneName, str]] = field(default_factory=set)

    def take(self, event: Event, line: bytes, *, at_centre: bool) -> Problem | None:
        """Put one event in its place; the problem if it has none."""
        lane = LaneName(event.box, event.lane)
        self._note(event, lane, at_centre=at_centre)
        digest = line_hash(line)
        run = self._runs[lane].get(event.run)
        problem = self._start(lane, event) if run is None else self._place(lane, run, event, digest)
        if problem is not None:
            return problem
        run = self._runs[lane][event.run]
        run.add(event.seq, digest)
        self.events += 1
        return None

    def finish(self) -> Iterator[Problem]:
        """Holes without a shed line and branches without a rollback that the centre recorded."""
        for gap in self._gaps:
            if self._explained(gap):
                self.shed += gap.last - gap.first + 1
                self._given_up[gap.lane] += gap.last - gap.first + 1
            else:
                yield gap.problem
        for lane, run, problem in self._branches:
            if (lane, run) not in self._rollbacks:
                yield problem

    def holes_in(self, lane: str) -> tuple[tuple[str, int], ...]:
        """By box, how many lines of this lane are gone and signed for; known after `finish`."""
        return tuple(sorted((each.box, count) for each, count in self._given_up.items() if each.lane == lane))

    @property
    def rollbacks(self) -> tuple[tuple[str, str, str], ...]:
        """Box, lane and run of every branch that the centre recorded."""
        return tuple((*lane, run) for lane, run, _ in self._branches if (lane, run) in self._rollbacks)

    @property
    def boxes(self) -> tuple[str, ...]:
        """Every box that has events here."""
        return tuple(sorted({lane.box for lane in self._runs}))

    @property
    def run_count(self) -> int:
        """Runs of all lanes."""
        return sum(len(runs) for runs in self._runs.values())

    def runs(self) -> set[tuple[LaneName, str]]:
        """Every run that was seen."""
        return {(lane, run) for lane, runs in self._runs.items() for run in runs}

    def holds(self, lane: LaneName, run: str, seq: int, digest: str) -> bool:
        """Whether this very line stands here."""
        return self._hash_at(lane, run, seq) == digest

    def knows(self, lane: LaneName, run: str) -> bool:
        """Whether any line of this run stands here."""
        return lane in self._runs and run in self._runs[lane]

    def is_set_back(self, lane: LaneName) -> bool:
        """Whether the centre recorded that this lane was set back once."""
        return any(recorded == lane for recorded, _ in self._rollbacks)

    def denies(self, lane: LaneName, run: str, seq: int, digest: str) -> bool:
        """Whether another line stands here under this number of this run."""
        return self._hash_at(lane, run, seq) not in {digest, "", None}

    def ends_at(self, lane: LaneName, run: str, seq: int, digest: str, events: int) -> bool:
        """Whether the run ends with this line and has that many events."""
        found = self._runs[lane].get(run) if lane in self._runs else None
        return found is not None and (found.last, found.hash_at(seq), found.events) == (seq, digest, events)

    def end(self, lane: LaneName) -> int:
        """The highest number of a lane; 0 where it has none."""
        return max((run.last for run in self._runs[lane].values()), default=0) if lane in self._runs else 0

    def _hash_at(self, lane: LaneName, run: str, seq: int) -> str | None:
        found = self._runs[lane].get(run) if lane in self._runs else None
        return None if found is None else found.hash_at(seq)

    def _note(self, event: Event, lane: LaneName, *, at_centre: bool) -> None:
        if event.kind == SHED:
            try:
                hole = hole_of(event.facts)
            except HoleError:
                return  # it explains nothing; the hole it should have explained will be named
            self._holes[LaneName(lane.box, hole.lane)].append(hole)
        if at_centre and event.kind == ROLLBACK:
            box, where, run = (event.facts.get(word) for word in ("box", "lane", "run"))
            self._rollbacks.add((LaneName(str(box), str(where)), str(run)))

    def _start(self, lane: LaneName, event: Event) -> Problem | None:
        """A run begins with `ledger.opened` and attaches to a line that is here, or to nothing at all."""
        before = list(self._runs[lane].values())
        self._runs[lane][event.run] = _Run(first=event.seq)
        highest = max((run.last for run in before), default=0)
        attached = (
            event.prev == GENESIS if event.seq == 1 else any(run.hash_at(event.seq - 1) == event.prev for run in before)
        )
        where = named(*lane, event.seq)
        if not attached:
            if event.seq <= highest + 1:
                return self._problem(Fault.ALTERED, said("{line} begins a run on a line that nobody has", line=where))
            self._gaps.append(self._gap(lane, event, first=highest + 1, prev=self._tip(lane, highest)))
        elif event.kind != OPENED:
            return self._problem(Fault.ALTERED, said("{line} begins a run without {kind}", line=where, kind=OPENED))
        elif highest >= event.seq:
            text = said("{line} continues behind {seq}: two histories under one identity", line=where, seq=highest)
            self._branches.append((lane, event.run, self._problem(Fault.FORKED, text)))
        return None

    def _place(self, lane: LaneName, run: _Run, event: Event, digest: str) -> Problem | None:
        known = run.hash_at(event.seq)
        if known == digest:
            return self._line(Fault.DUPLICATED, N_("{line} stands here twice"), lane, event.seq)
        if known:
            return self._line(Fault.FORKED, N_("{line} exists with two contents"), lane, event.seq)
        if known == "" or event.seq < run.first:
            return self._line(Fault.REORDERED, N_("{line} stands after one that follows it"), lane, event.seq)
        tip = run.hash_at(run.last) or ""
        if event.seq > run.last + 1:
            self._gaps.append(self._gap(lane, event, first=run.last + 1, prev=tip))
            return None
        if event.prev != tip:
            return self._line(Fault.ALTERED, N_("{line} does not follow the line before it"), lane, event.seq)
        return None

    def _gap(self, lane: LaneName, event: Event, *, first: int, prev: str) -> _Gap:
        last = event.seq - 1
        where = named(*lane, first)
        before = f"{event.kind} {event.id}"
        if last == first:
            text = said("{line}, before {event}", line=where, event=before)
        else:
            text = said("{line} to {last}, before {event}", line=where, last=last, event=before)
        return _Gap(
            lane=lane,
            first=first,
            last=last,
            first_prev=prev,
            last_hash=event.prev,
            problem=self._problem(Fault.MISSING, text),
        )

    def _problem(self, fault: Fault, text: Said) -> Problem:
        return Problem(fault=fault, text=text, record=self.record)

    def _line(self, fault: Fault, text: str, lane: LaneName, seq: int) -> Problem:
        return self._problem(fault, said(text, line=named(*lane, seq)))

    def _explained(self, gap: _Gap) -> bool:
        """Whether shed lines tile the gap exactly, from the line before it to the line after, or one goes around it.

        A box that gives up more signs anew for the whole; what of that had arrived before stands here as well.
        """
        holes = self._holes[gap.lane]
        end = over(Position(run="", seq=gap.first - 1, hash=gap.first_prev), holes)
        return (end.seq, end.hash) == (gap.last, gap.last_hash) or any(_goes_around(hole, gap) for hole in holes)

    def _tip(self, lane: LaneName, seq: int) -> str:
        hashes = (run.hash_at(seq) for run in self._runs[lane].values() if run.last == seq)
        return next((digest for digest in hashes if digest), GENESIS)


def _goes_around(hole: Hole, gap: _Gap) -> bool:
    begins = hole.first < gap.first or (hole.first, hole.first_prev) == (gap.first, gap.first_prev)
    ends = hole.last > gap.last or (hole.last, hole.last_hash) == (gap.last, gap.last_hash)
    return begins and ends


def named(box: str, lane: str, seq: int) -> Said:
    """A line as people find it again: box, lane and number."""
    return said("{box} {lane} {seq}", box=box, lane=said(lane), seq=seq)
