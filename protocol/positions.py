"""On which line of a TOML text a key, a table or a list element stands. The only file that knows tree-sitter.

Imported when a fault must be located, never on the way of a sound file: `tomllib` reads values, this reads places.
The text is known to be valid TOML by then.
"""

import ast
from typing import Final

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]

_TABLES: Final = ("table", "table_array_element")


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of everything that has a path: `("door", 1, "contact")` is the second door's contact."""
    parser = Parser(Language(tree_sitter_toml.language()))
    lines: dict[Path, int] = {(): 1}
    lengths: dict[Path, int] = {}  # how many elements a list of tables has so far
    for node in parser.parse(text.encode()).root_node.children:
        if node.type == "pair":
            _pair(node, (), lines)
        elif node.type in _TABLES:
            _table(node, lines, lengths)
    return lines


def _table(node: Node, lines: dict[Path, int], lengths: dict[Path, int]) -> None:
    keys = _keys(node.named_children[0])
    path: Path = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in lengths:  # `[door.x]` after `[[door]]` belongs to the latest door
            path = (*path, lengths[path] - 1)
    path = (*path, keys[-1])
    line = node.start_point.row + 1
    lines.setdefault(path, line)
    if node.type == "table_array_element":
        lengths[path] = lengths.get(path, 0) + 1
        path = (*path, lengths[path] - 1)
        lines[path] = line
    for child in node.named_children[1:]:
        if child.type == "pair":
            _pair(child, path, lines)


def _pair(node: Node, path: Path, lines: dict[Path, int]) -> None:
    named = [child for child in node.named_children if child.type != "comment"]
    line = node.start_point.row + 1
    for key in _keys(named[0]):
        path = (*path, key)
        lines.setdefault(path, line)
    _value(named[1], path, lines)


def _value(node: Node, path: Path, lines: dict[Path, int]) -> None:
    children = [child for child in node.named_children if child.type != "comment"]
    if node.type == "inline_table":
        for child in children:
            _pair(child, path, lines)
    elif node.type == "array":
        for index, child in enumerate(children):
            lines[(*path, index)] = child.start_point.row + 1
            _value(child, (*path, index), lines)


def _keys(node: Node) -> list[str]:
    if node.type == "dotted_key":
        return [key for child in node.named_children for key in _keys(child)]
    text = (node.text or b"").decode()
    if node.type != "quoted_key":
        return [text]
    if text.startswith("'"):
        return [text[1:-1]]
    try:
        return [str(ast.literal_eval(text))]  # TOML's basic escapes are Python's, but for rare ones
    except (SyntaxError, ValueError):
        return [text[1:-1]]
