"""A walk test under way: what moves and what is said goes through the table, and to the box as events, one by one.

The shell around `progress.py`; terminal and page stand on it and may be used side by side. Nothing counts that the box
did not take: an event that is refused takes the step back with it. Flow: begin -> `follow` and `act` -> `finish`.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from agent.acceptance import keeping, progress
from agent.acceptance.installer import Installer
from agent.acceptance.keeping import OpenWalk
from agent.acceptance.plan import Plan, Step, Task, listed
from agent.acceptance.progress import DONE, Move, Progress, Told
from agent.local import lines
from agent.local.client import LocalClient, NotRunningError, SaysNoError
from protocol import acceptance
from protocol.acceptance import (
    AcceptanceError,
    AcceptanceFault,
    Closing,
    FinishedFacts,
    PointFacts,
    Record,
    Result,
)
from protocol.ids import new_event_id
from protocol.messages import Event
from protocol.timestamps import format_time

STORED_WITHIN_S: Final = 10.0
"""So long may the box take to bring its last events to its disk."""
LOOK_EVERY_S: Final = 0.1

Random = Callable[[int], bytes]


class Act(StrEnum):
    """What an installer can say."""

    GO = "go"  # move the output; send the number
    YES = "yes"  # heard, seen
    NO = "no"  # not heard, not seen; it does not work
    NUMBER = "number"  # what the operator read
    LATER = "later"  # put it off
    AGAIN = "again"  # test it once more
    END = "end"  # end the walk test and sign; `finish`


class WrongWalkError(Exception):
    """There is no walk to begin or to resume like this; `word` says why."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A walk test that ended with a record."""

    record: Record
    document: bytes
    file: Path


class Session:
    """One walk test. Make it with `begin` or `resume`."""

    def __init__(
        self,
        client: LocalClient,
        state: Path,
        about: lines.Reply,
        plan: Plan,
        test: str,
        *,
        known: Progress,
        random: Random,
        now: Callable[[], datetime],
    ) -> None:
        self.about = about
        self.plan = plan
        self.steps = {step.point: step for step in plan}
        self.progress = known
        self.problem = ""
        """The word of what was refused last; empty when the last thing went well."""
        self.refused = 0
        """How often something was refused."""
        self.lost = False
        self.finished: Finished | None = None
        self.revision = 0
        self.changed = asyncio.Event()
        self._client = client
        self._state = state
        self._test = test
        self._random = random
        self._now = now
        self._turn = asyncio.Lock()

    @property
    def current(self) -> Step | None:
        """What is to be done now."""
        return progress.current(self.plan, self.progress)

    async def follow(self) -> None:
        """Take in what moves, until the box goes away."""
        watched = await self._client.ask(lines.Watch())
        for said in watched:
            for seen in said.points:
                await self._moved(seen)
        async for seen in self._client.moves():
            await self._moved(seen)
        self.lost = True
        self._show()

    async def act(self, act: Act, point: str, number: str = "") -> None:
        """The installer says something about a point."""
        async with self._turn:
            step = self.steps.get(point)
            if step is None or step.task is Task.NONE:
                return
            self.problem = ""
            match act:
                case Act.GO:
                    await self._take(progress.asked(step, self.progress, self._number()))
                case Act.YES | Act.NO:
                    await self._take(progress.answered(step, self.progress, yes=act is Act.YES))
                case Act.NUMBER:
                    await self._take(progress.typed(step, self.progress, number))
                case Act.AGAIN:
                    await self._take(progress.again(step, self.progress))
                case Act.LATER:
                    await self._take(Move(progress=progress.put_off(step, self.progress)))
                    self._note()
            self._show()

    async def finish(self, installer: Installer | None) -> bool:
        """Have the record signed by both and stored; False: `problem` says why not."""
        async with self._turn:
            self.problem = ""
            try:
                self.finished = await self._finish(installer)
            except SaysNoError as error:
                self._refuse(error.word)
            except AcceptanceError as error:
                self._refuse(error.fault)
            except OSError:
                self._refuse("not_kept")
            except NotRunningError:
                self.lost = True
            self._show()
            return self.finished is not None

    async def close(self) -> None:
        """End the connection; what was found stands in the ledger."""
        await self._client.close()

    async def _moved(self, seen: lines.Seen) -> None:
        async with self._turn:
            if seen.id in self.steps and self.finished is None:
                before = self.progress
                await self._take(progress.seen(self.steps, self.progress, seen.id, seen.state, seen.marks))
                if self.progress != before:
                    self._show()

    async def _take(self, move: Move) -> None:
        """Tell the box, then believe it."""
        try:
            if move.switch:
                await self._client.ask(lines.Switch(point=move.switch))
            for told in move.told:
                await self._client.ask(_line(self._test, told))
        except SaysNoError as error:
            self._refuse(error.word)
        except NotRunningError:
            self.lost = True
        else:
            self.progress = move.progress

    async def _finish(self, installer: Installer | None) -> Finished:
        closing = Closing(finished=format_time(self._now()), installer=installer.name if installer else "")
        record = await self._stored(closing)
        await self._client.ask(
            lines.Finish(
                test=self._test,
                finished=closing.finished,
                installer=closing.installer,
                signature=installer.signature(acceptance.record_bytes(record)) if installer else None,
            )
        )
        record, document = await self._closed()
        file = keeping.keep_record(self._state, record.finished, document)
        keeping.close_walk(self._state)
        return Finished(record=record, document=document, file=file)

    async def _stored(self, closing: Closing) -> Record:
        """The record as the box's ledger has it, once that has everything that was told."""
        stages = self.progress.stages
        wanted = {point: Result(stage.value) for point, stage in stages.items() if stage in DONE}
        for _ in range(int(STORED_WITHIN_S / LOOK_EVERY_S)):
            record = acceptance.record_from(await self._events(), self._test, closing)
            found = {each.id: each.result for each in record.points if each.result is not Result.UNTESTED}
            if wanted.items() <= found.items():
                return record
            await asyncio.sleep(LOOK_EVERY_S)
        raise SaysNoError("not_stored")

    async def _closed(self) -> tuple[Record, bytes]:
        """The record and the document that the ledger now ends this test with."""
        for _ in range(int(STORED_WITHIN_S / LOOK_EVERY_S)):
            try:
                return acceptance.document_from(await self._events(), self._test)
            except AcceptanceError as error:
                if error.fault != AcceptanceFault.UNFINISHED:
                    raise
            await asyncio.sleep(LOOK_EVERY_S)
        raise SaysNoError("not_stored")

    async def _events(self) -> list[Event]:
        return await _events_of(self._client, self._test)

    def _note(self) -> None:
        try:
            keeping.keep_open(self._state, OpenWalk(test=self._test, later=self.progress.later))
        except OSError:
            self._refuse("not_kept")

    def _number(self) -> str:
        return f"{int.from_bytes(self._random(8), 'big') % 10_000:04d}"

    def _refuse(self, word: str) -> None:
        self.problem = word
        self.refused += 1

    def _show(self) -> None:
        self.revision += 1
        self.changed.set()


async def begin(client: LocalClient, state: Path, random: Random, now: Callable[[], datetime]) -> Session:
    """A new walk test: announced to the centre, nothing found yet.

    Raises:
        SaysNoError, NotRunningError: the box does not begin it.
        OSError: the state folder cannot be written.
    """
    about, plan = await _about(client)
    test = new_event_id(int(now().timestamp() * 1000), random(10))
    await client.ask(lines.Walk(test=test))
    keeping.keep_open(state, OpenWalk(test=test))
    await _announce(client, test, about, plan, ())
    return Session(client, state, about, plan, test, known=progress.begun(plan), random=random, now=now)


async def resume(
    client: LocalClient, state: Path, walk: OpenWalk, random: Random, now: Callable[[], datetime]
) -> Session:
    """A walk test that was stopped: what was found stands in the ledger.

    Raises:
        WrongWalkError: the settings are other ones now.
        SaysNoError, NotRunningError: the box does not go on with it.
    """
    about, plan = await _about(client)
    events = await _events_of(client, walk.test)
    await client.ask(lines.Walk(test=walk.test, resume=bool(events)))
    await _announce(client, walk.test, about, plan, events)
    closing = Closing(finished=format_time(now()), installer="")
    wanted = len(acceptance.announced(walk.test, about.config or acceptance.Config(), listed(plan)))
    known: tuple[acceptance.PointRecord, ...] = ()
    if sum(event.kind == acceptance.STARTED for event in events) == wanted:
        known = acceptance.record_from(events, walk.test, closing).points
    state_of = msgspec.structs.replace(progress.begun(plan, known), later=walk.later)
    return Session(client, state, about, plan, walk.test, known=state_of, random=random, now=now)


async def abandon(client: LocalClient, state: Path, walk: OpenWalk) -> None:
    """Give an open walk test up, and say so to the centre, if the box still knows it. Raises: NotRunningError."""
    facts = acceptance.as_facts(FinishedFacts(test=walk.test, abandoned=True))
    try:
        await client.ask(lines.Walk(test=walk.test, resume=True))
        await client.ask(lines.Tell(kind="test.finished", source=acceptance.SOURCE, facts=facts))
    except SaysNoError as error:
        if error.word != "not_open":
            raise
    keeping.close_walk(state)


async def _about(client: LocalClient) -> tuple[lines.Reply, Plan]:
    (about,) = await client.ask(lines.About())
    plan = tuple(step for said in await client.ask(lines.Plan()) for step in said.steps)
    return about, plan


async def _announce(client: LocalClient, test: str, about: lines.Reply, plan: Plan, events: Iterable[Event]) -> None:
    """Say which points there are, as far as that is not said yet: a walk may have been cut off at its beginning."""
    said = [event.facts for event in events if event.kind == acceptance.STARTED]
    parts = acceptance.announced(test, about.config or acceptance.Config(), listed(plan))
    if any(facts not in parts for facts in said):
        raise WrongWalkError("other_settings")
    for facts in parts:
        if facts not in said:
            await client.ask(lines.Tell(kind="test.started", source=acceptance.SOURCE, facts=facts))


async def _events_of(client: LocalClient, test: str) -> list[Event]:
    return [event for said in await client.ask(lines.Events(test=test)) for event in said.events]


def _line(test: str, told: Told) -> lines.Tell:
    facts = PointFacts(
        test=test,
        result=told.result,
        noticed=told.noticed,
        asked="number" if told.number else "",
        number=told.number,
    )
    return lines.Tell(kind="test.point", source=told.point, facts=acceptance.as_facts(facts))
