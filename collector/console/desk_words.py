"""The words of the desk page that are lists: tabs, keys, codes, and the sentences its scripts fill. Data only."""

from typing import Final

from collector.alarms.words import Resolution
from collector.console.move_words import KEY_HELP
from collector.people import PersonRole
from collector.storage.records import AlarmState
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TABS: Final = (
    ("all", N_("All open")),
    ("new", N_("New")),
    ("mine", N_("Mine")),
    ("others", N_("Others")),
    ("parked", N_("Parked")),
)

STATES: Final = {
    AlarmState.NEW: N_("New"),
    AlarmState.ACKNOWLEDGED: N_("Acknowledged"),
    AlarmState.VERIFYING: N_("Verifying"),
    AlarmState.DISPATCHED: N_("Dispatched"),
    AlarmState.PARKED: N_("Parked"),
    AlarmState.RETURNED: N_("Returned"),
    AlarmState.RESOLVED: N_("Resolved, to be reviewed"),
    AlarmState.REVIEWED: N_("Reviewed"),
    AlarmState.CLOSED: N_("Closed"),
}

RESOLUTIONS: Final = {
    Resolution.REAL: N_("Real alarm"),
    Resolution.FALSE_ALARM: N_("False alarm"),
    Resolution.TEST: N_("Test"),
    Resolution.EQUIPMENT_FAULT: N_("Equipment fault"),
    Resolution.RULE_BROKEN: N_("Rule broken"),
}

ROLES: Final = {
    PersonRole.OPERATOR: N_("operator"),
    PersonRole.SHIFT_LEADER: N_("shift leader"),
    PersonRole.CENTRE_DIRECTOR: N_("centre director"),
    PersonRole.REVIEWER: N_("reviewer"),
    PersonRole.AUDITOR: N_("auditor"),
    PersonRole.ADMINISTRATOR: N_("administrator"),
    PersonRole.ENGINEER: N_("field engineer"),
    PersonRole.SECURITY_OFFICER: N_("security officer"),
}

KEYS: Final = (
    (("J", "K"), N_("Next and previous alarm")),
    (("A",), N_("Acknowledge the alarm")),
    (("N",), N_("Write a note")),
    (("R",), N_("Resolve the alarm")),
    *KEY_HELP,
    (("1", "2", "3", "4", "5"), N_("All open, new, mine, others, parked")),
    (("Q",), N_("Quiet now")),
    (("F",), N_("Reviews")),
    (("H",), N_("History")),
    (("B",), N_("Boxes")),
    (("M",), N_("Sound on or off")),
    (("L",), "English / 中文"),
    (("T",), N_("Dark or light")),
    (("Esc",), N_("Back")),
    (("?",), N_("These keys")),
)

SCRIPT: Final = {
    "title": N_("Alarm desk"),
    "load": N_("{n} in 10 minutes"),
    "days": N_("{n} d"),
    "secondsAgo": N_("{n} s ago"),
    "minutesAgo": N_("{n} min ago"),
    "hoursAgo": N_("{n} h ago"),
    "daysAgo": N_("{n} d ago"),
    "leftSeconds": N_("{n} s left"),
    "leftMinutes": N_("{n} min left"),
    "leftHours": N_("{n} h left"),
    "leftDays": N_("{n} days left"),
    "overSeconds": N_("{n} s over"),
    "overMinutes": N_("{n} min over"),
    "overHours": N_("{n} h over"),
    "overDays": N_("{n} days over"),
    "more": N_("and {n} more"),
    "waited": N_("over"),
    "comesBack": N_("back {at}"),
    "returned": N_("returned"),
    "members": N_("{n} grouped"),
    "test": N_("TEST"),
    "unsent": N_("The centre could not be reached; nothing was done. Try again."),
    "lost": N_("Connection to the centre lost"),
    "lostRest": N_("What happened since {at} may not be shown. Everything below is as old as that."),
    "again": N_("Connected again"),
    "cameMeanwhile": N_("After {lasted} without connection, new alarms that came meanwhile and are in the queue: {n}."),
    "noneCame": N_("After {lasted} without connection: no new alarm came meanwhile."),
    "sound-on": N_("Sound on"),
    "sound-muted": N_("Sound muted"),
    "sound-locked": N_("Sound off until the first click or key"),
    "level1": N_("Level I"),
    "level2": N_("Level II"),
    "level3": N_("Level III"),
    "level4": N_("Level IV"),
    "level5": N_("Level V"),
}
