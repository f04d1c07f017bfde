"""What an ONVIF device is: its video sources and their streams, inputs, presets, recordings. Data.

A camera has one source, a recorder one a channel. Flow: camera.py and recorder.py make one -> the services tell it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.cameras.events import Events
from simulator.cameras.recordings import Recording
from simulator.cameras.state import CameraState


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One way to see a source."""

    path: str  # of its RTSP address
    width: int
    height: int
    fps: int
    kbps: int = 512


@dataclass(frozen=True, kw_only=True)
class Source:
    """One picture: a camera's only one, or a recorder's channel."""

    number: int  # from 1
    name: str
    main: Stream
    sub: Stream

    @property
    def token(self) -> str:
        """Its name on the wire."""
        return f"source-{self.number}"

    @property
    def streams(self) -> Mapping[str, Stream]:
        """By the token of the profile."""
        return {f"main-{self.number}": self.main, f"sub-{self.number}": self.sub}


@dataclass(kw_only=True)
class Device:
    """One device, now."""

    state: CameraState
    events: Events
    sources: tuple[Source, ...]
    rtsp_port: Callable[[], int]
    snapshot: Callable[[int], bytes]  # of a source, as JPEG
    inputs: int = 0
    presets: tuple[str, ...] = ()
    preset: int = 0  # where it looks: 0 home, else the number of a preset
    recordings: tuple[Recording, ...] = ()
    model: str = "SIM-1"
    searches: dict[str, list[str]] = field(default_factory=dict)
    """Results that were found and not fetched yet, by the search's token."""
    stopped_s: dict[int, float] = field(default_factory=dict)
    """Channels that record no more, and since when."""

    @property
    def kind(self) -> str:
        """What it calls itself."""
        return "recorder" if self.recordings and len(self.sources) > 1 else "camera"
