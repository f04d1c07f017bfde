"""Every answer of the simulated ONVIF device against ONVIF's own schemas, which lie beside the library that we use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import onvif  # type: ignore[import-untyped]
import pytest
from lxml import etree  # type: ignore[import-untyped]
from zeep import Client, Settings
from zeep.exceptions import XMLParseError

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.device import Device
from simulator.cameras.device_services import DEVICE_ANSWERS
from simulator.cameras.recordings import Recording
from simulator.cameras.search_services import SEARCH_ANSWERS
from simulator.cameras.soap import NAMES, Call, answer, parsed

WSDL = Path(onvif.__file__).parent / "wsdl"
FILES = {
    "tds": "devicemgmt",
    "tmd": "deviceio",
    "trt": "media",
    "tptz": "ptz",
    "tev": "events",
    "trc": "recording",
    "tse": "search",
    "trp": "replay",
}
ASKED = {
    "trt:GetProfile": "<trt:ProfileToken>main-1</trt:ProfileToken>",
    "trt:GetStreamUri": "<trt:ProfileToken>sub-1</trt:ProfileToken>",
    "trt:GetSnapshotUri": "<trt:ProfileToken>sub-1</trt:ProfileToken>",
    "tptz:GotoPreset": "<tptz:PresetToken>preset-1</tptz:PresetToken>",
    "tse:GetRecordingInformation": "<tse:RecordingToken>recording-1</tse:RecordingToken>",
    "tse:GetRecordingSearchResults": "<tse:SearchToken>found</tse:SearchToken>",
    "tse:GetEventSearchResults": "<tse:SearchToken>happened</tse:SearchToken>",
    "tse:EndSearch": "<tse:SearchToken>found</tse:SearchToken>",
    "trc:GetRecordingJobState": "<trc:JobToken>job-of-recording-1</trc:JobToken>",
    "trp:GetReplayUri": "<trp:RecordingToken>recording-1</trp:RecordingToken>",
}
"""What is asked beside the operation's name."""
ANSWERS: Mapping[str, Callable[[Device, Call, str], str]] = {**DEVICE_ANSWERS, **SEARCH_ANSWERS}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@cache
def schemas(prefix: str) -> Any:
    """A service's types; strict: what the schema does not have is refused."""
    read: Callable[..., Any] = Client  # zeep has no types
    return read(str(WSDL / f"{FILES[prefix]}.wsdl"), settings=Settings(strict=True)).wsdl.types


def asked(name: str) -> Call:
    """The call of that name, as a client sends it."""
    prefixes = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NAMES.items())
    body = f"<{name}>{ASKED.get(name, '')}</{name}>"
    return parsed(f"<s:Envelope {prefixes}><s:Body>{body}</s:Body></s:Envelope>".encode())


def device() -> Device:
    """One with everything, and two searches that found something."""
    camera = SimulatedCamera(
        presets=("door",), recordings=(Recording(channel=1, holes=((9e9, 9.1e9),)), Recording(channel=2)), channels=2
    )
    for token, name in (("found", "tse:FindRecordings"), ("happened", "tse:FindEvents")):
        SEARCH_ANSWERS[name](camera.device, asked(name), "http://127.0.0.1:80")
        camera.device.searches[token] = camera.device.searches.popitem()[1]
    return camera.device


def read_strictly(name: str, envelope: bytes) -> Any:
    """The answer as ONVIF's schema has it.

    Raises:
        XMLParseError: it is not as the schema says.
    """
    types = schemas(name.partition(":")[0])
    node = etree.fromstring(envelope)[1][0]
    return types.get_element(node.tag).parse(node, types)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_is_as_onvifs_schema_says(name: str) -> None:
    """Elements, their order, their values: what the schema does not know, or misses, is a fault of ours."""
    call = asked(name)
    inner = ANSWERS[name](device(), call, "http://127.0.0.1:80")
    read = read_strictly(name, answer(call, inner))
    assert (read is not None) == bool(inner)


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("tds:GetDeviceInformation", "<tds:Model>a</tds:Model><tds:Manufacturer>b</tds:Manufacturer>"),
        ("tse:GetRecordingSummary", "<tse:Summary><tt:DataUntil>never</tt:DataUntil></tse:Summary>"),
    ],
)
def test_an_answer_in_another_order_is_found(name: str, inner: str) -> None:
    """The check fails on elements that are out of order or missing."""
    with pytest.raises((XMLParseError, ValueError)):
        read_strictly(name, answer(asked(name), inner))
