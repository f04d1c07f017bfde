"""What `provision` will not or cannot do: one sentence, told in the reader's language by `command.py`."""

from protocol.texts import SaidError
from provisioning.answer import INPUT_WRONG


class RefusedError(SaidError):
    """Nothing was done; the message names the place and, where there is one, the next step. Never holds a secret."""

    code = INPUT_WRONG
    """The exit code of a command that ends with it."""
