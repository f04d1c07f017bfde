"""Why a command ends without what was asked: by who must act, each with its exit code. Sentences only, no secrets."""

from typing import Final

from protocol.texts import SaidError

DONE: Final = 0
SAYS_NO: Final = 1
INPUT_WRONG: Final = 2
NOT_REACHED: Final = 3


class OrderingError(SaidError):
    """The command ends here; the message names the place and the next step."""

    code = SAYS_NO


class RefusedError(OrderingError):
    """Somebody says no: the centre, the box, or this machine, which signs no such thing."""


class InputError(OrderingError):
    """What was typed, or a file that it names, cannot be used."""

    code = INPUT_WRONG


class UnreachedError(OrderingError):
    """The console does not answer now; the same command may work later."""

    code = NOT_REACHED
