"""Arming under anything: random zones, silence, commands by every way, time and restarts, against a plain model.

Invariants: a hold-up is always told, never sounds, and lasts until it is reset. What is armed is disarmed by a command
that may, and by nothing else. The site is armed together or not at all. A restart at any point changes nothing.
"""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.arming.commands import Way
from agent.arming.table import ARMED, Stage
from agent.findings import Finding, Phase
from agent.outputs import Stage as Holding
from protocol.orders import people_of
from tests.branch import site_of
from tests.guarded import CALM, SITE, TWO, ZONES, Guarded

PARTITIONS = ("lobby", "cash")
HOLD_UP = "zone.hold_up"
LOUD = {"zone.intrusion", "zone.glass_break", "zone.tamper", "zone.fire"}
PEOPLE = st.sampled_from([TWO, TWO, TWO, ("li-lei",), ("li-lei", "li-lei"), ()])
WAYS = st.sampled_from([Way.ORDER, Way.ORDER, Way.ORDER, *Way])
WHERE = st.sampled_from([*PARTITIONS, "site"])


class Arming(RuleBasedStateMachine):
    """The real guard beside what must be true of it."""

    @initialize()
    def begin(self) -> None:
        """A branch at rest; its siren is told to sound for hold-ups, which it must not."""
        site = site_of(SITE)
        sirens = tuple(msgspec.structs.replace(each, on=(*each.on, HOLD_UP)) for each in site.siren)
        self.branch = Guarded(msgspec.structs.replace(site, siren=sirens))
        self.seen = dict(CALM)
        self.unreset = False  # a hold-up was told and not reset since
        self.guarded = dict.fromkeys(PARTITIONS, False)  # armed, or under a test that comes back to it
        self.together: set[str] = set()
        self.standing: set[tuple[str, str]] = set()
        self.loud = False

    # what happens

    @rule(
        zone=st.sampled_from(ZONES),
        state=st.sampled_from(["active", "active", "active", "normal", "normal", "tamper", "unknown"]),
    )
    def a_zone_changes(self, zone: str, state: str) -> None:
        """Any zone becomes anything."""
        pressed = zone == "button" and state == "active" and self.seen["zone/button"] == "normal"
        tested = "test" in self.branch.marks("zone/button")
        self.seen[f"zone/{zone}"] = state
        found = self.follow(self.branch.say({f"zone/{zone}": state}))
        if pressed and not tested:
            assert any(each.kind == HOLD_UP and each.phase is not Phase.ENDED for each in found)

    @rule(let_go=st.booleans())
    def somebody_presses_the_button(self, let_go: bool) -> None:
        """The hold-up button, pressed and perhaps let go."""
        self.a_zone_changes("button", "active")
        if let_go:
            self.a_zone_changes("button", "normal")

    @rule(where=WHERE, mode=st.sampled_from(["away", "stay"]), late=st.sampled_from(["", "", *ZONES]))
    def everybody_leaves(self, where: str, mode: str, late: str) -> None:
        """All is calm, it is armed, and the exit delay passes, unless somebody is late."""
        self.seen = dict(CALM)
        self.follow(self.branch.say({point: self.seen[point] for point in self.seen if not point.startswith("output")}))
        self.somebody_arms(where, mode, Way.ORDER, TWO)
        if late:
            self.a_zone_changes(late, "active")
        self.the_site_arms_together()
        self.time_passes(61)

    @rule(state=st.sampled_from(["online", "online", "offline"]))
    def the_module_changes(self, state: str) -> None:
        """With it its zones are lost, or read again."""
        self.seen["device/io1"] = state
        if state == "offline":
            self.seen.update({f"zone/{zone}": "unknown" for zone in ZONES})
        self.follow(self.branch.say({point: self.seen[point] for point in self.seen if not point.startswith("output")}))

    @rule(seconds=st.sampled_from([0.1, 5, 21, 31, 61, 301, 1801]))
    def time_passes(self, seconds: float) -> None:
        """Delays, tests, sirens and bypasses end."""
        self.follow(self.branch.after(seconds))

    @rule(same_boot=st.booleans(), lose=st.booleans())
    def it_restarts(self, same_boot: bool, lose: bool) -> None:
        """The stored state, read again: nothing is told anew, and nothing is other than it was."""
        before = self.branch.guard.saved().arming
        shown = self.shown()
        self.branch.restart(same_boot=same_boot)
        outputs = {"output/hall": "on" if self.loud and not lose else self.branch_output("hall")}
        found = self.branch.say({**self.seen, **outputs})
        assert [each for each in found if each.kind != "device.output_refused"] == []
        after = self.branch.guard.saved().arming
        if same_boot:
            assert after == before
        assert self.shown() == shown

    @rule(where=WHERE, mode=st.sampled_from(["away", "stay"]), way=WAYS, people=PEOPLE)
    def somebody_arms(self, where: str, mode: str, way: Way, people: tuple[str, ...]) -> None:
        """By any way; refused, nothing has changed."""
        before = self.stages()
        done = self.give("arm", way, people, partition=where, mode=mode)
        names = PARTITIONS if where == "site" else (where,)
        after = self.stages()
        if not done:
            assert after == before
        elif where == "site":
            assert all(after[name] is not Stage.DISARMED for name in PARTITIONS)
            begun = {name for name in names if after[name] is Stage.ARMING and before[name] is not Stage.ARMING}
            self.together = begun if len(begun) > 1 else self.together

    @rule(where=WHERE, way=WAYS, people=PEOPLE)
    def somebody_disarms(self, where: str, way: Way, people: tuple[str, ...]) -> None:
        """By any way; it is done only by one that may, and then of all that it names."""
        names = PARTITIONS if where == "site" else (where,)
        before = self.stages()
        may = self.may_disarm(names, way, people)
        for name in names:
            self.guarded[name] = self.guarded[name] and not may
        done = self.give("disarm", way, people, partition=where)
        assert done is may
        if done:
            assert {self.stages()[name] for name in names} == {Stage.DISARMED}
            self.together -= set(names)
        else:
            assert self.stages() == before

    @rule(zone=st.sampled_from(ZONES), on=st.booleans(), people=PEOPLE, way=WAYS)
    def somebody_bypasses(self, zone: str, on: bool, people: tuple[str, ...], way: Way) -> None:
        """Whatever zone; never the hold-up button."""
        self.give("bypass", way, people, zone=zone, on=on, for_s=600)
        assert "bypassed" not in self.branch.marks("zone/button")

    @rule(where=WHERE, zones=st.sampled_from([(), ("button",), ("window", "entrance")]), people=PEOPLE, way=WAYS)
    def somebody_tests(self, where: str, zones: tuple[str, ...], people: tuple[str, ...], way: Way) -> None:
        """Zones by name or a whole partition."""
        before = self.stages()
        done = self.give("run_test", way, people, partition=where, zones=list(zones), for_s=600)
        if not done:
            assert self.stages() == before

    @rule(where=st.one_of(WHERE, st.just("")), people=PEOPLE, way=WAYS)
    def somebody_resets(self, where: str, people: tuple[str, ...], way: Way) -> None:
        """A partition, the site, or the button alone."""
        args = {"partition": where} if where else {"zone": "button"}
        was = self.unreset
        self.unreset = False  # what ends now may
        done = self.give("reset_latch", way, people, **args)
        if not done or where == "cash":
            assert (HOLD_UP, "zone/button") in self.standing or not was
            self.unreset = was or self.unreset

    @rule(people=PEOPLE, way=WAYS)
    def somebody_silences(self, people: tuple[str, ...], way: Way) -> None:
        """Every siren ends; nothing else does."""
        stages, marks = self.stages(), self.shown()
        if self.give("silence", way, people):
            assert not self.is_loud()
        assert (self.stages(), self.shown()) == (stages, marks)

    # what must hold

    @invariant()
    def a_hold_up_stays_until_it_is_reset(self) -> None:
        """Its condition stands and its mark is shown as long as nobody reset it."""
        if self.unreset:
            assert (HOLD_UP, "zone/button") in self.standing
            assert "alarm" in self.branch.marks("zone/button")

    @invariant()
    def the_site_arms_together(self) -> None:
        """What began to arm together is arming, armed, or not armed: all of it."""
        stages = self.stages()
        if len({self.phase(stages[name]) for name in self.together}) > 1:
            raise AssertionError(stages)
        if any(stages[name] is not Stage.ARMING for name in self.together):
            self.together = set()

    # the model

    def follow(self, found: list[Finding]) -> list[Finding]:
        """Hold what was found against the model."""
        sounded = False
        for each in found:
            key = (each.kind, each.source)
            if each.phase is Phase.RAISED:
                assert key not in self.standing, each
                self.standing.add(key)
            elif each.phase is Phase.AGAIN:
                assert key in self.standing, each
            elif each.phase is Phase.ENDED:
                assert key in self.standing, each
                self.standing.discard(key)
                assert each.kind != HOLD_UP or not self.unreset, "a hold-up ended that nobody reset"
            if each.kind == HOLD_UP and each.phase is not Phase.ENDED:
                self.unreset = True
            sounded = sounded or (each.kind in LOUD and each.phase is not Phase.ENDED)
        is_loud = self.is_loud()
        assert not (is_loud and not self.loud and not sounded), "it sounds for nothing that may sound"
        self.loud = is_loud
        for name, stage in self.stages().items():
            before = self.branch.guard.saved().arming.partitions[name].test
            armed = stage in ARMED or (stage is Stage.TEST and before is not None and before.before in ARMED)
            assert armed or not self.guarded[name], f"{name} left its guard"
            self.guarded[name] = armed
        return found

    def give(self, action: str, way: Way, people: tuple[str, ...], **args: object) -> bool:
        """Whether it was done."""
        count = len(self.branch.findings)
        answer = self.branch.give(action, way=way, people=people, **args)
        self.follow(self.branch.findings[count:])
        if action in {"bypass", "run_test", "reset_latch", "silence"} and way is not Way.ORDER:
            assert answer.refused in {"needs_order", "zone_elsewhere"}
        return answer.refused == ""

    def may_disarm(self, names: tuple[str, ...], way: Way, people: tuple[str, ...]) -> bool:
        """By order with enough different people, or at the site where one person is enough."""
        needed = {each.id: people_of(each) for each in self.branch.site.partition}
        if way is Way.ORDER:
            return len(set(people)) >= max(needed[name] for name in names)
        guarded = [name for name in names if self.stages()[name] is not Stage.DISARMED]
        return way in {Way.CODE, Way.KEYSWITCH, Way.PANEL} and all(needed[name] == 1 for name in guarded)

    def stages(self) -> dict[str, Stage]:
        """As they are shown."""
        return {name: Stage(self.branch.state(f"partition/{name}")) for name in PARTITIONS}

    def shown(self) -> dict[str, tuple[str, ...]]:
        """States and marks of zones and partitions."""
        return {
            view.id: (str(view.state), *view.marks)
            for view in self.branch.guard.points()
            if view.id.startswith(("zone/", "partition/"))
        }

    def is_loud(self) -> bool:
        """Whether the siren is to sound."""
        pulse = self.branch.guard.saved().pulses.get("output/hall")
        return pulse is not None and pulse.stage is Holding.HOLDING

    def branch_output(self, name: str) -> str:
        """What an output reads."""
        state = self.branch.state(f"output/{name}")
        return state if state != "unknown" else "off"

    @staticmethod
    def phase(stage: Stage) -> str:
        """Arming, armed, or neither."""
        return "armed" if stage in ARMED else str(stage)


TestArming = Arming.TestCase
TestArming.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
