"""The whole watch as one pure object: signals in, a decision out (findings, output writes, when to look again).

No clock, file or socket: the caller says what time it is and what was remembered. `agent/app.py` carries decisions out:
in ONE transaction it stores `saved()` and the drafts that `agent/reporting.py` makes of the findings; only then does it
hand the output writes to the drivers.

    guard = Guard(site, saved, now, same_boot)      # saved: the SavedGuard of the last run, or None
    decision = guard.observe(signals, now)          # a driver's batch; or () when `wake_at` (mono ms) has come
    guard.saved()                                   # equal to the one before: nothing to store

`same_boot`: the machine has not been restarted since `saved` was made, so its monotonic clock went on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from agent import incidents, outputs
from agent.arming import keyswitch, sounding, told
from agent.arming.arming import Arming
from agent.arming.commands import Answer, Command, Way
from agent.arming.keyswitch import KeyswitchState
from agent.arming.sounding import Sounding
from agent.arming.zones import RULES, Group
from agent.detectors import device, forced, held_open, interlock, key_override, output_refused
from agent.detectors.doors import DoorView
from agent.findings import Finding, Phase, because
from agent.memory import Release, SavedGuard, carried, judged_of, orphans, still_known
from agent.points import Points, named_points
from agent.signals import Moment, OutputWrite, PointView, Signal, State
from protocol.messages import BecauseRow
from protocol.orders import LockArgs, OutputArgs, SilenceArgs, UnlockArgs
from protocol.site.schema import Door, Interlock, Keyswitch, Site

UNLOCKED: Final = "door.unlocked"
EXERCISE: Final = output_refused.PATIENCE + timedelta(milliseconds=250)
"""A siren sounds so long when a walk test asks for it: just long enough for one that does not follow to be told."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was seen. The lists keep their order."""

    findings: tuple[Finding, ...] = ()
    writes: tuple[OutputWrite, ...] = ()
    wake_at: int | None = None
    """Monotonic milliseconds at which to call `observe` again at the latest; None: only when a signal comes."""
    changed: tuple[PointView, ...] = ()
    """Points whose shown state changed: what the next beat tells."""


class Guard:
    """Everything at one site that is watched."""

    def __init__(
        self,
        site: Site,
        saved: SavedGuard | None,
        now: Moment,
        same_boot: bool,
        pending: frozenset[str] = frozenset(),
    ) -> None:
        saved = carried(saved, now, same_boot) if saved else SavedGuard()
        self._site = site
        self._doors = {door.id: door for door in site.door}
        self._zones = {each.id: each for each in site.zone}
        self._interlocks = {each.id: each for each in site.interlock}
        self._interlock_of = {door: each for each in site.interlock for door in each.doors}
        self._points = Points(named_points(site, pending), saved.points, now)
        judged = self._judged = judged_of(site)
        self._forced = still_known(saved.forced, judged.forced)
        self._held_open = still_known(saved.held_open, judged.held_open)
        self._keys = still_known(saved.keys, judged.keys)
        self._interlock_states = still_known(saved.interlocks, judged.interlocks)
        self._devices = still_known(saved.devices, judged.devices)
        self._outputs = still_known(saved.outputs, judged.outputs)
        self._pulses: outputs.Pulses = {point: each for point, each in saved.pulses.items() if point in self._points}
        self._releases = still_known(saved.releases, self._doors)
        self._opened_by: dict[str, str] = {}
        self._let_in: dict[str, int] = {}  # how often each door was released since the start
        self._refused: set[str] = set()  # doors whose exit button is held down in vain
        self._arming = Arming(site, saved.arming, self._points, now)
        self._sounding: Sounding = dict(saved.arming.sounding)
        self._buzzing = saved.arming.buzzing
        self._switches = dict.fromkeys((each.id for each in site.keyswitch), KeyswitchState())
        self._local_refusals: tuple[Moment, ...] = ()
        self._orphans = orphans(saved, site, judged, now)

    def observe(self, signals: Sequence[Signal], now: Moment) -> Decision:
        """What follows from these changes, and from the time that passed."""
        findings: list[Finding] = [*self._orphans]
        self._orphans = ()
        asked: list[str] = []
        for signal in sorted(signals, key=self._in_turn):
            findings += self._signal(signal, asked, now)
        for switch in self._site.keyswitch:
            findings += self._keyswitch(switch, now)
        findings += self._arming.pass_time(now)
        for door in self._doors.values():
            findings += self._door_time(door, now)
            findings += self._key(door, now)
        for each in self._interlocks.values():
            findings += self._interlock(each, now)
        for door_id in asked:
            findings += self._exit(self._doors[door_id], now)
        self._sound(findings, now)
        self._pulses = outputs.due(self._pulses, now)
        unfollowed = [finding for point in sorted(self._judged.outputs) for finding in self._output(point, now)]
        self._sound(unfollowed, now)
        findings += unfollowed
        states = self._points.states()
        self._pulses, writes = outputs.step(self._pulses, states, now)
        return Decision(
            findings=tuple(findings),
            writes=writes,
            wake_at=self._wake_at(states, now),
            changed=self._points.changed(self._made_views(), self._arming.marks()),
        )

    def exercise(self, point: str, now: Moment) -> tuple[str, tuple[Finding, ...]]:
        """Sound a siren briefly or release a lock, for a walk test; the next `observe` writes it.

        Nothing is possible that an exit button could not do: a lock lets go for its time only while every other door of
        its interlock is closed and locked. None leads into a partition that is armed and needs several people: whoever
        may begin a walk test is one. The word says why not; it is empty when it is done.
        """
        known, (family, _, name) = self._points.known(point), point.partition("/")
        if known is None or family not in {"lock", "output"}:
            return "no_output", ()
        if known.state is State.UNKNOWN:
            return "unknown", ()
        if family == "output":
            until = now.after(EXERCISE)
            self._pulses = outputs.start(self._pulses, point, State.ON, State.OFF, until)
            return "", ()
        if self._arming.needs_order(self._doors[name].partition):
            return "needs_order", ()
        if not self._may_release(self._doors[name]):
            return "interlock", ()
        return "", (self._release(self._doors[name], by="walk test", rows=(), now=now),)

    def command(self, command: Command, now: Moment) -> tuple[Answer, tuple[Finding, ...]]:
        """Do what is asked, or say why not; the next `observe` brings what follows of it, outputs included."""
        findings = [told.duress(self._site, command, now)] if command.duress else []
        match command.args if command.way is Way.ORDER else None:
            case SilenceArgs() | UnlockArgs() | LockArgs() | OutputArgs():
                answer, found = self._move(command, now)
            case _:
                answer, found = self._arming.command(command, now)
        if command.way is not Way.ORDER and answer.refused:
            self._local_refusals, tell = incidents.each(self._local_refusals, now)
            if not tell:
                return answer, (*findings, *found)
        return answer, (*findings, *found, *told.outcome(command, answer, now))

    def saved(self) -> SavedGuard:
        """What must be stored together with the events of the last decision."""
        return SavedGuard(
            points=self._points.saved(),
            interlocks=dict(self._interlock_states),
            forced=dict(self._forced),
            held_open=dict(self._held_open),
            keys=dict(self._keys),
            devices=dict(self._devices),
            outputs=dict(self._outputs),
            pulses=dict(self._pulses),
            releases=dict(self._releases),
            arming=msgspec.structs.replace(self._arming.saved(), sounding=dict(self._sounding), buzzing=self._buzzing),
        )

    def points(self) -> tuple[PointView, ...]:
        """Every point of the site as it is known now, also those that nothing watches (`unknown`, with the cause)."""
        return self._points.views(self._made_views(), self._arming.marks())

    def released(self) -> Mapping[str, int]:
        """How often each door was released since the start: by button, key, reader or order."""
        return dict(self._let_in)

    def counters(self) -> Mapping[str, int]:
        """The last counter value by point: what the drivers compare their first reading with."""
        return self._points.counters()

    def _signal(self, signal: Signal, asked: list[str], now: Moment) -> Iterable[Finding]:
        family, _, name = signal.point.partition("/")
        if signal.point not in self._points:
            return ()  # of a module that the site file no longer names
        was = self._points.observe(signal)
        match family:
            case "device":
                state = self._devices.get(name, device.DeviceState())
                self._devices[name], findings = device.observe(state, signal)
                return findings
            case "exit":
                if signal.state is State.ACTIVE and was is not State.ACTIVE and was is not State.UNKNOWN:
                    asked.append(name)
            case "door":
                return self._door(self._doors[name], was, signal, now)
            case "zone":
                return self._arming.signal(signal, was, now)
            case "keyswitch":
                return [each for switch in self._site.keyswitch for each in self._keyswitch(switch, now)]
        if family == "exit" and name in self._refused:
            if signal.state is State.NORMAL:
                self._refused.discard(name)
        elif family in _LETS_OPEN and _LETS_OPEN[family][0] in {signal.state, was}:
            for door in self._interlocks[name].doors if family == "release" else (name,):
                self._releases[door] = Release(by=_LETS_OPEN[family][1], at=signal.at)
            if family == "key" or (family == "lock" and signal.point not in self._pulses):
                self._let(name, signal.state is _LETS_OPEN[family][0] and was is not signal.state)
        return ()

    def _keyswitch(self, switch: Keyswitch, now: Moment) -> Iterable[Finding]:
        known = self._points.known(f"keyswitch/{switch.id}")
        if known is None:
            return ()
        armed = self._arming.all_armed(switch.partitions)
        self._switches[switch.id], command = keyswitch.observe(
            self._switches[switch.id], switch, known.state, armed, now
        )
        return self.command(command, now)[1] if command else ()

    def _door(self, door: Door, was: State, signal: Signal, now: Moment) -> Iterable[Finding]:
        if signal.state is State.OPEN and was is not State.OPEN:
            self._opened_by[door.id] = self._let_open_by(door, signal.at)
            self._pulses = outputs.opened(self._pulses, f"lock/{door.id}")
        elif signal.state is State.CLOSED:
            self._opened_by.pop(door.id, None)
            self._pulses = outputs.closed(self._pulses, f"lock/{door.id}", now)
        view = self._view(door)
        if door.id in self._judged.forced:
            state = self._forced.get(door.id, forced.ForcedState())
            self._forced[door.id], findings = forced.observe(state, view, self._lock_row(door), now)
            yield from findings
        yield from self._door_time(door, now)
        if door.id in self._interlock_of:
            yield from self._interlock(self._interlock_of[door.id], now)

    def _door_time(self, door: Door, now: Moment) -> Iterable[Finding]:
        if door.held_open_after is None or not self._points.heard(f"door/{door.id}"):
            return ()
        state = self._held_open.get(door.id, held_open.HeldOpenState())
        view = self._view(door)
        self._held_open[door.id], findings = held_open.observe(state, view, door.held_open_after, now)
        return findings

    def _interlock(self, each: Interlock, now: Moment) -> Iterable[Finding]:
        release = self._points.known(f"release/{each.id}")
        waiting = [f"door/{door}" for door in each.doors]
        if each.emergency_release:
            waiting.append(f"release/{each.id}")
        if not all(self._points.heard(point) for point in waiting):
            return ()  # after a start nothing is concluded before every part was read once
        sight = interlock.Sight(
            id=each.id,
            doors=tuple(self._view(self._doors[door]) for door in each.doors),
            release=release.state if release else State.NORMAL,
            release_since=release.since if release else now,
            tolerance=each.tolerance,
        )
        state = self._interlock_states.get(each.id, interlock.InterlockState())
        self._interlock_states[each.id], findings = interlock.observe(state, sight, now)
        return findings

    def _key(self, door: Door, now: Moment) -> Iterable[Finding]:
        owner = self._interlock_of.get(door.id)
        key = self._points.known(f"key/{door.id}")
        zone = self._points.known(owner.occupied_by) if owner and owner.occupied_by else None
        if owner is None or owner.occupied_by is None or key is None or zone is None:
            return ()
        sight = key_override.Sight(
            door=door.id,
            key=key.state,
            key_since=key.since,
            zone=owner.occupied_by,
            occupied=zone.state,
            occupied_since=zone.since,
            gap=self._points.gap(f"key/{door.id}"),
        )
        state = self._keys.get(door.id, key_override.KeyState())
        self._keys[door.id], findings = key_override.observe(state, sight, now)
        return findings

    def _move(self, command: Command, now: Moment) -> tuple[Answer, list[Finding]]:
        """Carry out an order about an output: a lock, a siren, or one that people switch."""
        word, findings = self._arming.refused(command), list[Finding]()
        match None if word else command.args:
            case SilenceArgs():
                self._pulses = sounding.silenced(self._site.siren, self._pulses, now)
            case UnlockArgs(door=name, for_s=for_s):
                word = self._cannot_move(f"lock/{name}") or (
                    "" if self._may_release(self._doors[name]) else "interlock"
                )
                if not word:
                    wait = timedelta(seconds=for_s) if for_s else None
                    findings.append(self._release(self._doors[name], by="order", rows=(), now=now, wait=wait))
            case LockArgs(door=name):
                point = f"lock/{name}"
                self._pulses = outputs.ended(self._pulses, point, State.UNLOCKED, State.LOCKED, now)
                self._releases.pop(name, None)
            case OutputArgs(output=name, on=on, for_s=for_s):
                point = f"output/{name}"
                word = self._cannot_move(point)
                if not word and on:
                    until = now.after(timedelta(seconds=for_s))
                    self._pulses = outputs.start(self._pulses, point, State.ON, State.OFF, until)
                elif not word:
                    self._pulses = outputs.ended(self._pulses, point, State.ON, State.OFF, now)
        return Answer(refused=word), findings

    def _cannot_move(self, point: str) -> str:
        known = self._points.known(point)
        if known is None:
            return "no_output"
        return "unknown" if known.state is State.UNKNOWN else ""

    def _exit(self, door: Door, now: Moment) -> Iterable[Finding]:
        if not door.lock:
            return
        if not self._may_release(door):
            self._refused.add(door.id)  # pressed in vain: that lets nothing open
            self._releases.pop(door.id, None)
            return
        row = because(f"exit/{door.id}", State.ACTIVE, now)
        yield self._release(door, by=_LETS_OPEN["exit"][1], rows=(row,), now=now)

    def _release(
        self, door: Door, *, by: str, rows: tuple[BecauseRow, ...], now: Moment, wait: timedelta | None = None
    ) -> Finding:
        wait = wait or door.release_for
        until = now.after(wait)
        self._pulses = outputs.start(self._pulses, f"lock/{door.id}", State.UNLOCKED, State.LOCKED, until)
        self._releases[door.id] = Release(by=by, at=now)
        self._let(door.id, True)
        facts = {"by": by, "release_s": wait.total_seconds()}
        return Finding(kind=UNLOCKED, source=f"door/{door.id}", phase=Phase.TOLD, at=now, facts=facts, because=rows)

    def _let(self, door: str, once_more: bool) -> None:
        self._let_in[door] = self._let_in.get(door, 0) + once_more

    def _may_release(self, door: Door) -> bool:
        """Every other door of the interlock is known to be closed, and none of them is being released."""
        owner = self._interlock_of.get(door.id)
        for other in owner.doors if owner else ():
            if other == door.id:
                continue
            contact = self._points.known(f"door/{other}")
            if contact is None or contact.state is not State.CLOSED:
                return False
            lock = self._points.known(f"lock/{other}")
            if f"lock/{other}" in self._pulses or (lock and lock.state is State.UNLOCKED):
                return False
        return True

    def _sound(self, findings: Iterable[Finding], now: Moment) -> None:
        """Sirens and buzzers as they must be now."""
        site, waiting = self._site, self._arming.waiting()
        self._sounding, self._pulses = sounding.begun(site.siren, findings, self._sounding, self._pulses, now)
        self._sounding, self._pulses = sounding.over(self._arming.alarming(), self._sounding, self._pulses, now)
        self._buzzing, self._pulses = sounding.buzzing(site.buzzer, waiting, self._buzzing, self._pulses, now)

    def _output(self, point: str, now: Moment) -> Iterable[Finding]:
        pulse, known = self._pulses.get(point), self._points.known(point)
        if known is None or (pulse is None and point not in self._outputs):
            return ()
        sight = output_refused.Sight(
            point=point,
            asked=outputs.asked(pulse) if pulse else None,
            reads=known.state,
            reads_since=known.since,
        )
        state, findings = output_refused.observe(self._outputs.pop(point, output_refused.OutputState()), sight, now)
        if state.stage is not output_refused.Stage.FINE:
            self._outputs[point] = state
        return findings

    def _view(self, door: Door) -> DoorView:
        known = self._points.known(f"door/{door.id}")
        if known is None:
            raise KeyError(door.id)
        return DoorView(
            id=door.id,
            state=known.state,
            since=known.since,
            settling=self._points.settling(f"door/{door.id}"),
            opened_by=self._opened_by.get(door.id, "") if known.state is State.OPEN else "",
            gap=self._points.gap(f"door/{door.id}"),
        )

    def _let_open_by(self, door: Door, at: Moment) -> str:
        owner = self._interlock_of.get(door.id)
        for family, (state, by) in _LETS_OPEN.items():
            name = owner.id if owner and family == "release" else door.id
            point = self._points.known(f"{family}/{name}")
            in_vain = family == "exit" and door.id in self._refused
            if point and point.state is state and not in_vain:
                return by
        release = self._releases.get(door.id)
        return release.by if release and at.since(release.at) <= door.request_grace else ""

    def _lock_row(self, door: Door) -> tuple[str, str, str, str] | None:
        lock = self._points.known(f"lock/{door.id}")
        return because(f"lock/{door.id}", lock.state, lock.since) if lock else None

    def _interlock_view(self, each: Interlock) -> PointView:
        state = self._interlock_states.get(each.id, interlock.InterlockState())
        parts = [self._points.known(f"door/{door}") for door in each.doors]
        shown, cause = State.NORMAL, ""
        if state.stage in {interlock.Stage.BREACH, interlock.Stage.RELEASED}:
            shown = State.ACTIVE
        elif blind := [part.cause for part in parts if part and part.state is State.UNKNOWN]:
            shown, cause = State.UNKNOWN, blind[0]
        latest = max((part.since for part in parts if part), key=lambda since: since.mono_ms)
        return PointView(
            id=f"interlock/{each.id}", name=each.name, state=shown, since=state.since or latest, cause=cause
        )

    def _made_views(self) -> Iterable[PointView]:
        yield from (self._interlock_view(each) for each in self._interlocks.values())
        yield from self._arming.views()

    def _in_turn(self, signal: Signal) -> int:
        """The place of a signal among those of one poll.

        First what changes how the others are judged: a key switch; then the zone that begins an entry delay, before
        those that are free during it. Doors last: what lets a door open is known before its opening is judged.
        """
        family, _, name = signal.point.partition("/")
        if family == "zone":
            zone = self._zones.get(name)
            return 1 if zone and RULES[zone.type].group is Group.DELAYED else 2
        return {"keyswitch": 0, "door": 3}.get(family, 2)

    def _wake_at(self, states: Mapping[str, State], now: Moment) -> int | None:
        due = [outputs.wake_at(self._pulses, states), self._arming.wake_at(now)]
        due += [
            interlock.wake_at(state, self._interlocks[name].tolerance) for name, state in self._interlock_states.items()
        ]
        due += [keyswitch.wake_at(state, now) for state in self._switches.values()]
        due += [output_refused.wake_at(state) for state in self._outputs.values()]
        for name, held in self._held_open.items():
            limit = self._doors[name].held_open_after
            due.append(held_open.wake_at(held, limit) if limit else None)
        # A deadline that has passed without effect waits for a signal: a door that is settling, or unknown.
        return min((each for each in due if each is not None and each > now.mono_ms), default=None)


_LETS_OPEN: Final[Mapping[str, tuple[State, str]]] = {
    "lock": (State.UNLOCKED, "release"),
    "exit": (State.ACTIVE, "exit button"),
    "key": (State.ACTIVE, "key"),
    "release": (State.ACTIVE, "emergency release"),
}
"""What lets a door be opened: the family of the point, its state while it does, and the word for it."""
