"""`branchwatch agent models`: which people models lie where, whether they are what they must be; `--get` fetches one.

Exit codes: 0 there is one to look with, 1 there is none, or what came was refused, 2 the input is wrong, 3 the place
cannot be reached. Flow: command.py -> here -> people/models.py, people/getting.py.
"""

import argparse
import importlib.util
import json
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from agent.people.models import CACHE, Found, Place, Refused, look, places
from agent.state_option import add_state_option
from protocol.people_models import DEFAULT, MODELS, OFFICIAL, Model
from protocol.texts import told

DONE, SAYS_NO, INPUT_WRONG, UNREACHABLE = 0, 1, 2, 3
BAR: Final = 30

Say = Callable[[str], str]


def add_models_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Teach `agent` its word about people models."""
    does = say("the models that find people: where they lie, whether they are right; --get fetches one")
    models = words.add_parser(
        "models",
        help=does,
        description=does,
        epilog=say("example:") + "\n  branchwatch agent models --get",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_state_option(models, say)
    models.add_argument("--models", type=Path, metavar="DIR", help=say("look into this folder first"))
    models.add_argument("--get", action="store_true", help=say("fetch the model into the agent's folder"))
    models.add_argument("--model", metavar="NAME", help=say("this one; the first of the list if not said"))
    models.add_argument("--precision", metavar="NAME", help=say("this precision; the quicker one if not said"))
    models.add_argument("--from", dest="base", metavar="URL", help=say("fetch from the bank's own place instead"))
    models.add_argument("--ca", type=Path, metavar="FILE", help=say("certificates that this place may be signed by"))
    models.add_argument("--json", action="store_true", help=say("for a program"))
    models.set_defaults(run=_models)


def _models(arguments: argparse.Namespace, say: Say) -> int:
    name = arguments.model or DEFAULT
    precisions = [model.precision for model in MODELS.get(name, ())]
    base = (arguments.base or OFFICIAL).rstrip("/")
    if not precisions:
        return _wrong(say("there is no model {name}; there are {names}").format(name=name, names=", ".join(MODELS)))
    if arguments.precision not in (None, *precisions):
        return _wrong(
            say("there is no precision {name}; there are {names}").format(
                name=arguments.precision, names=", ".join(precisions)
            )
        )
    if urlsplit(base).scheme != "https":
        return _wrong(say("--from takes an address that begins with https://"))
    if arguments.get:
        wanted = next(each for each in MODELS[name] if arguments.precision in (None, each.precision))
        code = _get(arguments, wanted, base, say)
        if code != DONE:
            return code
    where = places(arguments.models, arguments.state)
    seen = list(look(where, [arguments.model] if arguments.model else list(MODELS)))
    used = next((each for each in seen if isinstance(each, Found)), None)
    runtime = importlib.util.find_spec("openvino") is not None
    if arguments.json:
        print(json.dumps(_plain(where, seen, used, runtime=runtime), ensure_ascii=False))
    else:
        for line in _told(where, seen, used, say, runtime=runtime):
            print(line)
    return DONE if used is not None and runtime else SAYS_NO


def _get(arguments: argparse.Namespace, wanted: Model, base: str, say: Say) -> int:
    from agent.people.getting import UnreachableError, UnwritableError, WrongFileError, get_model

    try:
        context = ssl.create_default_context(cafile=arguments.ca)
    except (OSError, ssl.SSLError):
        return _wrong(say("{file} holds no certificates").format(file=arguments.ca))
    folder = arguments.state / CACHE
    try:
        got = get_model(wanted, folder, base, context, _bar())
    except UnreachableError as error:
        return _wrong(told(error, say), UNREACHABLE)
    except (WrongFileError, UnwritableError) as error:
        return _wrong(told(error, say), SAYS_NO)
    if not arguments.json:
        sentence = say("{model}: fetched into {folder}.") if got else say("{model}: lies in {folder} already.")
        print(sentence.format(model=wanted.title, folder=folder))
    return DONE


def _told(
    where: tuple[Place, ...],
    seen: list[Found | Refused],
    used: Found | None,
    say: Say,
    *,
    runtime: bool,
) -> list[str]:
    lines = []
    for each in seen:
        if isinstance(each, Refused):
            text = say("{model}: refused: {file} {reason}")
            lines.append(text.format(model=each.model.title, file=each.file, reason=each.reason.told(say)))
            continue
        text = say("{model}: in use, in {folder}") if each is used else say("{model}: in {folder}")
        lines.append(text.format(model=each.title, folder=each.folder))
        lines += [f"  {pinned.name}  sha384 {pinned.sha384}" for pinned in each.model.files]
    if used is None:
        text = say("There is no people model in {folders}. Next step: branchwatch agent models --get")
        lines.append(text.format(folders=", ".join(str(place.folder) for place in where)))
    if not runtime:
        lines.append(say("OpenVINO is not installed: the extra `people` is missing."))
    if used is None or not runtime:
        lines.append(say("Until then presence is found by what moves; events say that they came without people model."))
    return lines


def _plain(
    where: tuple[Place, ...], seen: list[Found | Refused], used: Found | None, *, runtime: bool
) -> dict[str, object]:
    """For a program: sentences in English."""
    models = []
    for each in seen:
        fact: dict[str, object] = {"model": each.model.name, "precision": each.model.precision}
        fact["place"] = each.place.given
        if isinstance(each, Refused):
            fact |= {"state": "refused", "file": str(each.file), "reason": str(each.reason)}
        else:
            fact |= {"state": "right", "folder": str(each.folder)}
            fact["sha384"] = {pinned.name: pinned.sha384 for pinned in each.model.files}
        models.append(fact)
    return {
        "used": used.title if used is not None else None,
        "openvino": runtime,
        "places": [{"place": place.given, "folder": str(place.folder)} for place in where],
        "models": models,
    }


def _bar() -> Callable[[str, int, int], None]:
    """A bar on a terminal; nothing where nobody looks."""

    def show(name: str, size: int, whole: int) -> None:
        if sys.stderr.isatty():
            full = BAR * size // whole
            end = "\n" if size == whole else ""
            bar = f"\r{name}  [{'#' * full}{'.' * (BAR - full)}] {size * 100 // whole:3} %{end}"
            print(bar, end="", file=sys.stderr, flush=True)

    return show


def _wrong(sentence: str, code: int = INPUT_WRONG) -> int:
    print(f"branchwatch agent: {sentence}", file=sys.stderr)
    return code
