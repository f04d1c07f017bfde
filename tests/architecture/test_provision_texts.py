"""Whatever `branchwatch provision` says to a person is in the catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from babel.messages.pofile import read_po

from tests.architecture.sources import ROOT, Source, package_sources, report

CATALOGUE = ROOT / "protocol" / "texts" / "zh_CN" / "LC_MESSAGES" / "branchwatch.po"


def sentences(source: Source) -> Iterator[str]:
    """The texts that a file says at once (`say`) or marks to be said later (`N_`)."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id="say" | "N_"), args=[ast.Constant(value=str(text)), *_]):
                yield text


def untold(sources: Iterable[Source], known: set[str]) -> list[str]:
    """Texts that no catalogue knows, with their file."""
    return [f"{source.path}: {text}" for source in sources for text in sentences(source) if text not in known]


def test_every_sentence_of_provision_is_in_the_catalogue() -> None:
    """A Chinese installer reads no English sentence, not even of a fault that nobody tried."""
    with CATALOGUE.open("rb") as stream:
        known = {str(message.id) for message in read_po(stream)}
    faults = untold((source for source in package_sources() if source.package == "provisioning"), known)
    assert not faults, report(faults)


def test_an_untold_sentence_is_found() -> None:
    """The rule fails on a text that is not in the catalogue, said or marked."""
    source = Source(path="provisioning/x.py", text='say("nobody translated this")\nraise XError(N_("nor this"))')
    assert len(untold([source], {"something else"})) == 2
