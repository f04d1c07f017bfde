"""How a word of `provision` is taught: one parser, its help in the reader's language, and what does the work.

Nothing may be abbreviated: a mistyped option must not be taken for another. Flow: command.py -> the `*_words.py` files.
"""

import argparse
from pathlib import Path

from protocol.texts import Texts
from provisioning.answer import Run


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


def takes_authority(word: argparse.ArgumentParser, say: Texts) -> None:
    """The two options of every word that uses the authority's keys."""
    word.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    word.add_argument("--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N"))
