"""The words of what is kept quiet, and of what became of a notice. Data only."""

from typing import Final

from collector.notify.records import NoticeState
from collector.storms.records import Cause, Sort, Why
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SHELTERED: Final = {
    Why.STORM: N_("Part of an incident; quiet until it is over:"),
    Why.INHIBITED: N_("Follows from a box that is not heard; quiet until it is:"),
    Why.FLAPPING: N_("Comes and goes; quiet until it rests for ten minutes:"),
    Why.SHELVED: N_("Shelved; comes back by itself:"),
    Why.TEST: N_("On test: logged, not escalated."),
    Why.MAINTENANCE: N_("Under maintenance; comes back by itself:"),
}
"""Why an alarm is kept quiet."""

QUIET: Final = {
    Why.STORM: N_("in incidents"),
    Why.INHIBITED: N_("behind silent boxes"),
    Why.FLAPPING: N_("come and go"),
    Why.SHELVED: N_("shelved"),
    Why.TEST: N_("on test"),
    Why.MAINTENANCE: N_("under maintenance"),
}
"""The same, with a count before it."""

SUSPENSIONS: Final = {
    Sort.SHELVE: N_("Shelved"),
    Sort.TEST: N_("On test"),
    Sort.MAINTENANCE: N_("Maintenance"),
    Sort.FLAPPING: N_("Comes and goes"),
}

CAUSES: Final = {
    Cause.LINK: N_("link"),
    Cause.POWER: N_("power"),
}

NOTICES: Final = {
    NoticeState.QUEUED: N_("waits to be sent"),
    NoticeState.SENDING: N_("being sent"),
    NoticeState.SENT: N_("sent"),
    NoticeState.DELIVERED: N_("delivered"),
    NoticeState.READ: N_("read"),
    NoticeState.FAILED: N_("failed"),
    NoticeState.HELD: N_("bundled with others"),
    NoticeState.CANCELLED: N_("no longer needed"),
}
"""What became of a notice."""
