"""Arming as one pure object, as `Guard` is: signals, time and commands in; findings out; partitions and zones to show.

`agent/guard.py` owns it, feeds it, stores `saved()` with the events, and asks it what sirens and buzzers are for.
Who may give a command says `permitted.py`; what moves by itself, `ground.py`; when the box arms by itself, `hours.py`.
A command about several partitions is done for all of them or for none.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from agent.arming import hours, keeping, latches, permitted, told
from agent.arming.calendar import Timetable
from agent.arming.commands import Answer, Command, Way
from agent.arming.ground import Ground
from agent.arming.keeping import SavedArming
from agent.arming.latches import NEW, Bypass
from agent.arming.partitions import PartitionState, ZoneTest, sight_of, standing
from agent.arming.table import ARM, TABLE, Mode, Stage, Step, Trigger
from agent.arming.zones import ONLY_BY_NAME, RULES
from agent.findings import Finding
from agent.points import Points
from agent.signals import Moment, PointView, Signal, State
from protocol.orders import (
    NEVER_BYPASSED,
    WHOLE_SITE,
    ArmArgs,
    BypassArgs,
    OrderFaultError,
    ResetLatchArgs,
    RunTestArgs,
    people_of,
)
from protocol.site.schema import Opening, Partition, Site

_DONE: Final = Answer()


class Arming:
    """Zones, partitions, commands and hours of one site."""

    def __init__(self, site: Site, saved: SavedArming, points: Points, now: Moment) -> None:
        self._site = site
        saved = keeping.fitted(saved, site)
        self._ground = Ground(site, saved.zones, saved.partitions, points, now)
        self._timetable = Timetable(site.opening, site.calendar, site.timezone)
        self._hours = saved.hours

    def signal(self, signal: Signal, was: State, now: Moment) -> list[Finding]:
        """What one word about a zone changes."""
        return self._ground.signal(signal, was, now)

    def pass_time(self, now: Moment) -> list[Finding]:
        """What the passing of time changes: delays, tests, bypasses, troubles, and opening hours."""
        findings = self._ground.pass_time(now)
        self._hours, found, wanted = hours.observe(self._hours, self._sight(now), now)
        findings += found
        for name in sorted(wanted):
            command = Command(action="arm", args=ArmArgs(partition=name), way=Way.SCHEDULE, partitions=(name,))
            findings += self.command(command, now)[1]
        return findings

    def command(self, command: Command, now: Moment) -> tuple[Answer, list[Finding]]:
        """Do what is asked, or say why not."""
        if word := self.refused(command):
            return Answer(refused=word), []
        partitions = told.targets(self._site, command)
        match command.args:
            case ArmArgs(mode=mode):
                answer, findings = self._arm(partitions, Mode(mode), command, now)
            case BypassArgs():
                answer, findings = self._bypass(command.args, command, now)
            case ResetLatchArgs():
                zones = self._zones_of(command.args, partitions)
                answer, findings = _DONE, self._ground.reset(zones, command.people, now, disarmed=False)
            case RunTestArgs():
                answer, findings = self._test(partitions, command.args, command, now)
            case _:
                answer, findings = _DONE, self._disarm(partitions, command, now)
        return answer, findings + self._ground.judged(now)

    def refused(self, command: Command) -> str:
        """Why this command may not, whatever it would do; empty when it may."""
        try:
            standing = [(each, self._ground.states[each.id].stage) for each in told.targets(self._site, command)]
            return permitted.refused(self._site, command, standing)
        except OrderFaultError as error:
            return error.reason

    def all_armed(self, names: Iterable[str]) -> bool:
        """Whether each of these partitions is armed, or arming."""
        return not any(self._is_open(name) for name in names)

    def needs_order(self, name: str | None) -> bool:
        """Whether only an order of several people opens this partition now; it is armed, or arming."""
        partition = self._ground.partitions.get(name or "")
        return partition is not None and people_of(partition) > 1 and not self._is_open(partition.id)

    def _is_open(self, name: str) -> bool:
        return standing(self._ground.states[name]) is hours.Standing.DISARMED

    def alarming(self) -> frozenset[str]:
        """What latched and was not reset, as `kind source`."""
        return latches.alarming(self._ground.zone_states)

    def waiting(self) -> Mapping[str, Moment]:
        """Partitions that a buzzer sounds for, and until when: exit delay, entry delay, the warning before arming."""
        found = {}
        for name, state in self._ground.states.items():
            if state.until:
                found[name] = state.until
            elif "warned" in hours.marks(self._hours, name) and (kept := self._hours.partitions[name].warned):
                found[name] = kept.after((self._site.opening or Opening()).auto_arm_warning)
        return found

    def views(self) -> Iterable[PointView]:
        """Every partition as it is shown."""
        for name, state in self._ground.states.items():
            partition = self._ground.partitions[name]
            yield PointView(
                id=f"partition/{name}",
                name=partition.name,
                state=State(str(state.stage)),
                since=state.since,
                marks=self._marks(partition, state),
            )

    def marks(self) -> Mapping[str, tuple[str, ...]]:
        """What is shown beside the state of zones, by point."""
        found = {
            f"zone/{zone}": latches.marks(self._ground.zone_states.get(zone, NEW), self._ground.under_test(zone))
            for zone in self._ground.zones
        }
        return {point: marks for point, marks in found.items() if marks}

    def wake_at(self, now: Moment) -> int | None:
        """Monotonic milliseconds at which time next changes something."""
        due = (self._ground.wake_at(now), hours.wake_at(self._hours, self._sight(now), now))
        return min((each for each in due if each is not None), default=None)

    def saved(self) -> SavedArming:
        """What must be stored with the events; the guard adds what sounds."""
        return SavedArming(
            partitions=dict(self._ground.states),
            members={name: each.zones for name, each in self._ground.partitions.items()},
            zones=dict(self._ground.zone_states),
            hours=self._hours,
        )

    def _arm(
        self, partitions: tuple[Partition, ...], mode: Mode, command: Command, now: Moment
    ) -> tuple[Answer, list[Finding]]:
        ground, author = self._ground, told.author_of(command)
        to_arm = [each for each in partitions if self._arms(each.id, mode)]
        blocking = {each.id: ground.blocking(each.id, mode, self._at_once(each.id)) for each in to_arm}
        if any(blocking.values()):
            blocked = [name for name, found in blocking.items() if found]
            findings = [each for name in blocked for each in ground.fail(name, author, blocking[name], now)]
            return Answer(refused="not_ready", blocking=tuple(b for name in blocked for b in blocking[name])), findings
        leaving = {each.id for each in to_arm if not self._at_once(each.id)}
        findings = []
        for each in partitions:
            state = ground.states[each.id]
            if state.test and state.test.whole and state.test.before is not Stage.DISARMED:
                findings += ground.end_test(each.id, now)  # it was armed, and is again
            elif each.id in leaving:
                until = now.after(each.exit_delay)
                findings += ground.fire(each.id, ARM[mode], now, author=author, mode=mode, until=until)
            elif each in to_arm:
                findings += ground.fire(each.id, ARM[mode], now, author=author, mode=mode)
        if leaving:
            ground.join(each.id for each in partitions)
        return _DONE, findings

    def _arms(self, name: str, mode: Mode) -> bool:
        """Whether arming changes this partition at all."""
        state = self._ground.states[name]
        if state.test and state.test.whole and state.test.before is not Stage.DISARMED:
            return False
        more = state.stage is Stage.ARMING and state.mode is Mode.STAY and mode is Mode.AWAY  # who stayed leaves too
        return more or TABLE[state.stage, ARM[mode]][0] is not state.stage

    def _at_once(self, name: str) -> bool:
        """From stay to away nobody leaves: no delay, and nothing may be active."""
        return self._ground.states[name].stage is Stage.ARMED_STAY

    def _disarm(self, partitions: tuple[Partition, ...], command: Command, now: Moment) -> list[Finding]:
        ground, findings = self._ground, list[Finding]()
        for each in partitions:
            test = ground.states[each.id].test
            if test and test.whole and test.before is Stage.DISARMED:
                findings += ground.end_test(each.id, now)
            elif ground.states[each.id].stage is not Stage.DISARMED:
                findings += ground.fire(each.id, Trigger.DISARM, now, author=told.author_of(command))
        return findings

    def _bypass(self, args: BypassArgs, command: Command, now: Moment) -> tuple[Answer, list[Finding]]:
        zone = self._ground.zones[args.zone]
        if args.on and not RULES[zone.type].bypass:
            return Answer(refused=NEVER_BYPASSED[zone.type]), []
        if not args.on:
            known = self._ground.zone_states.get(zone.id, NEW).bypass
            facts = {"people": list(command.people)}
            return _DONE, self._ground.bypass(zone.id, None, now, facts) if known else []
        until = now.after(timedelta(seconds=args.for_s))
        facts = dict(told.bypassed_facts(command.people, until, command.order))
        bypass = Bypass(by=command.people, at=now, until=until, order=command.order)
        return _DONE, self._ground.bypass(zone.id, bypass, now, facts)

    def _test(
        self, partitions: tuple[Partition, ...], args: RunTestArgs, command: Command, now: Moment
    ) -> tuple[Answer, list[Finding]]:
        ground = self._ground
        if not command.may_disarm and not all(self._is_open(each.id) for each in partitions):
            return Answer(refused="role"), []
        tests = {}
        for each in partitions:
            zones = [zone for zone in each.zones if zone in args.zones] if args.zones else self._all_but_named(each)
            if zones:
                state = ground.states[each.id]
                tests[each.id] = ZoneTest(
                    zones=tuple(zones),
                    whole=not args.zones,
                    at=now,
                    until=now.after(timedelta(seconds=args.for_s)),
                    before=state.stage,
                    author=told.author_of(command),
                )
                if state.test or Step.REFUSE in TABLE[state.stage, Trigger.RUN_TEST][1]:
                    return Answer(refused="busy"), []
        return _DONE, [each for name, test in tests.items() for each in ground.begin_test(name, test, now)]

    def _all_but_named(self, partition: Partition) -> list[str]:
        return [zone for zone in partition.zones if self._ground.zones[zone].type not in ONLY_BY_NAME]

    def _zones_of(self, args: ResetLatchArgs, partitions: tuple[Partition, ...]) -> Iterable[str]:
        """The zone, or those of these partitions; of the whole site, also those in no partition."""
        if args.zone:
            return (args.zone,)
        if args.partition == WHOLE_SITE:
            return tuple(self._ground.zones)
        return tuple(zone for each in partitions for zone in each.zones)

    def _sight(self, now: Moment) -> hours.Sight:
        ground = self._ground
        return hours.Sight(
            partitions=tuple(sight_of(each, ground.states[each.id]) for each in ground.partitions.values()),
            days=self._timetable.days(now.wall),
        )

    def _marks(self, partition: Partition, state: PartitionState) -> tuple[str, ...]:
        ground = self._ground
        zones = [ground.zone_states.get(zone, NEW) for zone in partition.zones]
        shown = {
            "alarm": any(zone.latches for zone in zones),
            "not_ready": state.stage is Stage.DISARMED and bool(ground.blocking(partition.id, Mode.AWAY, False)),
            "bypassed": any(zone.bypass for zone in zones),
            "test": state.test is not None,
        }
        return (*(mark for mark, is_so in shown.items() if is_so), *hours.marks(self._hours, partition.id))
