"""One command run to its exit code: whatever ends it is told in one sentence, never a traceback.

Flow: command.py, request_words.py -> here -> the word's own work.
"""

import sys
from argparse import Namespace

from ordering.refusal import INPUT_WRONG, OrderingError
from protocol.settings import SettingsError
from protocol.texts import Texts, system_said, told


def run(word: str, arguments: Namespace, say: Texts) -> int:
    """The exit code of `branchwatch WORD ...`."""
    try:
        return int(arguments.run(arguments, say))
    except OrderingError as error:
        _tell(f"branchwatch {word}: {told(error, say)}")
        return error.code
    except SettingsError as error:
        for fault in error.faults:
            _tell(fault.told(say))
        return INPUT_WRONG
    except BrokenPipeError:
        raise  # whoever read our output went away: that is no fault of a file
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _tell(f"branchwatch {word}: {place}{system_said(error).told(say)}")
        return INPUT_WRONG


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
