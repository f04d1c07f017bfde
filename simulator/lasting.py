"""How long something is to last, as a word of a command: `--for SECONDS`. Pure."""

import argparse
from collections.abc import Callable
from math import isfinite

from protocol.texts import Texts


def seconds(say: Texts) -> Callable[[str], float]:
    """What argparse makes of the word: a time that passes and ends, or a refusal."""

    def number(text: str) -> float:
        try:
            span_s = float(text)
        except ValueError:
            span_s = 0.0
        if not isfinite(span_s) or span_s <= 0:
            raise argparse.ArgumentTypeError(say("must be a number of seconds above 0"))
        return span_s

    return number
