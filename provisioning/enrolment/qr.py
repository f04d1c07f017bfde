"""QR images of an invitation, for a terminal and for paper: the only file that knows segno.

What is in the image is a secret until it was used: a file of it is for its owner's eyes only. Flow: `provision token`.
"""

import io
from pathlib import Path
from typing import Final

import segno

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.keeping import write_whole
from provisioning.refusal import RefusedError

KINDS: Final = frozenset({".png", ".svg"})
_SCALE: Final = 6
_MODE: Final = 0o600


class ImageError(RefusedError):
    """Another kind of image than this program makes."""


def terminal_lines(text: str) -> list[str]:
    """The image in half blocks, as lines for a terminal."""
    out = io.StringIO()
    segno.make_qr(text, error="m").terminal(out, compact=True)
    return out.getvalue().rstrip("\n").split("\n")


def check_image(path: Path) -> None:
    """Whether the name says a kind that can be made.

    Raises:
        ImageError: it does not.
    """
    if path.suffix.lower() not in KINDS:
        raise ImageError(N_("{path} must end in .png or .svg"), path=path)


def save_image(text: str, path: Path) -> None:
    """Write the image, whole, for nobody else to read."""
    check_image(path)
    out = io.BytesIO()
    segno.make_qr(text, error="m").save(out, kind=path.suffix[1:].lower(), scale=_SCALE)
    write_whole(path, out.getvalue(), _MODE)
