"""XML from devices, read within limits: no document type, so no entities; nothing too deep or too long. Pure.

For what is small and ours to understand (ISAPI, WS-Discovery). SOAP goes through the ONVIF library, under the same
limits. Flow: recorders/hikvision.py, onvif/discovery.py -> here.
"""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

__all__ = ["Element", "XmlError", "child", "every", "local", "parse", "said"]

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 32
MAX_ELEMENTS: Final = 20_000


class XmlError(ValueError):
    """This is no XML that we read; the text says why in a word."""


class _Bounded(TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise XmlError("too deep or too much")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse(data: bytes) -> Element:
    """The root of a document in UTF-8.

    Raises:
        XmlError: too long, too deep, with a document type, or no XML.
    """
    if len(data) > MAX_BYTES:
        raise XmlError("too long")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise XmlError("not UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlError("document type")
    parser = XMLParser(target=_Bounded(), encoding="utf-8")  # noqa: S314 - no entity can be declared
    try:
        parser.feed(text)
        root = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, XmlError):
            raise
        raise XmlError("not XML") from None
    if not isinstance(root, Element):
        raise XmlError("not XML")
    return root


def local(element: Element) -> str:
    """Its name without a namespace."""
    return element.tag.rpartition("}")[2]


def every(root: Element, name: str) -> Iterator[Element]:
    """Every element of this local name, itself included."""
    return (each for each in root.iter() if local(each) == name)


def child(element: Element, *path: str) -> Element | None:
    """The first child of a child...; None where there is none."""
    found: Element | None = element
    for name in path:
        if found is None:
            return None
        found = next((each for each in found if local(each) == name), None)
    return found


def said(element: Element, *path: str, limit: int = 128) -> str:
    """The text there, printable and cut; empty where there is none."""
    found = child(element, *path)
    text = (found.text or "") if found is not None else ""
    return "".join(letter for letter in text.strip()[:limit] if letter.isprintable())
