"""A site put together: the bank's centre and calendar, its templates, its schedule, its own file. Pure.

Flow: loading.py -> here -> merging.py; what comes out still knows where every value stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from protocol.settings import Fault
from protocol.site.schema import Calendar, Opening
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said
from provisioning.inventory.files import NOT_IN_TEMPLATES
from provisioning.inventory.folder import Read
from provisioning.inventory.known import Known
from provisioning.inventory.merging import Origin, Table, Value, laid, laid_below, over

MAX_LAYERS: Final = 4
"""Templates upon templates: who looks for a value opens so many files at most."""

CENTRE: Final = ("brokers", "enrolment", "evidence")
CALENDAR: Final = Calendar.__struct_fields__
HOURS: Final = Opening.__struct_fields__


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What sites are put together from."""

    bank: Read
    templates: Mapping[str, Read]
    known: Known


def template_layers(name: str, bench: Bench, faults: list[Fault]) -> list[Table]:
    """A template and those it builds on, the lowest first; none for the one that is built in."""
    layers: list[Table] = []
    names: list[str] = []
    while (read := bench.templates.get(name)) is not None:
        names.append(name)
        layer = laid(read.data, read.source)
        layers.insert(0, layer)
        below = read.data.get("template")
        if not isinstance(below, str):
            break
        if below in names:
            circle = " > ".join([*names[names.index(below) :], below])
            faults.append(layer.fault(("template",), said("templates build on each other: {circle}", circle=circle)))
            break
        if len(names) == MAX_LAYERS:
            text = N_("more than {limit} templates build on each other")
            faults.append(layer.fault(("template",), said(text, limit=MAX_LAYERS)))
            break
        if fault := bench.known.template_fault(below):
            faults.append(layer.fault(("template",), fault))
        name = below
    return layers


def site_table(read: Read, bench: Bench, box: str, faults: list[Fault]) -> Table:
    """All that `settings` of a site holds, and what only the inventory knows; without its template's name."""
    own = laid(read.data, read.source)
    layers: list[Table] = []
    if isinstance(template := read.data.get("template"), str):
        if fault := bench.known.template_fault(template):
            faults.append(own.fault(("template",), fault))
        layers = template_layers(template, bench, faults)
    table = stacked([*layers, own], bench, faults)
    centre = table.keys.get("centre")
    if isinstance(centre, Table):
        named = table.keys.get("box")
        origin = named.origin if named is not None else Origin(read.source, ("box",))
        table = table.holding(centre=centre.holding(box=Value(box, origin)))
    return table


def stacked(layers: list[Table], bench: Bench, faults: list[Fault]) -> Table:
    """Layers on the bank's own; a layer that names a schedule takes the place of the opening hours below it."""
    table = _ground(bench.bank)
    for layer in layers:
        faults.extend(_centre_faults(layer))
        schedule = layer.keys.get("schedule")
        if isinstance(schedule, Value) and (opening := _opening(schedule.value, bench.bank)) is not None:
            table = table.holding(opening=opening)
        table = over(table, layer, faults)
    template = table.keys.get("template")
    if isinstance(template, Value) and isinstance(template.value, str):
        table = table.without("template")
    return table


def template_faults(read: Read) -> list[Fault]:
    """What a template must leave to the site."""
    text = N_("a template has no {key}: every site has its own")
    return [read.source.fault((key,), said(text, key=key)) for key in NOT_IN_TEMPLATES if key in read.data]


def _ground(bank: Read) -> Table:
    tables = {"centre": _kept("centre", CENTRE, bank), "calendar": _kept("calendar", CALENDAR, bank)}
    keys = {key: table for key, table in tables.items() if table is not None}
    return Table(keys, Origin(bank.source, ()))


def _kept(name: str, known: tuple[str, ...], bank: Read) -> Table | None:
    """A table of bank.toml that every site stands on, with the keys that a site file knows."""
    table = bank.data.get(name)
    if not isinstance(table, dict):
        return None
    keys = {key: Value(table[key], Origin(bank.source, (name, key))) for key in known if key in table}
    return Table(keys, Origin(bank.source, (name,)))


def _opening(name: Any, bank: Read) -> Table | None:
    rows = bank.data.get("schedule")
    for index, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict) and row.get("name") == name:
            origin = Origin(bank.source, ("schedule", index))
            return laid_below({key: row[key] for key in HOURS if key in row}, origin)
    return None


def _centre_faults(layer: Table) -> list[Fault]:
    centre = layer.keys.get("centre")
    if not isinstance(centre, Table):
        return []
    text = N_("in an inventory [centre] has {keys} only: the rest is the box's own")
    return [
        layer.fault(("centre", key), said(text, keys=", ".join(CENTRE))) for key in centre.keys if key not in CENTRE
    ]
