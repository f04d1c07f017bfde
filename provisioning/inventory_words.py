"""`provision check | import | inventory new`: arguments in, sentences out. Flow: command.py -> here -> inventory/."""

import json
from argparse import ArgumentParser, Namespace
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.settings import SettingsError
from protocol.texts import Texts
from protocol.words import Words
from provisioning.answer import INPUT_WRONG, Answer
from provisioning.authority import new_key
from provisioning.inventory.attention import calendar_warnings
from provisioning.inventory.csv_table import MAX_CSV_BYTES, read_csv
from provisioning.inventory.example import new_inventory
from provisioning.inventory.folder import SITES, read_folder
from provisioning.inventory.importing import Line, What, plan_import
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.shapes import Inventory
from provisioning.inventory.writing import write_sites


def add_inventory_words(words: Words) -> None:
    """Teach `provision` its words about the inventory."""
    say = words.say
    check = words.add(
        "check",
        say("judge the inventory: every fault with file and line"),
        say(
            "Reads the whole inventory, puts every site together with its template, and tells all that is wrong "
            "at once: unknown keys, devices at one address, doors in two interlocks, people without a key, sites "
            "that nobody is responsible for. Writes nothing."
        ),
        "branchwatch provision check --inventory inventory",
        _check,
    )
    takes_inventory(check, say)
    check.add_argument("--json", action="store_true", help=say("for a machine to read"))

    table = words.add(
        "import",
        say("sites from a table, with a preview"),
        say(
            "Reads a table as spreadsheets save it (CSV; UTF-8 or GB18030; commas, semicolons or tabs) and shows for "
            "each line what would become of it. The first line names the columns: id, name, unit, box, template, "
            "schedule, timezone, key_site, and io1.address for the address of the entry io1. An empty cell changes "
            "nothing. With --write all lines are written, or none if one is wrong."
        ),
        "branchwatch provision import outlets.csv --inventory inventory --template outlet",
        _import,
    )
    table.add_argument("table", type=Path, metavar="FILE.csv")
    takes_inventory(table, say)
    table.add_argument(
        "--template", default="", metavar="NAME", help=say("of new sites, where the table names no other")
    )
    table.add_argument("--write", action="store_true", help=say("write what the preview shows"))

    new = words.below("inventory", say("begin an inventory")).add(
        "new",
        say("a small bank to learn from"),
        say(
            "Writes an inventory of one site, with every line explained. It is sound as it stands: change it, and let "
            "`check` tell what is wrong. What is in the folder already is never overwritten."
        ),
        "branchwatch provision inventory new --dir inventory",
        _new,
    )
    new.add_argument("--dir", type=Path, required=True, help=say("folder that does not hold anything yet"))


def takes_inventory(word: ArgumentParser, say: Texts) -> None:
    """The option of every word that reads the inventory."""
    word.add_argument("--inventory", type=Path, required=True, metavar="DIR", help=say("the inventory's folder"))


def _check(arguments: Namespace, say: Texts) -> Answer:
    try:
        inventory = load_inventory(arguments.inventory)
    except SettingsError as error:
        if not arguments.json:
            raise
        return Answer(lines=[_as_json(_faulty(error, say))], code=INPUT_WRONG)
    counts = _counts(inventory)
    worth = (*inventory.warnings, *calendar_warnings(inventory, datetime.now(UTC).date()))
    if arguments.json:
        warnings = [{"file": each.file, "line": each.line, "message": each.message.told(say)} for each in worth]
        return Answer(lines=[_as_json({"sound": True, **counts, "warnings": warnings})])
    line = say("{folder}: sound. Sites: {sites}; boxes enrolled: {boxes}; people: {people}; keys: {keys}.")
    warned = [f"{each.place}: {each.message.told(say)}" for each in worth]
    return Answer(
        lines=[line.format(folder=arguments.inventory, **counts)],
        warning="\n".join([say("Worth a look ({count}):").format(count=len(warned)), *warned]) if warned else "",
    )


def _counts(inventory: Inventory) -> Mapping[str, int]:
    boxes = {site.box for site in inventory.sites.values()}
    return {
        "sites": len(inventory.sites),
        "boxes": len(boxes & inventory.boxes.keys()),
        "people": len(inventory.people),
        "keys": sum(len(person.in_roster.keys) for person in inventory.people.values()),
    }


def _faulty(error: SettingsError, say: Texts) -> Mapping[str, object]:
    return {
        "sound": False,
        "faults": [
            {"file": fault.file, "line": fault.line, "table": fault.path, "message": fault.message.told(say)}
            for fault in error.faults
        ],
    }


def _as_json(answer: Mapping[str, object]) -> str:
    return json.dumps(answer, ensure_ascii=False)


def _new(arguments: Namespace, say: Texts) -> Answer:
    key = new_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    files = new_inventory(arguments.dir, b64encode(key).decode("ascii"), say)
    told = say("{folder}: {count} files. Next step: branchwatch provision check --inventory {folder}")
    return Answer(lines=[*(str(file) for file in files), told.format(folder=arguments.dir, count=len(files))])


def _import(arguments: Namespace, say: Texts) -> Answer:
    with arguments.table.open("rb") as stream:
        table = read_csv(stream.read(MAX_CSV_BYTES + 1), str(arguments.table))
    folder = read_folder(arguments.inventory)
    lines = plan_import(table, folder, arguments.template, lambda file: Path(file).read_text(encoding="utf-8-sig"))
    counts = {what.name.lower(): sum(line.what is what for line in lines) for what in What}
    sum_ = say("{new} new, {changed} changed, {same} the same, {wrong} wrong.").format(**counts)
    # Among two thousand lines the wrong ones would be lost; and while one is wrong, the others become nothing.
    told = [line for line in lines if line.what is What.WRONG] if counts["wrong"] else lines
    shown = [text for line in told for text in _shown(line, say)]
    if counts["wrong"]:
        wrong = say("Nothing was written. Next step: mend the table, or the template that a line names.")
        return Answer(lines=[*shown, sum_], warning=wrong, code=INPUT_WRONG)
    if not arguments.write:
        return Answer(lines=[*shown, sum_, say("Nothing was written. Next step: the same command with --write.")])
    if not any(line.text for line in lines):
        write_sites(arguments.inventory, {})
        return Answer(lines=[*shown, sum_, say("Nothing was written: nothing is new or changed.")])
    write_sites(arguments.inventory, {line.site: line.text for line in lines if line.text})
    return Answer(lines=[*shown, sum_, say("Written to {folder}.").format(folder=arguments.inventory / SITES)])


def _shown(line: Line, say: Texts) -> Iterator[str]:
    name = "".join(each if each.isprintable() else "?" for each in f"{line.site:<16}  {line.name}"[:100])
    yield f"{line.line:>6}  {say(line.what.value):<12}  {name}".rstrip()
    for each in line.differences:
        yield f"{'':>8}{each.column}: {each.old} -> {each.new}"
    for fault in line.faults:
        yield f"{'':>8}{fault.told(say)}"
