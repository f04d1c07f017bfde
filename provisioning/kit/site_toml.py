"""A site's settings as TOML that an engineer reads on the stick: tables as headings, small things on one line.

Pure. It writes what JSON can hold; what comes back from `tomllib` is equal. No secret can be in it: settings name
secrets and never hold them (WIRE 3.5). Flow: inventory -> here -> `site.toml` of the kit.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_CONTROL: Final = re.compile("\x7f")
"""JSON leaves it as it is; TOML wants it escaped."""


def as_toml(settings: Mapping[str, Any]) -> str:
    """The text; lines end with a newline."""
    return "\n".join(_table((), settings)).strip("\n") + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """Plain values first: after a heading they would belong to it."""
    for key, value in table.items():
        if value is not None and not _has_heading(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if not _has_heading(value):
            continue
        below = (*path, key)
        name = ".".join(_key(part) for part in below)
        for each in [value] if isinstance(value, Mapping) else value:
            yield ""
            yield f"[{name}]" if isinstance(value, Mapping) else f"[[{name}]]"
            yield from _table(below, each)


def _has_heading(value: Any) -> bool:
    """A table of more than one key, or a list of tables; `{ secret = "x" }` stays on its line."""
    if isinstance(value, Mapping):
        return len(value) > 1 or any(isinstance(each, Mapping | list | tuple) for each in value.values())
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case Mapping():
            pairs = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items() if each is not None)
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(_value(each) for each in value)}]"
    raise TypeError(f"no place in a site file for {type(value).__name__}")


def _key(key: str) -> str:
    return key if _BARE.match(key) else _text(key)


def _text(text: str) -> str:
    """A basic string; JSON's escapes are among TOML's."""
    return _CONTROL.sub(r"\\u007f", json.dumps(text, ensure_ascii=False))
