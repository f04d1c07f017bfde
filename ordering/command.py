"""`branchwatch order`: gives orders that only people's keys can give, from the person's own machine.

Drafts by the console, reads the draft itself, signs only what was asked for, follows what becomes of it.
Exit codes: 0 done, 1 it says no, 2 the input is wrong, 3 cannot be reached.
"""

import argparse

from ordering.giving_words import add_giving_words
from ordering.key_words import add_key_words
from ordering.order_words import add_order_words
from ordering.running import run
from protocol.texts import Texts, texts_for_user
from protocol.words import Words


def main(argv: list[str]) -> int:
    """Run one `branchwatch order` command; 0 done, 1 it says no, 2 the input is wrong, 3 cannot be reached."""
    say = texts_for_user()
    return run("order", _parser(say).parse_args(argv), say)


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch order",
        description=say("Orders that change protection: drafted by the centre, read and signed on your own machine."),
        epilog=say("example:") + "\n  branchwatch order arm 0755-031 cash --key zhao.pem\n"
        "  branchwatch order list --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = Words(parser, say)
    add_giving_words(words)
    add_order_words(words)
    add_key_words(words)
    return parser
