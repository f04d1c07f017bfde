"""`branchwatch provision`: makes an authority, issues, renews, revokes, audits, and writes broker settings.

The shell around the `*_words.py` files: finds the reader's language, prints what they answer, returns the exit code.
Exit codes: 0 done, 1 it says no, 2 the input is wrong.
"""

import argparse
import sys

from protocol.settings import SettingsError
from protocol.texts import Texts, system_said, texts_for_user, told
from protocol.words import Words
from provisioning.answer import INPUT_WRONG
from provisioning.authority_words import add_authority_words
from provisioning.boxes_words import add_boxes_words
from provisioning.broker_words import add_broker_words
from provisioning.bundle_words import add_bundle_words
from provisioning.code_words import add_code_words
from provisioning.enrolment_words import add_enrolment_words
from provisioning.inventory_words import add_inventory_words
from provisioning.kit_words import add_kit_words
from provisioning.lock_words import add_lock_words
from provisioning.people_words import add_people_words
from provisioning.refusal import RefusedError


def main(argv: list[str]) -> int:
    """Run one `branchwatch provision` command; 0 done, 1 it says no, 2 the input is wrong."""
    say = texts_for_user()
    arguments = _parser(say).parse_args(argv)
    try:
        answer = arguments.run(arguments, say)
        for line in answer.lines:
            print(line)
        if answer.warning:
            print(f"branchwatch provision: {answer.warning}", file=sys.stderr)
        return int(answer.code)
    except RefusedError as refused:
        print(f"branchwatch provision: {told(refused, say)}", file=sys.stderr)
        return refused.code
    except SettingsError as error:
        for fault in error.faults:
            print(fault.told(say), file=sys.stderr)
        print(say("Faults: {count}. Nothing was done.").format(count=len(error.faults)), file=sys.stderr)
        return INPUT_WRONG
    except BrokenPipeError:
        raise  # whoever read our output went away: that is no fault of a file
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"branchwatch provision: {place}{system_said(error).told(say)}", file=sys.stderr)
        return INPUT_WRONG


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch provision",
        description=say("The bank's side of trust: certificates, inventory, signed site files, enrolment, kits."),
        epilog=say("example:") + "\n  branchwatch provision authority new --dir ca\n"
        "  branchwatch provision issue box 0755-031-a --site 0755-031 --dir ca --out kit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = Words(parser, say)
    add_authority_words(words)
    add_broker_words(words)
    add_inventory_words(words)
    add_people_words(words)
    add_enrolment_words(words)
    add_kit_words(words)
    add_lock_words(words)
    add_code_words(words)
    add_bundle_words(words)
    add_boxes_words(words)
    return parser
