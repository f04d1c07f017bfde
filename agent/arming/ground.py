"""Zones and partitions as they stand, and everything that moves them by itself: signals, and time. Pure.

`arming.py` puts commands and opening hours on top. A zone is judged by its level, not only by its edge: what is active
and guarded and was not taken account of acts, whenever that comes about - at a signal, at the end of a delay, of a
bypass or of a test, or at the first reading after a start ("opened while down").
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from agent.arming import latches, told
from agent.arming.commands import Way
from agent.arming.latches import NEW, TROUBLE_AFTER, Bypass, Took, ZoneState
from agent.arming.partitions import READ_WITHIN, Author, PartitionState, ZoneTest, standing
from agent.arming.table import ARMED, EXIT_OVER, RESET, TABLE, TEST_OVER, Mode, Stage, Step, Trigger
from agent.arming.zones import RULES, TAMPER, Group, Reaction, blocks, confirms, reaction
from agent.config.watched import on_camera, on_panel
from agent.findings import Finding, Phase, because
from agent.points import Known, Points
from agent.signals import Moment, Signal, State
from protocol.messages import BecauseRow
from protocol.site.schema import Partition, Site, Zone

MAX_TRIPS: Final = 10
"""So often one zone is told in one test."""

CONFIRMED: Final = 2
"""AVS-01: human presence, when a second zone confirms the first."""


class Ground:
    """Everything that is armed at one site."""

    def __init__(
        self,
        site: Site,
        zones: Mapping[str, ZoneState],
        partitions: Mapping[str, PartitionState],
        points: Points,
        now: Moment,
    ) -> None:
        self.zones: dict[str, Zone] = {each.id: each for each in site.zone}
        self.partitions: dict[str, Partition] = {each.id: each for each in site.partition}
        self.owners = {zone: each.id for each in site.partition for zone in each.zones}
        self.zone_states = {name: state for name, state in zones.items() if name in self.zones}
        self.states = {name: partitions.get(name) or PartitionState(since=now) for name in self.partitions}
        self._in_order = {  # who came in by the door is free inside: the door is judged first
            each.id: sorted(each.zones, key=lambda zone: RULES[self.zones[zone].type].group is not Group.DELAYED)
            for each in site.partition
        }
        self._points = points
        self._began = now
        self._look: dict[str, bool] = {}  # zones to be judged, and whether they became active just now

    def signal(self, signal: Signal, was: State, now: Moment) -> list[Finding]:
        """What one word about a zone changes. `was`: its last known state, also from before nobody watched."""
        name = signal.point.removeprefix("zone/")
        state = self._state(name)
        # A panel speaks only when something happens: each word is a new activity, except what it said before a silence.
        spoken = on_panel(self.zones[name]) and not signal.restated
        if signal.state is State.NORMAL or (spoken and signal.state is State.ACTIVE):
            state = msgspec.structs.replace(state, took=Took.NOTHING)
        if signal.state in {State.NORMAL, State.ACTIVE} or (spoken and signal.state is State.TAMPER):
            state = msgspec.structs.replace(state, meddled=Took.NOTHING)
        self._keep(name, state)
        self._look[name] = signal.state is State.ACTIVE and not (signal.settling and was is State.ACTIVE)
        return self.judged(now)

    def pass_time(self, now: Moment) -> list[Finding]:
        """Delays, tests and bypasses that end, and zones that cannot be read."""
        findings: list[Finding] = []
        for name in self.partitions:
            findings += self._delay(name, now)
            test = self.states[name].test
            if test and now.mono_ms >= test.until.mono_ms:
                findings += self.end_test(name, now)
        for name, state in tuple(self.zone_states.items()):
            if state.bypass and now.mono_ms >= state.bypass.until.mono_ms:
                findings += self.bypass(name, None, now, {"reason": "its time is over"})
        for name in self.zones:
            findings += self._trouble(name, now)
        return findings + self.judged(now)

    def judged(self, now: Moment) -> list[Finding]:
        """What the zones mean that changed, or whose guard did; a change of stage has its zones judged again."""
        findings: list[Finding] = []
        while self._look:
            name = next(iter(self._look))
            findings += self._judge(name, self._look.pop(name), now)
        return findings

    def fire(
        self,
        name: str,
        trigger: Trigger,
        now: Moment,
        *,
        author: Author | None = None,
        blocking: told.Blocking = (),
        **fields: Any,
    ) -> list[Finding]:
        """Take a partition over one row of the table; `fields` of its state are what the trigger brings along."""
        was = self.states[name]
        stage, steps = TABLE[was.stage, trigger]
        state = msgspec.structs.replace(was, stage=stage, author=author or was.author)
        if stage is not was.stage:
            state = msgspec.structs.replace(state, since=now, until=None, together=())
            self._look = {**dict.fromkeys(self._in_order[name], False), **self._look}
        if standing(state) is not standing(was):
            state = msgspec.structs.replace(state, stood=now)
        self.states[name] = msgspec.structs.replace(state, **fields)
        return [finding for step in steps for finding in self._step(step, name, was, blocking, now)]

    def join(self, names: Iterable[str]) -> None:
        """Have those of these that are arming, and all that arm with them, end as one: at the latest of their ends."""
        group = list(dict.fromkeys(each for name in names for each in self._arming_with(name)))
        until = max((end for name in group if (end := self.states[name].until)), key=lambda end: end.mono_ms)
        for name in group:
            self._set(name, until=until, together=tuple(group) if len(group) > 1 else ())

    def fail(self, name: str, author: Author, blocking: told.Blocking, now: Moment) -> list[Finding]:
        """It cannot be armed: told, and told again when somebody asks again, but not at each try of the schedule."""
        known = self.states[name]
        self.states[name] = msgspec.structs.replace(known, failed=True)
        if known.failed and author.way == Way.SCHEDULE:
            return []
        rows = tuple(self._row(point.removeprefix("zone/")) for point, _ in blocking[: told.MAX_NAMED])
        phase = Phase.AGAIN if known.failed else Phase.RAISED
        return [told.arm_failed(name, author, blocking, now, phase, rows)]

    def blocking(self, name: str, mode: Mode, exit_over: bool) -> told.Blocking:
        """What prevents this partition from being armed: (point, why)."""
        found: list[tuple[str, str]] = []
        for zone in self.partitions[name].zones:
            known = self._known(zone)
            why = blocks(self.zones[zone], known.state, self._settling(zone), mode, exit_over)
            if why and not self._state(zone).bypass:
                found.append((f"zone/{zone}", why))
        return tuple(found)

    def reset(self, zones: Iterable[str], by: tuple[str, ...], now: Moment, *, disarmed: bool) -> list[Finding]:
        """Let alarms of these zones end; by disarming, with what else it ends."""
        findings: list[Finding] = []
        for name in zones:
            state, found = latches.reset(self._state(name), self.zones[name], by, now, disarmed=disarmed)
            self.zone_states[name] = state
            findings += found
            if disarmed and state.bypass:
                findings += self.bypass(name, None, now, {"reason": "disarmed"})
            self._look.setdefault(name, False)
        return findings

    def bypass(self, name: str, bypass: Bypass | None, now: Moment, facts: Mapping[str, Any]) -> list[Finding]:
        """Take a zone out of guard, or put it back: it then acts if it is active."""
        state, findings = latches.bypassed(self._state(name), self.zones[name], bypass, now, facts)
        self.zone_states[name] = state
        self._look.setdefault(name, False)
        return list(findings)

    def begin_test(self, name: str, test: ZoneTest, now: Moment) -> list[Finding]:
        """Put zones of a partition under test. What is active already is no answer to it."""
        for zone in test.zones:
            state = self._state(zone)
            if state.took is Took.NOTHING and self._known(zone).state is State.ACTIVE:
                self.zone_states[zone] = msgspec.structs.replace(state, took=Took.TESTED)
        if test.whole:
            return self.fire(name, Trigger.RUN_TEST, now, test=test)
        self.states[name] = msgspec.structs.replace(self.states[name], test=test)
        return [told.test_started(name, test)]

    def end_test(self, name: str, now: Moment) -> list[Finding]:
        """The zones guard again; one that is active acts."""
        test = self.states[name].test
        if test and test.whole:
            return self.fire(name, TEST_OVER[test.before], now)
        return self._end_test(name, now)

    def under_test(self, zone: str) -> bool:
        """Whether this zone is only tested now."""
        owner = self.owners.get(zone)
        test = self.states[owner].test if owner else None
        return test is not None and zone in test.zones

    def wake_at(self, now: Moment) -> int | None:
        """When time next changes something, in monotonic milliseconds."""
        due: list[int] = []
        for state in self.states.values():
            due += [state.until.mono_ms, self._began.after(READ_WITHIN).mono_ms] if state.until else []
            due += [state.test.until.mono_ms] if state.test else []
        due += [state.bypass.until.mono_ms for state in self.zone_states.values() if state.bypass]
        for name in self.zones:
            known = self._known(name)
            if known.state is State.UNKNOWN and not self._state(name).troubled:
                due.append(known.since.after(TROUBLE_AFTER).mono_ms)
        return min((each for each in due if each > now.mono_ms), default=None)

    def _step(
        self, step: Step, name: str, was: PartitionState, blocking: told.Blocking, now: Moment
    ) -> Iterable[Finding]:
        state, partition = self.states[name], self.partitions[name]
        match step:
            case Step.START_EXIT:
                yield from self._end_test(name, now)  # of zones named: what is armed guards whole
            case Step.START_ENTRY:
                self._set(name, until=now.after(partition.entry_delay))
            case Step.START_TEST:
                yield from [told.test_started(name, state.test)] if state.test else []
            case Step.END_TEST:
                yield from self._end_test(name, now)
            case Step.TELL_ARMED:
                bypassed = [zone for zone in partition.zones if self._state(zone).bypass]
                yield told.armed(name, state.author, state.mode, bypassed, now)
                yield from self._failure_over(name, now)
            case Step.TELL_DISARMED:
                yield told.disarmed(name, state.author, was.stage, now)
                yield from self._failure_over(name, now)
            case Step.TELL_FAILED:
                yield from self.fail(name, state.author, blocking, now)
            case Step.TELL_FIRST:
                yield from self._entered(name, was, now)
            case Step.CLEAR:
                yield from self.reset(partition.zones, state.author.people, now, disarmed=True)
            case Step.REFUSE:
                raise AssertionError(f"{name}: refused commands are not fired")

    def _delay(self, name: str, now: Moment) -> list[Finding]:
        state = self.states[name]
        if state.until is None or now.mono_ms < state.until.mono_ms or not self._settled(name, now):
            return []
        if state.stage is Stage.ENTRY_DELAY:
            return self.fire(name, Trigger.ENTRY_OVER, now)
        arming = self._arming_with(name)
        if not all(self._settled(each, now) for each in arming):
            return []
        blocking = tuple(each for other in arming for each in self.blocking(other, self.states[other].mode, True))
        if blocking:
            return self._stop_arming(arming, blocking, now)
        return [each for other in arming for each in self.fire(other, EXIT_OVER[self.states[other].mode], now)]

    def _arming_with(self, name: str) -> list[str]:
        """All that arm together with this one, and it; one that was disarmed since is no longer of them."""
        others = {name, *self.states[name].together}
        return [each for each in self.partitions if each in others and self.states[each].stage is Stage.ARMING]

    def _stop_arming(self, arming: Iterable[str], blocking: told.Blocking, now: Moment) -> list[Finding]:
        return [each for name in arming for each in self.fire(name, Trigger.NOT_READY, now, blocking=blocking)]

    def _judge(self, name: str, fresh: bool, now: Moment) -> list[Finding]:
        zone, known, findings = self.zones[name], self._known(name), list[Finding]()
        if known.state is State.ACTIVE and (fresh or not self._settling(name)):
            findings += self._active(zone, now)
        elif known.state is State.TAMPER:
            findings += self._meddled(zone, now)
        state, ended = latches.rested(self._state(name), zone, known.state, now, (self._row(name),))
        self._keep(name, state)
        owner = self.owners.get(name)
        if owner and self.states[owner].stage is Stage.ALARM and not self._latched(owner):
            return [*findings, *ended, *self.fire(owner, RESET[self.states[owner].mode], now)]
        return [*findings, *ended]

    def _meddled(self, zone: Zone, now: Moment) -> list[Finding]:
        state = self._state(zone.id)
        if self.under_test(zone.id) and state.meddled is Took.NOTHING:
            self.zone_states[zone.id] = msgspec.structs.replace(state, meddled=Took.TESTED)
            return self._trip(zone, "tamper", now)
        if self.under_test(zone.id) or state.meddled is Took.ACTED:
            return []
        self.zone_states[zone.id] = msgspec.structs.replace(state, meddled=Took.ACTED)
        return self._alarm(zone, TAMPER, now)

    def _active(self, zone: Zone, now: Moment) -> list[Finding]:
        state, owner = self._state(zone.id), self.owners.get(zone.id)
        if self.under_test(zone.id) and state.took is Took.NOTHING:
            self.zone_states[zone.id] = msgspec.structs.replace(state, took=Took.TESTED)
            return self._trip(zone, "tripped", now)
        if self.under_test(zone.id):
            return []
        if state.took is Took.ACTED or state.bypass or state.shut:
            return []
        stage, mode = (self.states[owner].stage, self.states[owner].mode) if owner else (Stage.DISARMED, Mode.AWAY)
        match reaction(zone, stage, mode):
            case Reaction.ACT:
                trigger = Trigger.ACTS if owner and RULES[zone.type].when_armed else None
                findings = self._alarm(zone, RULES[zone.type].kind, now)
                return [*findings, *self.fire(owner, trigger, now)] if owner and trigger else findings
            case Reaction.BEGIN_ENTRY if owner:
                self.zone_states[zone.id] = msgspec.structs.replace(state, took=Took.ACTED, acted=now)
                return self.fire(owner, Trigger.ENTRY, now, first=zone.id, first_row=self._row(zone.id))
            case Reaction.STOP_ARMING if owner:
                return self._stop_arming(self._arming_with(owner), ((f"zone/{zone.id}", str(State.ACTIVE)),), now)
        return []

    def _alarm(self, zone: Zone, kind: str, now: Moment, *, rows: tuple[BecauseRow, ...] = ()) -> list[Finding]:
        rule, owner, gap = RULES[zone.type], self.owners.get(zone.id), self._points.gap(f"zone/{zone.id}")
        facts: dict[str, Any] = {"type": str(zone.type), **({f"while_{gap}": True} if gap else {})}
        if kind == TAMPER and (cause := self._known(zone.id).cause):
            facts["cause"] = cause
        rows = rows or (self._row(zone.id),)
        if owner:
            facts["partition"] = owner
            standing_so = self.states[owner]
            entered = standing_so.stage is Stage.ENTRY_DELAY and standing_so.first != zone.id and standing_so.first_row
            rows = (*([entered] if entered else []), *rows, told.state_row(owner, standing_so))
        state = self._state(zone.id)
        if kind == rule.kind:
            other = self._confirmed_by(zone, now)
            if rule.verification is not None:
                facts["verification"] = max(rule.verification, CONFIRMED if other else 0)
            if other:
                facts["confirmed_by"] = f"zone/{other}"
                rows = (self._row(other), *rows)
            state = msgspec.structs.replace(state, took=Took.ACTED, acted=now)
        state, finding = latches.latched(state, zone, kind, now, facts, rows)
        shut: tuple[Finding, ...] = ()
        if kind == rule.kind:
            state, shut = latches.repeated(state, zone, now)
        self.zone_states[zone.id] = state
        return [finding, *shut]

    def _entered(self, name: str, was: PartitionState, now: Moment) -> list[Finding]:
        """Nobody disarmed in time: the alarm names the zone that began the entry delay."""
        zone = self.zones[was.first if was.first in self.partitions[name].zones else self.partitions[name].zones[0]]
        rows = (was.first_row,) if was.first_row else ()
        findings = self._alarm(zone, RULES[zone.type].kind, now, rows=rows)
        if self._known(zone.id).state is State.NORMAL:  # shut again: its next opening is another
            self.zone_states[zone.id] = msgspec.structs.replace(self._state(zone.id), took=Took.NOTHING)
        return findings

    def _trip(self, zone: Zone, result: str, now: Moment) -> list[Finding]:
        owner = self.owners[zone.id]
        test = self.states[owner].test
        if test is None or test.tripped.get(zone.id, 0) >= MAX_TRIPS:
            return []
        count = {**test.tripped, zone.id: test.tripped.get(zone.id, 0) + 1}
        self._set(owner, test=msgspec.structs.replace(test, tripped=count))
        return [told.tripped(zone.id, owner, result, now, self._row(zone.id))]

    def _end_test(self, name: str, now: Moment) -> list[Finding]:
        test = self.states[name].test
        if test is None:
            return []
        self._set(name, test=None)
        tested = [zone for zone in self._in_order[name] if zone in test.zones]
        self._look = {**dict.fromkeys(tested, False), **self._look}
        return [told.test_finished(name, test, now)]

    def _trouble(self, name: str, now: Moment) -> Iterable[Finding]:
        known, state, owner = self._known(name), self._state(name), self.owners.get(name)
        begins = known.state is State.UNKNOWN
        if begins and not state.troubled:
            machine = self.zones[name].input.partition("/")[0]
            device = self._points.known(f"{'camera' if on_camera(self.zones[name]) else 'device'}/{machine}")
            watched = (device is not None and device.state is State.ONLINE) or (
                owner is not None and self.states[owner].stage in ARMED
            )
            begins = watched and now.since(known.since) >= TROUBLE_AFTER
        state, findings = latches.troubled(state, self.zones[name], begins, now, known.cause)
        self._keep(name, state)
        return findings

    def _failure_over(self, name: str, now: Moment) -> Iterable[Finding]:
        if self.states[name].failed:
            self._set(name, failed=False)
            yield told.arm_failed(name, self.states[name].author, (), now, Phase.ENDED)

    def _confirmed_by(self, zone: Zone, now: Moment) -> str:
        owner = self.owners.get(zone.id)
        for other in self.partitions[owner].zones if owner else ():
            acted = self._state(other).acted
            recent = acted is not None and now.since(acted) <= self.partitions[owner or ""].confirm_within
            if other != zone.id and recent and confirms(zone, self.zones[other]):
                return other
        return ""

    def _latched(self, name: str) -> bool:
        """Whether an alarm that came of its being armed lasts in this partition."""
        zones = (zone for zone in self.partitions[name].zones if RULES[self.zones[zone].type].when_armed)
        return any(kind != TAMPER for zone in zones for kind in self._state(zone).latches)

    def _settled(self, name: str, now: Moment) -> bool:
        """After a start nothing is concluded before every zone was read once, or for so long at most."""
        heard = all(self._points.heard(f"zone/{zone}") for zone in self.partitions[name].zones)
        return heard or now.since(self._began) >= READ_WITHIN

    def _known(self, zone: str) -> Known:
        known = self._points.known(f"zone/{zone}")
        if known is None:
            raise KeyError(zone)
        return known

    def _settling(self, zone: str) -> bool:
        return self._points.settling(f"zone/{zone}")

    def _state(self, zone: str) -> ZoneState:
        return self.zone_states.get(zone, NEW)

    def _keep(self, zone: str, state: ZoneState) -> None:
        if state != NEW or zone in self.zone_states:
            self.zone_states[zone] = state

    def _set(self, name: str, **fields: Any) -> None:
        self.states[name] = msgspec.structs.replace(self.states[name], **fields)

    def _row(self, zone: str) -> BecauseRow:
        known = self._known(zone)
        return because(f"zone/{zone}", known.state, known.since, known.cause)
