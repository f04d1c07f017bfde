"""The models that find people: which there are, pinned by size and SHA-384, and whether bytes are one of their files.

The numbers are those of Intel's release (Open Model Zoo 2022.3, Apache-2.0, `model.yml`). Shared by the box, which
looks with them, and by provisioning, which puts them into a kit. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha384
from pathlib import Path
from types import MappingProxyType
from typing import Final

from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

OFFICIAL: Final = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/2022.3/models_bin/1"
"""Where they come from, as NAME/PRECISION/NAME.xml and .bin below it."""


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """One file as it must be."""

    name: str
    size: int
    sha384: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model in one precision: its net and its weights."""

    name: str
    precision: str
    xml: Pinned
    weights: Pinned

    @property
    def title(self) -> str:
        """As looks and events name it."""
        return f"{self.name} {self.precision}"

    @property
    def files(self) -> tuple[Pinned, Pinned]:
        """Both."""
        return self.xml, self.weights

    def address(self, pinned: Pinned, base: str = OFFICIAL) -> str:
        """Where a file of it is fetched."""
        return f"{base}/{self.name}/{self.precision}/{pinned.name}"

    def flat(self, pinned: Pinned) -> str:
        """A file's name where all lie in one folder."""
        return f"{self.name}-{self.precision}{pinned.name.removeprefix(self.name)}"

    def paths(self, folder: Path, pinned: Pinned) -> tuple[Path, Path]:
        """Where a file of it may lie: as in the release, or all in one folder."""
        return folder / self.name / self.precision / pinned.name, folder / self.flat(pinned)


def _model(name: str, precision: str, xml: tuple[int, str], weights: tuple[int, str]) -> Model:
    return Model(
        name=name,
        precision=precision,
        xml=Pinned(name=f"{name}.xml", size=xml[0], sha384=xml[1]),
        weights=Pinned(name=f"{name}.bin", size=weights[0], sha384=weights[1]),
    )


_2004: Final = "person-vehicle-bike-detection-2004"
_2000: Final = "person-vehicle-bike-detection-2000"

MODELS: Final[Mapping[str, tuple[Model, ...]]] = MappingProxyType(
    {
        _2004: (
            _model(
                _2004,
                "FP16-INT8",
                (
                    1623473,
                    "bd97ae9127d6c81cca8384cdf3dc74f433a0d4dd5bb7c9473cb3aa882fc23478be353ea418d1405019c5eddd67619300",
                ),
                (
                    2074874,
                    "8425a88bd0d45243c723902afa565eee192e2b74a967112e948b56b5df0919958f901e65d196e01d2500fba5290ea293",
                ),
            ),
            _model(
                _2004,
                "FP16",
                (
                    1227251,
                    "ef1b7c57002411cdeb6899c4ba36313859344be8540928be10c491145963ba91024780b51b84300c4838122c32aaea52",
                ),
                (
                    3906044,
                    "2193b63254fbebd60ebfa9840385420c5fca107e9e4215ea47957af1b1e23417251aa31975f12691733b1ed6a8fa7c93",
                ),
            ),
        ),
        _2000: (
            _model(
                _2000,
                "FP16-INT8",
                (
                    468322,
                    "2f5a7523ea5f068cda39ff807510d87f2c3a139045842b4061453c856d59096224bcd3c9786a529e6facdaff7c01a7f9",
                ),
                (
                    1974354,
                    "3034c7d3600e59e7af741859dbfe1034c1cc5c5f6bf1d0947e5da141785ee403041b753027279cf803064e1613115add",
                ),
            ),
            _model(
                _2000,
                "FP16",
                (
                    254780,
                    "37dd9d57188ea8e3291c543068388bc6c2356a152bde37fea600f17b513921cb688ec4996d2953ea8991c34f48194c07",
                ),
                (
                    3642626,
                    "0b386e482e98f3bc00c2726e3c8dc713f433b2dfc9066ef6bb5d39ac8669ab1df5cf791c545b7a91a84dd17c2b1106bd",
                ),
            ),
        ),
    }
)
"""Name -> its precisions, the quicker first. The first name is the default; the other takes less than half its time."""

DEFAULT: Final = next(iter(MODELS))


def fault(pinned: Pinned, content: bytes) -> Said | None:
    """What is wrong with a file's bytes; None: nothing."""
    if looks_like_page(content):
        return said(N_("is a web page, not a model"))
    if len(content) != pinned.size:
        return said(N_("has {size} bytes and not {wanted}"), size=len(content), wanted=pinned.size)
    if sha384(content).hexdigest() != pinned.sha384:
        return said(N_("has another SHA-384 than the one that is pinned"))
    return None


def looks_like_page(content: bytes) -> bool:
    """Whether these bytes begin as HTML does: what a proxy or a wrong address answers."""
    begin = content[:200].lstrip().lower()
    return begin.startswith((b"<!doctype html", b"<html"))
