"""What words of `provision` have in common: how they are taught, and the options for the authority's keys."""

import argparse
from pathlib import Path

from protocol.texts import Texts


def takes_authority(word: argparse.ArgumentParser, say: Texts) -> None:
    """The two options of every word that uses the authority's keys."""
    word.add_argument("--dir", type=Path, required=True, help=say("the authority's folder"))
    word.add_argument("--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N"))
