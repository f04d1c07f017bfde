"""The one table and the one JSON file that `make bench` leaves behind. Pure text; writing is the caller's."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from benchmarks.figures import Figure, Verdict, rounded, verdict
from benchmarks.machine import Machine
from protocol.timestamps import format_time

HEADINGS = ("", "figure", "target", "", "ratio", "what limits it")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON file."""

    at: str
    machine: Machine
    figures: tuple[Figure, ...]
    notes: dict[str, str]  # bench -> why it has no figures, or what was special
    met: bool


def report(at: datetime, machine: Machine, figures: Sequence[Figure], notes: dict[str, str]) -> Report:
    """Everything that was measured, in one value; `met` says that no target was missed and no bench failed."""
    met = not notes and all(verdict(figure) is not Verdict.MISSED for figure in figures)
    return Report(at=format_time(at), machine=machine, figures=tuple(figures), notes=notes, met=met)


def as_json(made: Report) -> bytes:
    """The report as an indented file."""
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def as_table(made: Report) -> str:
    """The report as people read it: one row a figure, then the machine."""
    rows = [HEADINGS, *(_row(figure) for figure in made.figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    lines: list[str] = []
    bench = None
    for number, row in enumerate(rows):
        if number and made.figures[number - 1].bench != bench:
            bench = made.figures[number - 1].bench
            lines += ["", bench]
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        lines.append(("  " + "  ".join([*cells, row[-1]])).rstrip())
    lines += ["", *(f"{name}: {note}" for name, note in made.notes.items())]
    machine = made.machine
    lines.append(f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, Linux {machine.kernel}")
    lines[-1] += f", load {machine.load}"
    lines.append(", ".join(f"{name} {version}" for name, version in machine.versions.items()))
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    target = "" if figure.target is None else f"{figure.goal} {figure.target:g}"
    return (
        figure.name,
        f"{rounded(figure.value):,g} {figure.unit}".strip(),
        target,
        verdict(figure).value,
        figure.ratio,
        figure.limit,
    )
