"""The one transition table of a partition: what each trigger makes of each stage, and what is done on the way. Data.

A missing key is the error: nothing that can happen to a partition is undecided. Who may pull a trigger, and whether a
partition is ready, is judged before (`arming.py`). docs/diagrams.md and docs/arming.md draw this table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Stage(StrEnum):
    """Where a partition stands; the same words as its point's states on the wire."""

    DISARMED = "disarmed"
    ARMING = "arming"  # exit delay
    ARMED_AWAY = "armed_away"
    ARMED_STAY = "armed_stay"  # interior zones are left out
    ENTRY_DELAY = "entry_delay"
    ALARM = "alarm"  # armed, and a zone of it acted
    TEST = "test"


class Mode(StrEnum):
    """How it is armed."""

    AWAY = "away"
    STAY = "stay"


class Trigger(StrEnum):
    """What happens to it."""

    ARM_AWAY = "arm_away"  # a command, and it is ready
    ARM_STAY = "arm_stay"
    DISARM = "disarm"  # a command that may
    RUN_TEST = "run_test"
    EXIT_OVER_AWAY = "exit_over_away"  # the exit delay ended and it is ready
    EXIT_OVER_STAY = "exit_over_stay"
    NOT_READY = "not_ready"  # at the end of the exit delay, an instant zone during it, or another that arms with it
    ENTRY = "entry"  # a delayed zone acted
    ACTS = "acts"  # a zone acted that is given no time
    ENTRY_OVER = "entry_over"
    RESET_AWAY = "reset_away"  # the last of its alarms was reset and is at rest
    RESET_STAY = "reset_stay"
    TEST_OVER = "test_over"  # back to what it was before the test
    TEST_OVER_AWAY = "test_over_away"
    TEST_OVER_STAY = "test_over_stay"


class Step(StrEnum):
    """What a change of stage does."""

    START_EXIT = "start_exit"
    START_ENTRY = "start_entry"
    START_TEST = "start_test"
    END_TEST = "end_test"
    TELL_ARMED = "tell_armed"
    TELL_DISARMED = "tell_disarmed"
    TELL_FAILED = "tell_failed"
    TELL_FIRST = "tell_first"  # the alarm of the zone that began the entry delay
    CLEAR = "clear"  # what disarming ends: intrusion latches, shutdowns, bypasses
    REFUSE = "refuse"  # not now


Row = tuple[Stage, tuple[Step, ...]]

TABLE: Final[Mapping[tuple[Stage, Trigger], Row]] = MappingProxyType(
    {
        (Stage.DISARMED, Trigger.ARM_AWAY): (Stage.ARMING, (Step.START_EXIT,)),
        (Stage.DISARMED, Trigger.ARM_STAY): (Stage.ARMING, (Step.START_EXIT,)),
        (Stage.DISARMED, Trigger.DISARM): (Stage.DISARMED, ()),
        (Stage.DISARMED, Trigger.RUN_TEST): (Stage.TEST, (Step.START_TEST,)),
        (Stage.ARMING, Trigger.ARM_AWAY): (Stage.ARMING, ()),
        (Stage.ARMING, Trigger.ARM_STAY): (Stage.ARMING, ()),
        (Stage.ARMING, Trigger.DISARM): (Stage.DISARMED, (Step.TELL_DISARMED, Step.CLEAR)),
        (Stage.ARMING, Trigger.RUN_TEST): (Stage.ARMING, (Step.REFUSE,)),
        (Stage.ARMING, Trigger.EXIT_OVER_AWAY): (Stage.ARMED_AWAY, (Step.TELL_ARMED,)),
        (Stage.ARMING, Trigger.EXIT_OVER_STAY): (Stage.ARMED_STAY, (Step.TELL_ARMED,)),
        (Stage.ARMING, Trigger.NOT_READY): (Stage.DISARMED, (Step.TELL_FAILED,)),
        (Stage.ARMED_AWAY, Trigger.ARM_AWAY): (Stage.ARMED_AWAY, ()),
        (Stage.ARMED_AWAY, Trigger.ARM_STAY): (Stage.ARMED_AWAY, ()),  # it guards more than asked
        (Stage.ARMED_AWAY, Trigger.DISARM): (Stage.DISARMED, (Step.TELL_DISARMED, Step.CLEAR)),
        (Stage.ARMED_AWAY, Trigger.RUN_TEST): (Stage.TEST, (Step.START_TEST,)),
        (Stage.ARMED_AWAY, Trigger.ENTRY): (Stage.ENTRY_DELAY, (Step.START_ENTRY,)),
        (Stage.ARMED_AWAY, Trigger.ACTS): (Stage.ALARM, ()),
        (Stage.ARMED_STAY, Trigger.ARM_AWAY): (Stage.ARMED_AWAY, (Step.TELL_ARMED,)),  # at once: nothing is given up
        (Stage.ARMED_STAY, Trigger.ARM_STAY): (Stage.ARMED_STAY, ()),
        (Stage.ARMED_STAY, Trigger.DISARM): (Stage.DISARMED, (Step.TELL_DISARMED, Step.CLEAR)),
        (Stage.ARMED_STAY, Trigger.RUN_TEST): (Stage.TEST, (Step.START_TEST,)),
        (Stage.ARMED_STAY, Trigger.ENTRY): (Stage.ENTRY_DELAY, (Step.START_ENTRY,)),
        (Stage.ARMED_STAY, Trigger.ACTS): (Stage.ALARM, ()),
        (Stage.ENTRY_DELAY, Trigger.ARM_AWAY): (Stage.ENTRY_DELAY, ()),  # arming ends no entry delay
        (Stage.ENTRY_DELAY, Trigger.ARM_STAY): (Stage.ENTRY_DELAY, ()),
        (Stage.ENTRY_DELAY, Trigger.DISARM): (Stage.DISARMED, (Step.TELL_DISARMED, Step.CLEAR)),
        (Stage.ENTRY_DELAY, Trigger.RUN_TEST): (Stage.ENTRY_DELAY, (Step.REFUSE,)),
        (Stage.ENTRY_DELAY, Trigger.ACTS): (Stage.ALARM, ()),
        (Stage.ENTRY_DELAY, Trigger.ENTRY_OVER): (Stage.ALARM, (Step.TELL_FIRST,)),
        (Stage.ALARM, Trigger.ARM_AWAY): (Stage.ALARM, ()),
        (Stage.ALARM, Trigger.ARM_STAY): (Stage.ALARM, ()),
        (Stage.ALARM, Trigger.DISARM): (Stage.DISARMED, (Step.TELL_DISARMED, Step.CLEAR)),
        (Stage.ALARM, Trigger.RUN_TEST): (Stage.ALARM, (Step.REFUSE,)),
        (Stage.ALARM, Trigger.ACTS): (Stage.ALARM, ()),
        (Stage.ALARM, Trigger.RESET_AWAY): (Stage.ARMED_AWAY, ()),
        (Stage.ALARM, Trigger.RESET_STAY): (Stage.ARMED_STAY, ()),
        (Stage.TEST, Trigger.ARM_AWAY): (Stage.ARMING, (Step.END_TEST, Step.START_EXIT)),
        (Stage.TEST, Trigger.ARM_STAY): (Stage.ARMING, (Step.END_TEST, Step.START_EXIT)),
        (Stage.TEST, Trigger.DISARM): (Stage.DISARMED, (Step.END_TEST, Step.TELL_DISARMED, Step.CLEAR)),
        (Stage.TEST, Trigger.RUN_TEST): (Stage.TEST, (Step.REFUSE,)),
        (Stage.TEST, Trigger.TEST_OVER): (Stage.DISARMED, (Step.END_TEST,)),
        (Stage.TEST, Trigger.TEST_OVER_AWAY): (Stage.ARMED_AWAY, (Step.END_TEST,)),
        (Stage.TEST, Trigger.TEST_OVER_STAY): (Stage.ARMED_STAY, (Step.END_TEST,)),
    }
)

ARM: Final = MappingProxyType({Mode.AWAY: Trigger.ARM_AWAY, Mode.STAY: Trigger.ARM_STAY})
EXIT_OVER: Final = MappingProxyType({Mode.AWAY: Trigger.EXIT_OVER_AWAY, Mode.STAY: Trigger.EXIT_OVER_STAY})
RESET: Final = MappingProxyType({Mode.AWAY: Trigger.RESET_AWAY, Mode.STAY: Trigger.RESET_STAY})
TEST_OVER: Final = MappingProxyType(
    {
        Stage.DISARMED: Trigger.TEST_OVER,
        Stage.ARMED_AWAY: Trigger.TEST_OVER_AWAY,
        Stage.ARMED_STAY: Trigger.TEST_OVER_STAY,
    }
)
"""By the stage before the test."""

ARMED: Final = frozenset({Stage.ARMED_AWAY, Stage.ARMED_STAY, Stage.ENTRY_DELAY, Stage.ALARM})
