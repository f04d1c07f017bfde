"""`provision code`: a person's code for the boxes' command line, hashed for the file of secrets.

The code is typed twice at the terminal, or comes on standard input for a script: its line, then the duress code's. It
stands in no argument, no file and no message. Flow: command.py -> here -> code_hashes.py, bundles/secrets_file.py.
"""

import getpass
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from protocol.codes import LONGEST, SHORTEST, check_code, check_pair, secret_text
from protocol.ids import is_id
from protocol.texts import SaidError, Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import Answer
from provisioning.bundles.secrets_file import enter_secret
from provisioning.code_hashes import hash_of
from provisioning.refusal import RefusedError

MAX_LINE: Final = 64


class CodeWordsError(RefusedError):
    """No code was made; the message never holds one."""


def add_code_words(words: Words) -> None:
    """Teach `provision` its word about people's codes."""
    say = words.say
    code = words.add(
        "code",
        say("hash a person's code for arming and disarming at a box"),
        say(
            "The person types the code twice, unseen, and a duress code if there is to be one: it does the same at the "
            "box and calls for help at the centre. Prints the line for the file of secrets, or enters it there; the "
            "site file names it in [[code]]. For scripts both codes come on standard input, a line each."
        ),
        "branchwatch provision code li-na --out secrets.toml",
        _code,
    )
    code.add_argument("person", metavar="PERSON", help=say("the person's id, as in people.toml"))
    code.add_argument("--out", type=Path, metavar="SECRETS.toml", help=say("enter it in this file of secrets"))
    code.add_argument("--site", metavar="SITE", help=say("for this site alone; else for every site that names it"))
    code.add_argument("--name", metavar="NAME", help=say("the secret's name; code-PERSON if not said"))


def _code(arguments: Namespace, say: Texts) -> Answer:
    name = arguments.name or f"code-{arguments.person}"
    for text in (arguments.person, name, arguments.site or "x"):
        if not is_id(text):
            raise CodeWordsError(
                N_('"{text}" is no id: those are made of a-z, 0-9 and -, at most 32 characters'), text=text
            )
    code, duress = _typed(say) if sys.stdin.isatty() else _read()
    text = secret_text(tuple(hash_of(each) for each in (code, duress) if each))
    block = f'[[code]]\nperson = "{arguments.person}"\nsecret = {{ secret = "{name}" }}'
    if arguments.out is None:
        table = f"[site.{arguments.site}]" if arguments.site else "[secrets]"
        return Answer(lines=[table, f'{name} = "{text}"'])
    enter_secret(arguments.out, name, text, arguments.site)
    done = say("{path}: the secret {name} is entered, {codes}.").format(
        path=arguments.out, name=name, codes=say("with a duress code") if duress else say("without a duress code")
    )
    step = say("The site file names it so; next step: branchwatch provision build --secrets {path}")
    return Answer(lines=[done, step.format(path=arguments.out), *block.splitlines()])


def _typed(say: Texts) -> tuple[str, str]:
    code = _twice(say("New code: "), say)
    _judge(code, "")
    duress = _twice(say("Duress code (empty for none): "), say)
    _judge(code, duress)
    return code, duress


def _twice(prompt: str, say: Texts) -> str:
    # getpass would fall back to standard input, where what is typed can be seen.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        first = getpass.getpass(prompt).strip()
        again = getpass.getpass(say("The same again: ")).strip() if first else ""
    except (OSError, EOFError):
        raise CodeWordsError(N_("no code was typed")) from None
    if first != again:
        raise CodeWordsError(N_("the two codes differ; nothing was made"))
    return first


def _read() -> tuple[str, str]:
    lines = [sys.stdin.buffer.readline(MAX_LINE).decode("ascii", "replace").strip() for _ in range(2)]
    _judge(lines[0], lines[1])
    return lines[0], lines[1]


def _judge(code: str, duress: str) -> None:
    try:
        check_code(code)
        if duress:
            check_pair(code, duress)
    except SaidError as error:
        raise CodeWordsError(
            N_("{fault}; nothing was made. Next step: choose {shortest} to {longest} digits that are no pattern"),
            fault=error.said,
            shortest=SHORTEST,
            longest=LONGEST,
        ) from None
