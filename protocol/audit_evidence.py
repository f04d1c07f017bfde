"""The pictures inside an audit: every promise against its answer, every sealed line against the file brought. Pure.

What was sealed comes from lines that the audit has verified; what the files are, somebody else has read and hashed. A
file stands under BOX/SLOT, however it ends. Flow: audit.py -> take; command.py hashes the folder -> judged -> problems.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from protocol.audit_lanes import Fault, Problem
from protocol.messages import Event
from protocol.texts import said
from protocol.timestamps import parse_time
from protocol.uploads import is_slot

SEALED: Final = "evidence.sealed"
ON_ITS_WAY: Final = timedelta(days=1)
"""A file may come so long after its line: it waits for the line to the centre."""
KEPT: Final = timedelta(days=90)
"""For how long a centre keeps files where the reader does not say otherwise."""
MAX_SEALED: Final = 5_000_000
"""Lines that are remembered, some 300 bytes each; a bank of 300 sites has some 2 million in a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the folder: whose, which slot, its hash; None where it is no plain file, or cannot be read."""

    path: str
    box: str
    slot: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seal:
    sha256: str
    camera: str
    at: str
    record: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    camera: str
    at: str
    record: int


@dataclass(frozen=True, kw_only=True)
class EvidenceReport:
    """What was compared: `verified` have the hash of their line; `waited`: too young, `over`: too old to be missed."""

    files: int
    sealed: int
    verified: int
    waited: int
    over: int


@dataclass
class EvidenceAudit:
    """Takes verified lines in the order of the file, then all files at once."""

    _sealed: dict[tuple[str, str], _Seal] = field(default_factory=dict)
    _promised: dict[tuple[str, str], _Promise] = field(default_factory=dict)
    _answered: set[tuple[str, str]] = field(default_factory=set)  # said to be missing; or sealed, and promised later
    _problems: list[Problem] = field(default_factory=list)

    def take(self, event: Event, record: int) -> None:
        """Note what a line promises, answers and seals. A promise may stand behind its answer: there are two lanes."""
        slot, sha256 = event.facts.get("slot"), event.facts.get("sha256")
        if event.kind != SEALED:
            self._promise(event, record)
            return
        if not isinstance(slot, str) or not is_slot(slot):
            return
        key = (event.box, slot)
        if self._promised.pop(key, None) is None and len(self._answered) < MAX_SEALED:
            self._answered.add(key)
        if not isinstance(sha256, str):
            return
        known = self._sealed.get(key)
        if known is not None and known.sha256 != sha256:
            text = said("{box} sealed {slot} twice, with two hashes", box=event.box, slot=slot)
            self._problems.append(Problem(fault=Fault.FORKED, text=text, record=record))
        if known is None and len(self._sealed) < MAX_SEALED:
            camera = event.source.removeprefix("camera/")
            self._sealed[key] = _Seal(sha256=sha256, camera=camera, at=event.at, record=record)

    def _promise(self, event: Event, record: int) -> None:
        for each in event.evidence:
            key = (event.box, each.slot)
            if key in self._answered:
                self._answered.discard(key)
            elif len(self._promised) < MAX_SEALED:
                self._promised[key] = _Promise(camera=each.camera, at=event.at, record=record)

    def judged(
        self, files: Iterable[File], until: datetime, kept: timedelta = KEPT
    ) -> tuple[EvidenceReport, list[Problem]]:
        """Every sealed line against the files; `until` is when the export was made."""
        problems = list(self._problems)
        there: set[tuple[str, str]] = set()
        count = verified = 0
        for file in files:
            count += 1
            key = (file.box, file.slot)
            seal = self._sealed.get(key)
            if seal is None:
                problems.append(
                    Problem(fault=Fault.FOREIGN, text=said("{path} stands in no sealed line", path=file.path), record=0)
                )
                continue
            there.add(key)
            if file.sha256 == seal.sha256:
                verified += 1
                continue
            text = said(
                "{path} is not what {box} sealed of camera {camera}", path=file.path, box=file.box, camera=seal.camera
            )
            problems.append(Problem(fault=Fault.ALTERED, text=text, record=seal.record))
        waited = over = 0
        for (box, slot), seal in self._sealed.items():
            if (box, slot) in there:
                continue
            age = until - parse_time(seal.at)
            if age > kept:
                over += 1
            elif age < ON_ITS_WAY:
                waited += 1
            else:
                text = said(
                    "{box}/{slot} of camera {camera} is not in the folder", box=box, slot=slot, camera=seal.camera
                )
                problems.append(Problem(fault=Fault.MISSING, text=text, record=seal.record))
        for (box, slot), promise in self._promised.items():
            if ON_ITS_WAY <= until - parse_time(promise.at) <= kept:
                text = said(
                    "{box} promised {slot} of camera {camera} and never said what became of it",
                    box=box,
                    slot=slot,
                    camera=promise.camera,
                )
                problems.append(Problem(fault=Fault.MISSING, text=text, record=promise.record))
        report = EvidenceReport(files=count, sealed=len(self._sealed), verified=verified, waited=waited, over=over)
        return report, problems
