"""The one command: reads the first word and hands the rest to the package that owns it, imported only then.

It knows no feature. It may not import a package before its word is typed, so that a box needs no web framework and a
centre no Modbus client; and it lets no traceback reach a person: one sentence, the place, the next step.
Exit codes: 0 done, 1 it says no, 2 your input is wrong, 3 cannot be reached, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

OURS = ("agent", "branchwatch", "collector", "ordering", "protocol", "provisioning", "simulator")
DONE, INPUT_WRONG, OUR_FAULT, INTERRUPTED, PIPE_CLOSED = 0, 2, 1, 130, 141


@dataclass(frozen=True, kw_only=True)
class Word:
    """One first word of the command line: where it lives, what it needs, how it is taught."""

    module: str
    extras: str
    does: str
    example: str


WORDS = {
    "demo": Word(
        module="simulator.demo",
        extras="agent,collector",
        does="a whole bank on this machine: broker, centre, simulated branches and their boxes, on loopback",
        example="branchwatch demo --sites 3",
    ),
    "agent": Word(
        module="agent.command",
        extras="agent",
        does="the program of a branch's box: check a site file, guard the site",
        example="branchwatch agent run --config site.toml --state /var/lib/branchwatch",
    ),
    "collector": Word(
        module="collector.command",
        extras="collector",
        does="the centre: receive, verify and store events, show the alarm desk",
        example="branchwatch collector serve --config collector.toml --embedded",
    ),
    "provision": Word(
        module="provisioning.command",
        extras="",
        does="the bank's side of trust: certificates, inventory, signed site files, enrolment, installer's kits",
        example="branchwatch provision authority new --dir ca",
    ),
    "order": Word(
        module="ordering.command",
        extras="ordering",
        does="give orders that change protection, signed with your own key on your own machine",
        example="branchwatch order arm 0755-031 cash --key zhao.pem",
    ),
    "request": Word(
        module="ordering.request_words",
        extras="ordering",
        does="ask a box for something that changes no protection: an announcement, its health",
        example="branchwatch request announce 0755-031 leave",
    ),
    "simulate": Word(
        module="simulator.command",
        extras="agent",
        does="have something done at a simulated branch: doors, zones, its panel, its people",
        example="branchwatch simulate act --dir demo 0755-031 dual-open",
    ),
    "verify": Word(
        module="protocol.command",
        extras="",
        does="check an exported ledger offline: nothing missing, altered, reordered or doubled",
        example="branchwatch verify ledger.ndjson --trust root.pem",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    say = _texts()
    _teach_argparse()
    try:
        return _run(words, say)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as leaving:
        return _code_of(leaving)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as problem:  # the last line of defence: a person gets a sentence, the log the rest
        if os.environ.get("BRANCHWATCH_DEBUG"):
            raise
        return _our_fault(problem, words, say)


def _run(words: list[str], say: Callable[[str], str]) -> int:
    if not words:
        print(_help(say), file=sys.stderr)
        return INPUT_WRONG
    first, rest = words[0], words[1:]
    if first in ("-h", "--help", "help"):
        print(_help(say))
        return DONE
    if first == "--version":
        print(f"branchwatch {metadata.version('branchwatch')}")
        return DONE
    if first not in WORDS:
        return _unknown(first, say)
    word = WORDS[first]
    try:
        command = importlib.import_module(word.module)
        return int(command.main(rest))
    except ModuleNotFoundError as missing:
        if missing.name is None:
            raise
        return _not_here(first, word, missing.name, say)


def _unknown(first: str, say: Callable[[str], str]) -> int:
    close = difflib.get_close_matches(first, WORDS, n=1)
    hint = say(' Did you mean "{word}"?').format(word=close[0]) if close else ""
    print(say('branchwatch: there is no command "{word}".').format(word=first) + hint, file=sys.stderr)
    print(say("Known words: {words}. Next step: branchwatch --help").format(words=", ".join(WORDS)), file=sys.stderr)
    return INPUT_WRONG


def _not_here(first: str, word: Word, module: str, say: Callable[[str], str]) -> int:
    if module.split(".", maxsplit=1)[0] in OURS:
        if module != word.module and not word.module.startswith(module + "."):
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        sentence = say('branchwatch: "{word}" is not part of this installation.')
        print(sentence.format(word=first), file=sys.stderr)
        return INPUT_WRONG
    sentence = say(
        'branchwatch: "{word}" needs the library {module}, which is not installed on this machine. '
        'Next step: pip install "{package}"'
    )
    package = f"branchwatch[{word.extras}]" if word.extras else "branchwatch"
    print(sentence.format(word=first, module=module, package=package), file=sys.stderr)
    return INPUT_WRONG


def _our_fault(problem: Exception, words: list[str], say: Callable[[str], str]) -> int:
    log = _write_log(problem, words[:1])
    kind = type(problem).__name__
    sentence = say("branchwatch: this should not have happened ({kind}). The details are in {log}; send that file on.")
    print(sentence.format(kind=kind, log=log), file=sys.stderr)
    return OUR_FAULT


def _write_log(problem: Exception, words: list[str]) -> Path:
    """Append the traceback to the error log; only the first word is kept, for later ones may be private."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "branchwatch"
    log = folder / "errors.log"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as out:
            out.write(f"{datetime.now(UTC).isoformat()} {' '.join(words)}\n")
            out.writelines(traceback.format_exception(problem))
    except OSError as refused:
        return Path(f"(not written: {refused.strerror})")
    return log


def _code_of(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or DONE
    print(leaving.code, file=sys.stderr)
    return OUR_FAULT


def _help(say: Callable[[str], str]) -> str:
    lines = [
        say("branchwatch: guards a bank's branches, with proof in between"),
        "",
        "  branchwatch WORD --help",
        "  branchwatch --version",
        "",
    ]
    for name, word in WORDS.items():
        lines += [f"  {name:<10} {say(word.does)}", f"             $ {word.example}", ""]
    lines.append(say("Exit codes: 0 done, 1 it says no, 2 your input is wrong, 3 cannot be reached."))
    return "\n".join(lines)


def _teach_argparse() -> None:
    """Its own words (usage, options, errors) in the reader's language, which its module looks up by these two names."""

    def say(text: str) -> str:
        return _texts()(text)  # asked anew: whoever runs two commands in one process may have two readers

    vars(argparse).update(_=say, ngettext=lambda one, many, count: say(one if count == 1 else many))


def _texts() -> Callable[[str], str]:
    """The reader's language; English where not even the package with the texts can be imported."""
    try:
        texts_for_user: Callable[[], Callable[[str], str]] = importlib.import_module("protocol.texts").texts_for_user
        return texts_for_user()
    except Exception:  # noqa: BLE001 - without its catalogue the command still works, in English
        return str


if __name__ == "__main__":
    sys.exit(main())
