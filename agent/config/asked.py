"""From the site file to whom the asker asks: ONVIF cameras, and recorders with the channels that cameras name. Pure."""

from collections.abc import Iterator
from typing import Final

from agent.drivers.asking.words import AskCamera, AskRecorder, Channel
from protocol.site.addresses import AddressError, parse_address
from protocol.site.schema import Camera, Recorder, Site

HTTP_PORT: Final = 80


def tasks_of(site: Site) -> Iterator[AskCamera | AskRecorder]:
    """One task a device, cameras first."""
    for camera in site.camera:
        if camera.protocol == "onvif":
            yield _camera(camera)
    for recorder in site.recorder:
        yield _recorder(recorder, site)


def _camera(camera: Camera) -> AskCamera:
    host, port = _place(camera.address)
    return AskCamera(
        point=f"camera/{camera.id}",
        host=host,
        port=port,
        stream="main" if camera.stream == "main" else "sub",
        events=camera.events,
    )


def _recorder(recorder: Recorder, site: Site) -> AskRecorder:
    host, port = _place(recorder.address)
    channels = []
    for camera in site.camera:
        of, _, number = (camera.recorder or "").partition("/")
        if of == recorder.id:
            channels.append(Channel(camera=camera.id, number=int(number)))
    return AskRecorder(
        point=f"device/{recorder.id}",
        host=host,
        port=port,
        protocol=recorder.protocol,
        channels=tuple(channels),
        timezone=site.timezone,
    )


def _place(address: str) -> tuple[str, int]:
    """Host and port; what is no address is asked all the same, and cannot be reached."""
    try:
        return parse_address(address, HTTP_PORT)
    except AddressError:
        return address, HTTP_PORT
