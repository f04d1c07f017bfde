"""How a command's words are taught: one parser each, its help in the reader's language, and what does the work.

Nothing may be abbreviated: a mistyped option must not be taken for another. Flow: a package's command.py -> here -> its
`*_words.py` files.
"""

import argparse
from argparse import Namespace
from collections.abc import Callable

from protocol.texts import Texts

Run = Callable[[Namespace, Texts], object]
"""What does a word's work; each package says what it returns."""


class Words:
    """The words below one word."""

    def __init__(self, parser: argparse.ArgumentParser, say: Texts, metavar: str = "COMMAND") -> None:
        self.say = say
        self._parser = parser
        self._words = parser.add_subparsers(required=True, metavar=metavar)

    def add(self, name: str, does: str, description: str, example: str, run: Run) -> argparse.ArgumentParser:
        """A word that does something; its options are added to what this returns."""
        word = self._words.add_parser(
            name,
            help=does,
            description=description,
            epilog=self.say("example:") + f"  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        word.set_defaults(run=run)
        if self._parser.epilog is None:  # whoever asks for help one word too early sees the whole command all the same
            self._parser.epilog = self.say("example:") + f"  {example}"
        return word

    def below(self, name: str, does: str) -> "Words":
        """A word that has words of its own."""
        below = self._words.add_parser(
            name,
            help=does,
            description=does,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        return Words(below, self.say)
