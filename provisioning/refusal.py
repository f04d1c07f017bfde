"""What `provision` will not or cannot do, as one sentence that can be said in either language.

The sentence is a message id of `protocol.texts`; what differs from case to case is filled in after translation. No
field may hold a key or a passphrase. Raised everywhere in this package, caught by `command.py`.
"""

from protocol.texts import Texts
from provisioning.answer import INPUT_WRONG


class RefusedError(Exception):
    """Nothing was done; the message names the place and, where there is one, the next step."""

    code = INPUT_WRONG
    """The exit code of a command that ends with it."""

    def __init__(self, text: str, **fields: object) -> None:
        super().__init__(text.format(**fields) if fields else text)
        self._text, self._fields = text, fields

    def said(self, say: Texts) -> str:
        """The sentence in the reader's language."""
        return say(self._text).format(**self._fields) if self._fields else say(self._text)
