"""The keys of panels, opened once when the receiver begins and held by it alone: each frame needs its panel's.

What cannot be had is a word, never a reason to stop: that panel's frames are not taken, and its points say why.
"""

from collections.abc import Callable, Iterable

from agent.drivers.dc09.config import PanelWiring
from agent.secrets import SecretError
from protocol.dc09.cipher import CipherError, read_key
from protocol.settings import Secret

PENDING = "secret_pending"
UNUSABLE = "secret_unusable"

OpenSecret = Callable[[str], Secret]


class PanelKey:
    """A key that shows itself nowhere."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "PanelKey(***)"


def open_keys(panels: Iterable[PanelWiring], open_secret: OpenSecret | None) -> dict[str, PanelKey | str]:
    """For each panel that has a key: the key, or why there is none. `open_secret`: None where nothing holds secrets."""
    return {panel.id: _key(panel.key, open_secret) for panel in panels if panel.key}


def _key(name: str, open_secret: OpenSecret | None) -> PanelKey | str:
    if open_secret is None:
        return PENDING
    try:
        return PanelKey(read_key(open_secret(name)))
    except SecretError:
        return PENDING
    except CipherError:
        return UNUSABLE
