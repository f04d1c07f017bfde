"""Writes docs/diagrams.md, and the drawings in other pages, from the code: `python -m scripts.diagrams`.

It knows only where the tables are and how a row reads; it decides nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.arming import table
from agent.detectors import device, forced, held_open, interlock, key_override, output_refused
from agent.outbox import records
from collector.alarms.lifecycle import TRANSITIONS as ALARM
from scripts.arming_drawing import pages

TARGET = Path(__file__).parent.parent / "docs" / "diagrams.md"
Arrow = tuple[str, str, str]

_HEAD = """\
# State machines

Drawn from the tables in the code by `python -m scripts.diagrams`; a test fails when this page is older than they are.
What leads back to the same state and does nothing is left out.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, where, arrows in _machines():
        parts.append(f"\n## {title}\n\nTable: `{where}`.\n\n```mermaid\nstateDiagram-v2\n")
        parts.extend(f"    {before} --> {after}: {why}\n" for before, why, after in _joined(arrows))
        parts.append("```\n")
    return "".join(parts)


def _machines() -> Iterator[tuple[str, str, Iterable[Arrow]]]:
    yield "Interlock", "agent/detectors/interlock.py", _steps(interlock.TABLE)
    yield "Door forced", "agent/detectors/forced.py", _phases(forced.TABLE)
    yield "Door held open", "agent/detectors/held_open.py", _phases(held_open.TABLE)
    yield "Opened by key while occupied", "agent/detectors/key_override.py", _phases(key_override.TABLE)
    yield "Output that does not follow", "agent/detectors/output_refused.py", _phases(output_refused.TABLE)
    yield "Partition", "agent/arming/table.py", _steps(table.TABLE)
    yield "Device", "agent/detectors/device.py", _phases(device.TABLE)
    outbox = [(str(before), str(what), str(after)) for (before, what), after in records.TRANSITIONS.items()]
    yield "Event in a box's outbox", "agent/outbox/records.py", outbox
    alarm = [(str(before), str(move), str(row.to)) for (before, move), row in ALARM.items()]
    yield "Alarm at the centre", "collector/alarms/lifecycle.py", alarm


def _steps(table: Mapping[Any, Any]) -> Iterator[Arrow]:
    for (before, seen), (after, steps) in table.items():
        if before is not after or steps:
            yield str(before), f"{seen} / {', '.join(steps)}" if steps else str(seen), str(after)


def _phases(table: Mapping[Any, Any]) -> Iterator[Arrow]:
    for (before, seen), (after, phase) in table.items():
        if before is not after or phase:
            yield str(before), f"{seen} / {phase}" if phase else str(seen), str(after)


def _joined(arrows: Iterable[Arrow]) -> Iterator[Arrow]:
    """Arrows between the same two states become one, so that a drawing can be read."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for before, why, after in arrows:
        reasons.setdefault((before, after), []).append(why)
    for (before, after), whys in reasons.items():
        yield before, " or ".join(whys), after


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
