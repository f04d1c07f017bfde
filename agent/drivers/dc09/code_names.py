"""The English name of a panel's code, for people who look a signal up. The only file that imports siadc09: its tables.

Data only; what a code means to the guard stands in `protocol/dc09/`, never here.
"""

from siadc09 import dc03, dc05  # type: ignore[import-untyped]


def name_of(code: str) -> str:
    """What the standard calls `BA` or `E130`; empty where it knows no such code."""
    entry = dc03.EVENT.get(code) if len(code) == 2 else dc05.EVENT.get(code[1:])
    return str(entry["name"]) if entry else ""
