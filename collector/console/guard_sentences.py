"""What is said about zones, partitions and orders, as data: joined into sentences.py, filled by wording.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "zone.intrusion": (
            N_("{source} was triggered, and {confirmed_by} confirms it"),
            N_("{source} was triggered while it guards"),
        ),
        "zone.hold_up": (N_("{source}: somebody asks for help and does not show it"),),
        "zone.duress": (
            N_("{person} acts under duress ({way}); at the site nothing shows it"),
            N_("Somebody acts under duress; at the site nothing shows it"),
        ),
        "zone.fire": (N_("{source} reports fire"),),
        "zone.vibration": (N_("{source} feels drilling or blows"),),
        "zone.glass_break": (N_("{source} hears breaking glass"),),
        "zone.tamper": (
            N_("{source} was tampered with: {cause}"),
            N_("{source} was tampered with"),
        ),
        "zone.trouble": (
            N_("{source} guards nothing: {cause}"),
            N_("{source} guards nothing: its state is unknown"),
        ),
        "zone.bypassed": (
            N_("{source} is out of guard until {until}; {people} ordered it"),
            N_("{source} is out of guard until {until}"),
            N_("{source} is out of guard"),
        ),
        "zone.swinger_shutdown": (N_("{source} alarmed so often that it is shut down until the next disarming"),),
        "partition.armed": (
            N_("{source} is armed ({mode}), {way}: {people}; without {bypassed}"),
            N_("{source} is armed ({mode}), {way}; without {bypassed}"),
            N_("{source} is armed ({mode}), {way}: {people}"),
            N_("{source} is armed ({mode}), {way}"),
        ),
        "partition.disarmed": (
            N_("{source} is disarmed, {way}: {people}"),
            N_("{source} is disarmed, {way}"),
        ),
        "partition.arm_failed": (
            N_("{source} could not be armed: {blocking}"),
            N_("{source} could not be armed"),
        ),
        "partition.late_to_close": (
            N_("{source} should have been armed by {arm_by}"),
            N_("{source} was not armed in time"),
        ),
        "partition.arming_soon": (N_("{source} arms itself at {at}"),),
        "partition.early_to_open": (
            N_("{source} was disarmed, and opens only at {opens}"),
            N_("{source} was disarmed on a day on which it is closed"),
        ),
        "partition.failed_to_open": (
            N_("{source} should have been disarmed by {open_by}"),
            N_("{source} was not disarmed in time"),
        ),
        "order.refused": (
            N_("The order was refused: {reason} ({blocking})"),
            N_("The order was refused: {reason} ({person})"),
            N_("The order was refused: {reason} ({people})"),
            N_("The order was refused: {reason} ({by})"),
            N_("The order was refused: {reason}"),
        ),
        "calendar.unknown": (N_("Nobody has said yet which days of {year} are working days"),),
    }
)

HEADLINES_BY_REASON: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("order.refused", "needs_people"): (
            N_("The order was refused: {needed} people must approve it, and {approved} did"),
        ),
        ("order.refused", "code_wrong"): (N_("No such code: nothing was armed or disarmed"),),  # no enrolment code
    }
)

OVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "zone.intrusion": N_("The zone is at rest, and was reset"),
        "zone.hold_up": N_("The panic button was reset"),
        "zone.fire": N_("The fire zone is at rest, and was reset"),
        "zone.vibration": N_("The zone is at rest, and was reset"),
        "zone.glass_break": N_("The zone is at rest, and was reset"),
        "zone.tamper": N_("The tamper contact is closed, and was reset"),
        "zone.trouble": N_("The zone can be read again"),
        "zone.bypassed": N_("The zone is on guard again"),
        "zone.swinger_shutdown": N_("The zone is on guard again"),
        "partition.late_to_close": N_("It is armed now"),
        "partition.arm_failed": N_("Nothing prevents the arming any more"),
        "partition.failed_to_open": N_("It is disarmed now"),
        "calendar.unknown": N_("The working days are known now"),
    }
)

ASIDES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "verification": N_("verification {verification} of 4"),
        "again": N_("it acted {again} more times before it was reset"),
    }
)

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "disarmed": N_("disarmed"),
        "arming": N_("arming, people leave"),
        "armed_away": N_("armed"),
        "armed_stay": N_("armed, people inside"),
        "entry_delay": N_("entry delay runs"),
        "alarm": N_("in alarm"),
        "test": N_("under test"),
        "tamper": N_("tampered with"),
    }
)

MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alarm": N_("alarm latched"),
        "bypassed": N_("bypassed"),
        "shut_down": N_("shut down for repeating"),
        "test": N_("under test"),
        "not_ready": N_("not ready"),
        "late": N_("not armed in time"),
        "warned": N_("arms itself soon"),
    }
)
"""What else is true of a point, beside its state."""

KINDS_OF_PARTITION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "general": N_("general"),
        "cash": N_("cash area"),
        "vault": N_("vault"),
        "atm_service": N_("ATM service room"),
        "office": N_("office"),
        "perimeter": N_("perimeter"),
    }
)

PARTS_OF_BOX: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agent": N_("Program of the box"),
        "calendar": N_("Calendar of the box"),
        "certificate": N_("Certificate of the box"),
        "clock": N_("Clock of the box"),
        "codes": N_("Codes at the box"),
        "ledger": N_("Ledger of the box"),
        "orders": N_("Orders to the box"),
        "outbox": N_("Outbox of the box"),
        "receipts": N_("Receipts to the box"),
        "receiver": N_("Panel receiver of the box"),
        "requests": N_("Requests to the box"),
        "roster": N_("Roster of the box"),
        "site": N_("Site file of the box"),
        "store": N_("Store of the box"),
    }
)
"""What an event of the box itself is about: `box/codes` is no box of that name."""

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {"partition": N_("Partition {id}"), "keyswitch": N_("Key switch {id}")}
)

REASONS_OF: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("partition", "order"): N_("set by order"),
        ("partition", "code"): N_("set by code"),
        ("partition", "keyswitch"): N_("set by key switch"),
        ("partition", "panel"): N_("set at the alarm panel"),
        ("partition", "schedule"): N_("set by the timetable"),
    }
)
"""What stands behind a partition in an explanation: how it was armed or disarmed last."""

FACT_WORDS_OF: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("way", "order"): N_("by order"),
        ("way", "code"): N_("by code"),
        ("way", "keyswitch"): N_("by key switch"),
        ("way", "panel"): N_("at the alarm panel"),
        ("way", "schedule"): N_("by the timetable"),
        ("way", "site_file"): N_("by a new site file"),
        ("mode", "away"): N_("everybody out"),
        ("mode", "stay"): N_("people inside"),
        ("reason", "unknown"): N_("its state is not known"),
        ("action", "arm"): N_("Arm"),
        ("action", "disarm"): N_("Disarm"),
        ("action", "bypass"): N_("Bypass"),
        ("action", "bypass_end"): N_("End the bypass"),
        ("action", "unlock"): N_("Unlock"),
        ("action", "lock"): N_("Lock"),
        ("action", "output"): N_("Switch an output"),
        ("action", "reset_latch"): N_("Reset"),
        ("action", "run_test"): N_("Test"),
        ("action", "silence"): N_("Silence"),
    }
)
"""(fact, value) where the value alone would be another word."""

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "short": N_("short circuit"),
        "open": N_("wire cut"),
        "band": N_("a value that means nothing"),
        "case": N_("case opened"),
        "not_ready": N_("not ready"),
        "needs_order": N_("only an order can do this"),
        "interlock": N_("the other door of the interlock is not closed"),
        "no_output": N_("there is nothing to switch"),
        "hold_up": N_("a panic button is never bypassed"),
        "fire": N_("a fire zone is never bypassed"),
        "already": N_("it is so already"),
        "busy": N_("a test goes on, or an alarm"),
        "expired": N_("its time ran out on the way"),
        "roster_older": N_("the box has an older list of people than the order names"),
        "roster_ended": N_("the box's list of people has ended"),
        "unknown_person": N_("the box does not know this person"),
        "right_missing": N_("the key may not approve this"),
        "role": N_("the person's role may not order this"),
        "unit": N_("the person belongs to another unit"),
        "duty": N_("the person is not on duty there now"),
        "clock_suspect": N_("the box doubts its clock, and the right is for certain hours"),
        "needs_people": N_("too few people approved"),
        "malformed_args": N_("not complete"),
        "no_such_partition": N_("no such partition"),
        "no_such_zone": N_("no such zone"),
        "no_such_door": N_("no such door"),
        "no_such_output": N_("no such output"),
        "zone_elsewhere": N_("the zone belongs to another partition"),
        "code_partition": N_("the code may not be used there"),
        "code_hours": N_("the code may not be used at this hour"),
        "not_followed": N_("no partition follows this panel"),
        "codes_locked": N_("codes are locked for ten minutes"),
        "under_test": N_("it is under test"),
        "again": N_("told again"),
        "renewed": N_("with a new end"),
        "its time is over": N_("its time is over"),
        "disarmed": N_("by disarming"),
        "no longer scheduled": N_("the timetable no longer names it"),
        "no_loudspeaker": N_("the site has no loudspeaker"),
        "no_such_announcement": N_("no such announcement"),
        "speaking": N_("another announcement is being spoken"),
        "no_sound_file": N_("its sound file is not on the box"),
        "no_program": N_("the box has no program that speaks or plays"),
        "no_sound": N_("the box's sound device does not play"),
        "serial line cannot be opened": N_("the serial line cannot be opened"),
        "serial line is never quiet": N_("the serial line is never quiet"),
    }
)
