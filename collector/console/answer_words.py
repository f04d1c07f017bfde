"""What is said to whoever answers a notice: by a reply, or on the page behind its link. Data and pure text."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from collector.notify.answers import Came, Told
from collector.times import local
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

REPLIES: Final[Mapping[Came, str]] = MappingProxyType(
    {
        Came.TOOK: N_("You have taken this alarm. Go to the alarm desk and handle it."),
        Came.PAUSED: N_("Your answer is noted. Nobody else is told until {time}; the alarm must be taken at the desk."),
        Came.OVER: N_("This alarm is already taken or over. Nothing was changed."),
        Came.AGAIN: N_(
            "You answered this notice before; nothing was changed. The alarm desk shows how the alarm stands."
        ),
        Came.PROVEN: N_("This channel is proven. There is no alarm."),
        Came.NOTED: N_("Noted."),
        Came.WRONG: N_("There is no notice with this code for you. Look at the six digits and send them alone."),
        Came.CLOSED: N_("Too many wrong codes came from here. Wait ten minutes, or log in at the alarm desk."),
    }
)
"""What an answer did."""

OVER: Final = N_("This alarm is over. You need not do anything.")
GONE: Final = N_("This link answers nothing any more: it was used, is older than a day, or the alarm is over.")
LOG_IN: Final = N_("Log in at the alarm desk to see the alarm.")
TAKE: Final = N_("I take this alarm")
SEEN: Final = N_("I have seen this")
"""The button for whoever may not take it, and for level I, which is taken at the desk only."""
TAKES: Final = N_("Pressing the button takes the alarm in your name.")
PAUSES: Final = N_("Pressing the button says that you know. It does not take the alarm; do that at the desk.")
OUTSIDE: Final = N_("Pressing the button says that you know.")


def replied(told: Told, texts: Texts) -> str:
    """What an answer did, in words; a pause says until when: a further answer makes it no longer."""
    words = texts(REPLIES[told.came])
    return words if told.until_ms is None else words.format(time=f"{local(told.until_ms, told.timezone):%H:%M:%S}")
